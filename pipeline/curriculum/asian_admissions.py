"""Does a reply in an Asian language say that it doesn't know? Recognised by phrases.

In: a reply. Out: whether it admits ignorance instead of answering, in Chinese, Japanese, Korean,
Thai, Lao, Khmer or Burmese. What the English phrases of `dont_know` take from published lists has
no such list here: these are the plain forms of each language's grammars (not know, not be sure,
not be able to answer, have no information), in both scripts of Chinese and the polite and plain
forms of Japanese and Korean. As there, an admission is the speaker's own ("他不知道" is about
somebody else), it counts for nothing if an attempt follows after "but", and one of "why" is about
something else.
"""

import re
import unicodedata
from typing import NamedTuple

_CLAUSE = r"(?:^|(?<=[\s。．.!！?？,，、;；:：…“\"「]))"
_END = r"(?=$|[\s。．.!！?？,，、;；:：…”\"」]"


class _Language(NamedTuple):
    admission: re.Pattern[str]
    but: re.Pattern[str]  # what follows an admission and may begin an attempt
    no_attempt: re.Pattern[str]  # after it: an offer, or one more admission


def _language(admission: str, but: str, offers: str) -> _Language:
    """The patterns of a language, from the words of each."""
    return _Language(
        re.compile(admission),
        re.compile(f"(?:{but})[\\s,，、]*(.*)", re.DOTALL),
        re.compile(f"\\s*(?:$|(?:{offers})|.{{0,12}}(?:{admission}))"),
    )


_LANGUAGES = (
    _language(  # Chinese
        rf"{_CLAUSE}(?:(?:非常|很|真|十分)?(?:抱歉|对不起|對不起|遗憾|遺憾|不好意思)[,，\s]*)?"
        r"(?:我们|我們|我|本人|目前|暂时|暫時|其实|其實|真的|实在|實在|确实|確實|也|还|還|并|並|恐怕|对此|對此"
        r"|关于这一点|關於這一點|这个问题|這個問題)*"
        r"(?:不知道|不晓得|不曉得|(?:不|不太)(?:清楚|确定|確定|了解|瞭解)|不记得|不記得"
        r"|没有(?:相关|足够|这方面)?的?(?:信息|资料|答案|数据)|沒有(?:相關|足夠|這方面)?的?(?:資訊|資料|答案)"
        r"|(?:无法|無法|不能)(?:回答|确定|確定|确认|確認|提供|得知|告知|告诉|告訴)"
        r"|(?:没有|没|沒有|沒|从未|從未)(?:听说|聽說)过?|(?:答案)?(?:尚|仍)?(?:未知|不明|不得而知|无从得知))"
        r"(?!为什么|為什麼|为何|為何|怎么会)",
        "(?<!不)但是?|不过|不過|然而|可是",
        "我(?:可以|会|會|愿意|願意|能|不|无|無)|您|你|请|請|如果|可以|欢迎|歡迎|建议|建議",
    ),
    _language(  # Japanese: the verb ends the clause
        r"(?:(?:わか|分か|判)(?:りません|らない|りかねます)|知りません|知らない|存じ(?:上げ)?ません"
        r"|存じておりません|(?:覚えて|記憶して|把握して)(?:い|おり)?(?:ません|ない)"
        r"|(?:確か|定か)では(?:ありません|ない)|自信が(?:ありません|ない)|不明(?:です)?"
        r"|(?:お答え|回答)(?:する(?:こと)?が|が)?(?:できません|できない|致しかねます|いたしかねます)"
        r"|答え(?:られ|ることができ)ません|情報(?:が|は)(?:ありません|ない)|情報を持って(?:い|おり)ません)"
        r"(?:でした)?(?:です)?(?:ね|よ)?(?=$|[\s。．.!！?？,、…」]|が|けど|けれど|ので|から|し)",
        r"^(?:が|けれども|けれど|けど)|(?<=[\s。．.、,])(?:しかし|でも|ただし|ただ)",
        "お(?:調べ|手伝い|役)|ご|他|ほか|別|もし|何か|調べ|よろしければ|必要",
    ),
    _language(  # Korean: likewise
        r"(?:모릅니다|몰라요|몰라|모르겠(?:습니다|어요|네요|다)?|모르(?:네요)?"
        r"|알지 ?못(?:합니다|해요)"
        r"|알 ?수 ?(?:가 ?)?없(?:습니다|어요|네요)|확실(?:하지|치) ?않(?:습니다|아요)"
        r"|기억(?:이 ?나지|나지|하지) ?(?:않|못)(?:습니다|아요|합니다|해요)"
        r"|정보(?:가|는) ?없(?:습니다|어요)"
        r"|(?:답|대답|답변)(?:할|해 ?드릴) ?수 ?(?:가 ?)?없(?:습니다|어요))"
        rf"{_END}|지만)",
        "^지만|하지만|그러나|그런데|다만",
        "제가|저는|도와|더|다른|혹시|필요|찾아",
    ),
    _language(  # Thai
        rf"{_CLAUSE}(?:(?:ขอโทษ|ขออภัย|เสียใจ)(?:ครับ|ค่ะ|คะ)?[\s,]*)?(?:แต่)?"
        r"(?:ผม|ฉัน|ดิฉัน|เรา|ข้าพเจ้า|หนู)?(?:ก็|ยัง|เอง|คง)*ไม่(?:ค่อย)?"
        r"(?:ทราบ|รู้|แน่ใจ|มั่นใจ|มีข้อมูล|มีคำตอบ|สามารถ(?:ตอบ|บอก|ระบุ|ยืนยัน|ให้คำตอบ)|เคยได้ยิน)"
        r"(?!ว่าทำไม|ทำไม)",
        "แต่|อย่างไรก็ตาม",
        "(?:ผม|ฉัน|ดิฉัน|เรา)(?:จะ|สามารถ|ยินดี|ไม่)|คุณ|ท่าน|ถ้า|หาก|ลอง|กรุณา",
    ),
    _language(  # Lao
        rf"{_CLAUSE}(?:ຂໍໂທດ[\s,]*)?(?:ຂ້ອຍ|ຂ້າພະເຈົ້າ|ພວກເຮົາ)?(?:ກໍ|ຍັງ)*ບໍ່"
        r"(?:ຮູ້|ຊາບ|ແນ່ໃຈ|ມີຂໍ້ມູນ|ສາມາດຕອບ)",
        "ແຕ່",
        "ຂ້ອຍ(?:ຈະ|ສາມາດ|ບໍ່)|ທ່ານ|ເຈົ້າ|ຖ້າ|ກະລຸນາ",
    ),
    _language(  # Khmer
        rf"{_CLAUSE}(?:សូមទោស[\s,]*|សូមអភ័យទោស[\s,]*)?(?:ខ្ញុំ|យើង)?(?:ពិតជា)?(?:មិន|អត់)"
        r"(?:ដឹង|ប្រាកដ|ច្បាស់|មានព័ត៌មាន|អាចឆ្លើយ)",
        "ប៉ុន្តែ|តែ",
        "ខ្ញុំ(?:អាច|នឹង|មិន)|អ្នក|លោក|ប្រសិនបើ|សូម",
    ),
    _language(  # Burmese: the verb ends the sentence
        rf"(?:(?:မ|မ ?)သိ(?:ရ)?(?:ပါဘူး|ဘူး|ပါ)?|မသေချာ(?:ပါဘူး|ဘူး|ပါ)?|မဖြေနိုင်(?:ပါဘူး|ဘူး|ပါ)?)"
        rf"{_END}|။)",
        "ဒါပေမယ့်|ဒါပေမဲ့|သို့သော်",
        "ကျွန်တော်|ကျွန်မ|သင်|အကယ်၍",
    ),
)


def says_so(reply: str) -> bool:
    """Whether a reply says, in one of these languages, that it doesn't know the answer."""
    if reply.isascii():
        return False
    text = " ".join(unicodedata.normalize("NFC", reply).replace("*", "").split())
    return any(
        _is_admission(text[found.end() :], language)
        for language in _LANGUAGES
        for found in language.admission.finditer(text)
    )


def _is_admission(after: str, language: _Language) -> bool:
    but = language.but.search(after)
    return but is None or bool(language.no_attempt.match(but[1]))
