"""Pages in every charset of the WHATWG's standard, whole and damaged, declared and not.

Sentences are our own, in a language for which the charset was made; they are encoded by Python's
codecs, so that nothing of what is tested makes them. A damage touches one sentence: the others must
come out as they are.
"""

import dataclasses
import unicodedata
from collections.abc import Iterator

RUSSIAN = (
    "Сегодня утром в городе было тихо, и только старый трамвай ехал по мосту.",
    "Мы купили хлеб, сыр и яблоки, а потом долго сидели у реки и разговаривали.",
    "Вечером сосед рассказал, что раньше здесь стояла мельница и жили рыбаки.",
    "Каждый год в начале осени дети собирают листья и приносят их в школу.",
)
UKRAINIAN = (
    "Сьогодні вранці в місті було тихо, і лише старий трамвай їхав через міст.",
    "Ми купили хліб, сир та яблука, а потім довго сиділи біля річки й розмовляли.",
    "Увечері сусід розповів, що раніше тут стояв млин і жили рибалки з родинами.",
    "Щороку на початку осені діти збирають листя і приносять його до школи.",
)
POLISH = (
    "Dziś rano w mieście było cicho, tylko stary tramwaj jechał przez most.",
    "Kupiliśmy chleb, ser i jabłka, a potem długo siedzieliśmy nad rzeką.",
    "Wieczorem sąsiad opowiedział, że kiedyś stał tu młyn i żyli rybacy.",
    "Każdej jesieni dzieci zbierają liście i przynoszą je do szkoły.",
)
ESPERANTO = (
    "Hodiaŭ matene la urbo estis trankvila, nur malnova tramo veturis ĉirkaŭ la ponto.",
    "Ni aĉetis panon, fromaĝon kaj pomojn, kaj poste sidis longe ĉe la rivero.",
    "Vespere la najbaro rakontis, ke ĉi tie iam staris muelejo de fiŝkaptistoj.",
    "Ĉiujare en aŭtuno la infanoj kolektas foliojn kaj portas ilin al la lernejo ĝoje.",
)
LATVIAN = (
    "Šorīt pilsētā bija kluss, tikai vecs tramvajs brauca pāri tiltam.",
    "Mēs nopirkām maizi, sieru un ābolus un pēc tam ilgi sēdējām pie upes.",
    "Vakarā kaimiņš stāstīja, ka agrāk šeit stāvēja dzirnavas un dzīvoja zvejnieki.",
    "Katru gadu rudens sākumā bērni lasa lapas un nes tās uz skolu.",
)
LITHUANIAN = (
    "Šįryt mieste buvo tylu, tik senas tramvajus važiavo per tiltą.",
    "Nusipirkome duonos, sūrio ir obuolių, o paskui ilgai sėdėjome prie upės.",
    "Vakare kaimynas pasakojo, kad anksčiau čia stovėjo malūnas ir gyveno žvejai.",
    "Kiekvienų metų rudenį vaikai renka lapus ir neša juos į mokyklą.",
)
ARABIC = (
    "كانت المدينة هادئة هذا الصباح، ولم يمر على الجسر إلا قطار قديم.",
    "اشترينا الخبز والجبن والتفاح ثم جلسنا طويلا قرب النهر نتحدث.",
    "في المساء حكى لنا الجار أن طاحونة كانت هنا وأن الصيادين سكنوا حولها.",
    "في بداية كل خريف يجمع الأطفال الأوراق ويحملونها إلى المدرسة.",
)
GREEK = (
    "Σήμερα το πρωί η πόλη ήταν ήσυχη και μόνο ένα παλιό τραμ περνούσε τη γέφυρα.",
    "Αγοράσαμε ψωμί, τυρί και μήλα και μετά καθίσαμε πολλή ώρα δίπλα στο ποτάμι.",
    "Το βράδυ ο γείτονας μας είπε ότι παλιά εδώ υπήρχε μύλος και ζούσαν ψαράδες.",
    "Κάθε χρόνο στην αρχή του φθινοπώρου τα παιδιά μαζεύουν φύλλα για το σχολείο.",
)
HEBREW = (
    "הבוקר העיר הייתה שקטה, ורק חשמלית ישנה עברה על הגשר.",
    "קנינו לחם, גבינה ותפוחים, ואחר כך ישבנו זמן רב ליד הנהר.",
    "בערב סיפר השכן שפעם עמדה כאן טחנה וגרו בה דייגים.",
    "בכל שנה בתחילת הסתיו הילדים אוספים עלים ומביאים אותם לבית הספר.",
)
ICELANDIC = (
    "Í morgun var rólegt í bænum og aðeins gamall sporvagn ók yfir brúna.",
    "Við keyptum brauð, ost og epli og sátum síðan lengi við ána.",
    "Um kvöldið sagði nágranninn að hér hefði áður staðið mylla og þar byggju sjómenn.",
    "Á hverju hausti safna börnin laufum og færa þau í skólann.",
)
WELSH = (
    "Roedd y dref yn dawel y bore ŵyl hwnnw, a dim ond hen dram a âi dros y bont.",
    "Prynon ni fara, caws ac afalau, ac eistedd yn hir wrth y dŵr tŷ.",
    "Gyda'r nos dywedodd y cymydog fod melin yma ers talwm a physgotwyr yn ei thŷ.",
    "Bob blwyddyn bydd y plant yn casglu dail ac yn eu cludo i'r ysgol ym mhen y tŷ gwŷr.",
)
FRENCH = (
    "Ce matin la ville était très calme, et seul un vieux tramway passait sur le pont.",
    "Nous avons acheté du pain, du fromage et des pêches, puis nous avons dormi près de l'eau.",
    "Le soir, le voisin a raconté qu'un moulin se trouvait ici et que des pêcheurs y vivaient.",
    "Chaque année, au début de l'automne, les élèves ramassent des feuilles près de l'école.",
)
ROMANIAN = (
    "În această dimineață orașul era liniștit și doar un tramvai vechi trecea podul.",
    "Am cumpărat pâine, brânză și mere, apoi am stat mult timp lângă râu.",
    "Seara vecinul ne-a povestit că aici a fost o moară și că trăiau pescari.",
    "În fiecare toamnă copiii adună frunze și le duc la școală în coșuri.",
)
GERMAN = (
    "Heute früh war die Stadt ruhig, nur eine alte Straßenbahn fuhr über die Brücke.",
    "Wir kauften Brot, Käse und Äpfel und saßen danach lange am Fluß.",
    "Am Abend erzählte der Nachbar, daß hier früher eine Mühle stand und Fischer lebten.",
    "Jedes Jahr im Herbst sammeln die Schüler Blätter und bringen sie zur Schule zurück.",
)
TURKISH = (
    "Bu sabah şehir sessizdi, yalnızca eski bir tramvay köprüden geçiyordu.",
    "Ekmek, peynir ve elma aldık, sonra uzun süre ırmağın kıyısında oturduk.",
    "Akşam komşumuz eskiden burada bir değirmen olduğunu ve balıkçıların yaşadığını anlattı.",
    "Her yıl güz başında çocuklar yaprak toplayıp okula götürüyor.",
)
VIETNAMESE = (
    "Sáng nay thành phố yên tĩnh, chỉ có một chuyến tàu điện cũ chạy qua cầu.",
    "Chúng tôi mua bánh mì, phô mai và táo, rồi ngồi rất lâu bên bờ sông.",
    "Buổi tối người hàng xóm kể rằng trước đây ở đây có một cối xay và những người đánh cá.",
    "Mỗi năm vào đầu mùa thu trẻ em nhặt lá và mang đến trường học.",
)
THAI = (
    "เช้านี้เมืองเงียบมาก มีเพียงรถรางเก่าคันหนึ่งวิ่งข้ามสะพาน",
    "เราซื้อขนมปังกับผลไม้ แล้วนั่งคุยกันริมแม่น้ำอยู่นาน",
    "ตอนเย็นเพื่อนบ้านเล่าว่าเมื่อก่อนที่นี่มีโรงสีและมีชาวประมงอาศัยอยู่",
    "ทุกปีเมื่อเริ่มฤดูหนาวเด็กๆ จะเก็บใบไม้แล้วนำไปที่โรงเรียน",
)
CHINESE = (
    "今天早上城里很安静，只有一辆旧电车从桥上开过。",
    "我们买了面包、奶酪和苹果，然后在河边坐了很久。",
    "晚上邻居告诉我们，从前这里有一座磨坊，住着打鱼的人。",
    "每年秋天开始的时候，孩子们都把树叶带到学校去。",
)
CANTONESE = (
    "今朝城入面好靜，得一架舊電車喺橋上面行過。",
    "我哋買咗麵包、芝士同蘋果，之後喺河邊坐咗好耐。",
    "夜晚隔籬鄰舍話，以前呢度有間磨坊，住咗啲打魚嘅人。",
    "每年秋天開始嘅時候，啲細路都會執樹葉帶返學校。",
)
JAPANESE = (
    "今朝の町はとても静かで、古い電車だけが橋を渡っていきました。",
    "私たちはパンとチーズとりんごを買って、川のそばに長い間座っていました。",
    "夜になると隣の人が、昔ここには水車小屋があって漁師が住んでいたと話してくれました。",
    "毎年秋の初めになると、子どもたちは葉を集めて学校に持っていきます。",
)
KOREAN = (
    "오늘 아침 도시는 조용했고 낡은 전차 한 대만 다리를 건너고 있었습니다.",
    "우리는 빵과 치즈와 사과를 사서 강가에 오랫동안 앉아 있었습니다.",
    "저녁에 이웃 사람이 예전에 여기에 물레방아가 있었고 어부들이 살았다고 말했습니다.",
    "해마다 가을이 시작되면 아이들은 나뭇잎을 모아 학교에 가져갑니다.",
)

# The standard's name: the codec that Python has for it, and sentences.
CHARSETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "utf-8": ("utf-8", CHINESE),
    "ibm866": ("cp866", RUSSIAN),
    "iso-8859-2": ("iso8859-2", POLISH),
    "iso-8859-3": ("iso8859-3", ESPERANTO),
    "iso-8859-4": ("iso8859-4", LATVIAN),
    "iso-8859-5": ("iso8859-5", RUSSIAN),
    "iso-8859-6": ("iso8859-6", ARABIC),
    "iso-8859-7": ("iso8859-7", GREEK),
    "iso-8859-8": ("iso8859-8", HEBREW),
    "iso-8859-8-i": ("iso8859-8", HEBREW),
    "iso-8859-10": ("iso8859-10", ICELANDIC),
    "iso-8859-13": ("iso8859-13", LITHUANIAN),
    "iso-8859-14": ("iso8859-14", WELSH),
    "iso-8859-15": ("iso8859-15", FRENCH),
    "iso-8859-16": ("iso8859-16", ROMANIAN),
    "koi8-r": ("koi8-r", RUSSIAN),
    "koi8-u": ("koi8-u", UKRAINIAN),
    "macintosh": ("mac-roman", FRENCH),
    "windows-874": ("cp874", THAI),
    "windows-1250": ("cp1250", POLISH),
    "windows-1251": ("cp1251", UKRAINIAN),
    "windows-1252": ("cp1252", GERMAN),
    "windows-1253": ("cp1253", GREEK),
    "windows-1254": ("cp1254", TURKISH),
    "windows-1255": ("cp1255", HEBREW),
    "windows-1256": ("cp1256", ARABIC),
    "windows-1257": ("cp1257", LITHUANIAN),
    "windows-1258": ("cp1258", VIETNAMESE),
    "x-mac-cyrillic": ("mac-cyrillic", RUSSIAN),
    "gbk": ("gbk", CHINESE),
    "gb18030": ("gb18030", CHINESE),
    "big5": ("big5hkscs", CANTONESE),
    "euc-jp": ("euc_jp", JAPANESE),
    "iso-2022-jp": ("iso2022_jp", JAPANESE),
    "shift_jis": ("cp932", JAPANESE),
    "euc-kr": ("cp949", KOREAN),
    "utf-16be": ("utf-16-be", GERMAN),
    "utf-16le": ("utf-16-le", CHINESE),
}
DAMAGES = ("clean", "cut", "bad byte", "quotes")
DECLARED = ("http", "meta", "")
# Where 0x93 and 0x94 are letters or parts of letters no reader can tell; in UTF-16 they are none.
NO_WINDOWS_QUOTES = (
    *("ibm866", "macintosh", "x-mac-cyrillic", "gbk", "gb18030", "big5", "shift_jis", "euc-kr"),
    *("utf-16be", "utf-16le", "iso-2022-jp"),
)
# Of these nothing shows without a declaration: rare alphabets whose pages read as others as well.
NOT_DETECTABLE = ("iso-8859-4", "iso-8859-10", "iso-8859-14", "iso-8859-16", "windows-1258")


@dataclasses.dataclass(frozen=True)
class Damaged:
    """A page, and what must and must not be in its text."""

    charset: str
    damage: str
    declared: str  # http, meta or ""
    html: bytes
    header: str
    wanted: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.charset}, {self.damage}, {self.declared or 'undeclared'}"


def pages() -> Iterator[Damaged]:
    """Every charset, damage and declaration that can be told."""
    for charset, (codec, sentences) in CHARSETS.items():
        for damage in DAMAGES:
            if damage == "quotes" and charset in NO_WINDOWS_QUOTES:
                continue
            for declared in DECLARED:
                if not declared and charset in NOT_DETECTABLE:
                    continue
                yield page(charset, codec, sentences, damage, declared)


def page(
    charset: str, codec: str, sentences: tuple[str, ...], damage: str, declared: str
) -> Damaged:
    """The page with its second sentence damaged."""
    if charset == "windows-1258":  # which has tone marks of their own
        sentences = tuple(map(_for_1258, sentences))
    meta = f'<meta charset="{charset}">' if declared == "meta" else ""
    texts = [f"<html><head>{meta}<title>x</title></head><body>"]
    texts += [f"<p>{sentence}</p>\n" for sentence in sentences]
    pieces = [text.encode(codec) for text in texts]
    wanted = [sentences[0], *sentences[2:]]
    body = sentences[1]
    inner = body.encode(codec)
    high = [place for place, byte in enumerate(inner) if byte > 0x7F]
    unit = 2 if codec.startswith("utf-16") else 1
    if damage == "clean":
        wanted.append(body)
    elif damage == "cut":  # the body ends in its last sentence, inside a character
        last = sentences[-1].encode(codec)
        place = next((i for i in range(len(last) - 1, 0, -1) if last[i] > 0x7F), len(last) - 1)
        pieces[-1] = "<p>".encode(codec) + last[: place if unit == 1 else len(last) - 1]
        wanted = list(sentences[:-1])
    elif damage == "bad byte":
        bad = b"\x81" if codec == "big5hkscs" else b"\xff"
        if codec in ("mac-roman", "mac-cyrillic", "cp866") or codec.startswith("koi8"):
            bad = b"\x01"  # they have a character for every byte
        place = 0 if unit == 2 else high[len(high) // 2] if high else len(inner) // 2
        pieces[2] = "<p>".encode(codec) + inner[:place] + bad * unit + "</p>\n".encode(codec)
    else:
        quoted = b"<p>\x93" + inner + b"\x94 ok\x92s \x96 \x85</p>\n"
        pieces[2] = quoted
        if charset not in ("utf-8", "euc-jp"):  # which have no such bytes: U+FFFD
            wanted += [f"“{body}”", "ok’s – …"]
    header = charset if declared == "http" else ""
    return Damaged(charset, damage, declared, b"".join(pieces), header, tuple(wanted))


def _for_1258(text: str) -> str:
    """Letters as windows-1258 has them: whole, or as a letter and its tone mark."""
    found = []
    for character in unicodedata.normalize("NFC", text):
        if character.encode("cp1258", "ignore"):
            found.append(character)
            continue
        base, *marks = list(unicodedata.normalize("NFD", character))
        tone = [m for m in marks if m in "\u0300\u0301\u0303\u0309\u0323"]
        rest = unicodedata.normalize("NFC", base + "".join(m for m in marks if m not in tone))
        found += [rest, *tone]
    return "".join(found)
