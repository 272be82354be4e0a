"""Which words count as adult and which as toxic, and which of them innocent pages use as well.

English: datatrove's lists for URLs (`banned_words.txt`, `soft_banned_words.txt`; most of them from
the LDNOOBW list that C4 used), read from the installed package. They were made for addresses, so
here they are sorted: words that law, medicine, scripture, old novels and cooking use are ambiguous,
and count only beside unambiguous ones. This project sorted them by their use on pages of a real
crawl. Other languages: a few words each that are typical of adult pages.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

# On datatrove's lists, and on innocent pages: law and medicine, Buddhist and Christian scripture,
# Shakespeare, names, trades, animals, drinks, code ("xxx"), film categories.
AMBIGUOUS = frozenset(
    "acrotomophilia anilingus anus ass babes baise bareback barenaked bastard bastardo"
    " bastinado bbw beaners beastiality bondage boner boob boobs brunette busty butt cialis"
    " clit clitoris cock cocks coon coons coprolagnia coprophilia cornhole cuckold cum cumming"
    " cunnilingus dendrophilia dick dildo dildos dingleberries dingleberry dolcett domination"
    " dvda ecchi ejaculate ejaculation erotic erotism escort eunuch fecal felch fellatio"
    " feltch figging fingering fisting frotting fuck fuckin fucking genitals grope guro"
    " hardcore homoerotic hooker horny humping incest intercourse interracial jailbait juggs"
    " kinbaku kinky knobbing latina latino lesbian lingerie lolita lovemaking masturbate"
    " masturbating masturbation naked nambla nawashi neonazi nipple nipples nsfw nude nudity"
    " nymphomania octopussy orgasm orgasms orgy paedophile panties panty pedobear pedophile"
    " pegging penis pikey pissing playboy poof poon pornography pthc pubes pussy queef quim"
    " rape raping rapist rectum sadism salope santorum scat schlong scissoring semen sex sexo"
    " sexual sexuality sexually sexy shemale shibari shota shrimping skeet slut smut snatch"
    " snowballing sodomize sodomy spank spastic splooge spooge spunk strappado stroking suck"
    " sucking sucks swastika swinger threesome threesomes throating tit tits titties titty"
    " topless tosser tribadism tushy twink twinkie undressing upskirt urophilia vagina viagra"
    " vibrator vorarephilia voyeur vulva wank webcam whore xxx yaoi yiffy zoophilia".split()
)
# Ambiguous words that are vulgar: four different ones on a page leave no doubt what it is about.
VULGAR = frozenset(
    "ass babes boobs busty butt clit cock cocks cum cumming dick fuck fucking hardcore horny"
    " humping kinky panties pussy sexy slut spank stroking suck sucking throating tit tits"
    " titties topless voyeur wank webcam whore xxx".split()
)
# On the same lists, and no sign of adult pages: insults and slurs, drugs, brands, names.
TOXIC = frozenset(
    "apeshit arsehole asshole assmunch beaner bitch bitches bollocks bulldyke bullshit"
    " clusterfuck coon coons cunt darkie fag faggot fuck fuckin fucking fucktards fudgepacker"
    " honkey jigaboo jiggaboo jiggerboo kike motherfucker negro nigga nigger paki pikey"
    " pisspig poopchute raghead shit shitblimp shitty slanteye slut spic towelhead tranny twat"
    " wank wetback whore".split()
)
# Toxic words above that are innocent in old books, place names and other languages.
MILD = frozenset(
    "bastards bitch bitches bollocks coon coons darkie fag honkey negro paki pikey retard"
    " retarded retards slut spic twat wank whore".split()
)
# Missing from the lists, since addresses do not have them.
MORE_TOXIC = frozenset(
    "assholes bastards cunts dipshit dumbass faggots fucker fuckers kikes motherfuckers"
    " niggas niggers retard retarded retards scumbag scumbags shithead subhuman subhumans".split()
)
MORE_ADULT = frozenset(
    "blowjobs camgirls camsex cocksucker cocksucking creampies cumslut deepthroats dildos"
    " fapping gangbangs handjobs hotwife milfs onlyfans orgasms pornhub pornos porns pornstar"
    " pornstars pussies sexcams tits titties xhamster xvideos".split()
)

# Words of adult pages in the largest other languages; phrases
# where a word is several syllables or signs.
ADULT_ABROAD: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "de": "porno pornos sexfilme fotze fotzen ficken fickt gefickt titten muschi möpse wichsen"
        " wichst arschfick schwanzlutscher nutten spermageil blasehase",
        "fr": "porno salope salopes baiser baisée enculer enculée suceuse branlette éjac bites"
        " chattes nichons pipes partouze libertine",
        "es": "porno follar follando follada tetas coño polla pollas putas culazo mamada mamadas"
        " cachonda cachondas corrida corridas maduras",
        "it": "porno scopare scopata figa fica cazzo cazzi troia troie pompino pompini sborra"
        " sborrata tettone inculata maialina",
        "pt": "porno pornô buceta bucetas xoxota caralho foder fodendo fodida putaria punheta"
        " boquete gostosa gostosas novinha novinhas cuzinho",
        "nl": "porno neuken neukt geneukt kut kutje geile tieten pijpen aftrekken sletje sletten"
        " kontneuken sexfilms",
        "pl": "porno ruchanie rucha cipka cipki cipkę cycki kutas kutasa obciąga lodzika seksfilmy"
        " dupcia walenie",
        "cs": "porno šukání šuká kunda kundička píča mrdka mrdání kouření čurák prsatá péro"
        " sexvideo",
        "ru": "порно порнуха секс трахает трахнул трахают ебля ебет минет сиськи сиски пизда пизду"
        " хуй хуем член кончает кончил кончила анал анальный шлюха шлюхи жопу",
        "uk": "порно секс трахає трахнув мінет цицьки пизда хуй кінчає шлюха анал",
        "tr": "porno sikiş sikişi sikiyor amcık amını götünü yarak yarrak azgın liseli türbanlı"
        " ifşa sakso",
        "id": "bokep ngentot memek kontol jembut toket sange colmek ngewe bugil mesum",
        "ar": "سكس نيك نيج طيز كس زب مص اباحي اباحية متناكة شرموطة بزاز",
        "fa": "سکس سکسی کیر کوس کس کون جنده ساک پورن",
        "ko": "야동 섹스 보지 자지 자위 포르노 야설 떡치기 강간 오피 사까시",
        "hi": "चुदाई चूत लंड चोदा चोदना गांड बूब्स सेक्स",
    }.items()
}
ADULT_PHRASES: dict[str, tuple[str, ...]] = {
    "zh": tuple(
        "色情 成人视频 成人影片 成人电影 无码 無碼 黄片 黄色网站 做爱 做愛"
        " 自慰 口交 肛交 肉棒 骚逼 淫荡 淫水 巨乳 强奸 自拍偷拍 国产自拍"
        " 三级片 操逼 精液 鸡巴 情色".split()
    ),
    "ja": tuple(
        "エロ動画 アダルト動画 アダルトビデオ 無修正 巨乳 フェラ 中出し セックス オナニー"
        " おっぱい パイズリ 素人ナンパ 痴女 熟女 まんこ ちんぽ 潮吹き 手コキ 乳首 ハメ撮り".split()
    ),
    "th": tuple("หนังโป๊ คลิปโป๊ เย็ด เงี่ยน".split()),
    "vi": ("phim sex", "loạn luân", "địt nhau", "thủ dâm", "bú cặc", "truyện sex", "phim jav"),
}
