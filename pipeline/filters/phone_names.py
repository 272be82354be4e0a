"""Words that show that digits are a telephone number: for telephones, calls and who answers.

Words are without accents and in lower case, like the result of `fold`: "Téléphone" and "telephone"
are one word, so are "Komórka" and "KOMORKA".
"""

import re
import unicodedata

_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "ß": "s", "’": "'"})


def fold(text: str) -> str:
    """The text in lower case and without accents; its length may change."""
    lower = text.lower()
    if lower.isascii():
        return lower
    apart = unicodedata.normalize("NFD", lower.translate(_LETTERS))
    return "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")


# Telephones; from six letters on with any ending ("telefonnummer", "телефону", "telefonszam").
_TELEPHONES = (
    "tel|tels|telf|telef|tele|phone|telephone|telephonic|telefon|telefono|telefone|telefoon"
    "|telefax|telecopie|telecopieur|telepon|ponsel|ph|fone|fax|faks|fono|tlf|tlph|tfn"
    "|mobiltelefon|mobilfunk|mobilnummer|mobielnummer|mobiel|handy|rufnummer|durchwahl"
    "|festnetz|fernruf|portable|celular|movil|cellulare|telemovel|komorka|komorkowy|mobilni"
    "|gsm|whatsapp|viber|hotline|helpline|freephone|landline|voicemail|pager|puh|puhelin"
    r"|matkapuhelin|telefonas|cep|hp|no.hp|đt|sđt|đien thoai|mob\.|cel\.|what'?s app"
    "|cell ?phone|toll-?free|numero vert|numero verde|contact no|contact nr|contact number"
    "|contact numbers|nr tel"
    "|тел|телефон|факс|моб|мобильн|мобiльн|вайбер|ватсап|τηλ|τηλεφωνο|κιν|κινητο|φαξ|טלפון"
    "|נייד|פקס|טל|هاتف|جوال|تلفن|تلفون|موبايل|موبایل|فاكس|سلفون|फोन|मोबाइल|दूरभाष|โทร"
    "|โทรศัพท์"
)
_UNSPACED = (
    "电话|電話|手机|手機|传真|傳真|热线|熱線|携帯|携帯電話|座机|座機|微信号|ファックス|フリーダイヤル"
    "|전화|휴대폰|휴대전화|핸드폰|연락처|팩스"
)
# words that may be between: "phone number is", "portable, c'est le", "numer telefonu to"
_FILLERS = (
    r"(?:(?:us|me|him|her|now|today|on|at|numbers?|num|no|nr|n|is|toll-?free|free|direct|line|office"
    r"|home|work|private|privat|day|night|int|intl|ext|of|the|our|reception|desk|customer|service"
    r"|support|ist|lautet|es|est|c'est|e|au|al|unter|sous|le|el|la|il|die|der|to|je|jest|ar|er"
    r"|numero|numer|cislo|nummer|numara(?:si|m|miz)?|номер|номеру|号码|番号|de contacto|de contato"
    rf"|kontakt|επικοινωνιας|{fold('नंबर')}|{fold('नम्बर')})"
    r"(?![^\W\d_])[.:#,º°\s\u00a0)\-]{1,3}){0,4}"
)
_LINK = r"(?:[^\w\n]|</?t[dh]>){0,8}\n?[ \t]{0,4}"
_LONG = 6  # letters of a word that may go on


def _words(words: str) -> str:
    folded = map(fold, words.split("|"))
    return "|".join(word + r"\w{0,8}" if len(word) >= _LONG else word for word in folded)


_CALLS = (  # "call Anna on", "ask for Anna:"
    r"(?:call|ring|phone|text|reach|contact|ask for|dial|appele[rz]|joindre|rufen sie|anrufen"
    r"|llame(?:n|me)?|llamar|chiama(?:re|te|mi)?|ligue|bel|(?:volejt|zadzwon|dzwon|звонит)\w*"
    r"|позвонит\w*)(?: [^\W\d_]+){0,3}"
    r"(?: (?:on|at|under|unter|au|al|no|para|pod|op|pa|по)[: ]{1,2}"
    r"(?:(?:number|numero|numer|nummer|cislo|номеру?):? )?|: ?)$"
)
STRONG = re.compile(
    rf"(?:(?<![^\W\d_])(?:{_words(_TELEPHONES)}){_LINK}{_FILLERS}"
    r"|(?:(?<=[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff])(?:tel|fax)"
    rf"|{'|'.join(map(fold, _UNSPACED.split('|')))})"
    rf"(?:{fold('号码')}|{fold('番号')}|{fold('번호')})?(?:{fold('는')}|{fold('은')}|は)?[:：\s]{{0,3}}"
    rf"|(?:拨打|致电|撥打|{fold('まで')}|{fold('お電話は')})[:：\s]{{0,3}}"
    # a field for mobile numbers, and requests to the reader: "call Anna on 606 992 967"
    r"|(?<![^\W\d_])(?:mobiles?|cell?|mob|mobil)(?:[ .]{1,2}(?:is|no|number|num|nr|phone))*\.?"
    r"[\"']?(?:</t[dh]>\W{0,3}<t[dh]>| ?[:=|\t] ?|(?<=is) )[\"']?"
    rf"|(?<![^\W\d_]){_CALLS})$"
)
# Words with several meanings: the number's format must be evidence, too.
WEAK = re.compile(
    r"(?:(?<![^\W\d_/.])(?<![./])(?:mobiles?|mob|mobil|cell|call(?:ing)?|ring|dial(?:ing)?|sms|text"
    r"|contacts?|phoning|reach(?:ed)?|appele[rz]|anrufen|llame|llamar|chiamare|ligue|zadzwon|bel)"
    rf"{_LINK}{_FILLERS}"
    # of a signature: "T: 020 7946 0321 | M: 07700 900123"
    r"|(?:^|[\n|,;•·/(] ?|\d  ?)[tmpfcodwh] ?[.:] ?)$"
)
# Verbs for calling in languages where they mean nothing else, directly before a dialled number.
_ORDERS = (
    "appelez|appeler|composez|llame|llamame|llamar|llamen|llamenos|llamanos|marque el|marque al"
    "|chiamate|chiamare|chiama|ligue|telefone|volejte|zavolejte|zavolajte|volajte|zadzwon|dzwon|bel"
    "|anrufen|hivja|soita|sunati|arayin|arayiniz|звоните|позвоните|звони|наберите|телефонуйте"
    "|дзвонiть|καλεστε"
)
_DESKS = (
    "reception|frontdesk|front desk|switchboard|enquiries|inquiries|bookings|reservations"
    "|secretariat|accueil|standard(?= ?:)|segreteria|centralino|portineria|prenotazioni|recepcion"
    "|centralita|secretaria|reservas|recepcao|portaria|zentrale|empfang|pforte|sekretariat"
    "|anmeldung|receptie|secretariaat|recepcja|rejestracja|recepce|recepcia|vratnice"
    "|recepcija|recepcio|vaxel|vaxeln|vaihde|sentralbord|omstilling|resepsiyon|santral"
    "|sekreterlik|receptia|приемная|регистратура|ресепшн|диспетчер|受付|前台|总机|代表"
)
ORDER = re.compile(
    rf"(?<![^\W\d_])(?:(?:{_words(_ORDERS)})"
    r"(?: (?:le|au|al|el|il|numero|no|numer|cislo|na|nummer|номер)){0,2}[: ]{1,2}"
    rf"|(?:{_words(_DESKS)})(?: ?[:：(]{{1,2}} ?|[ \u00a0]))$"
)
_BEHIND = 24  # characters
NAME_BEHIND = re.compile(  # "02-523-5250로 전화", "… numarasından", "(mobile)", "へお電話"
    rf"[ \u00a0]?(?:(?:{fold('번')})?(?:{fold('으로')}|{fold('로')})? ?"
    rf"(?:{fold('전화')}|{fold('연락')})"
    rf"|(?:へ|に|{fold('まで')})?お?{fold('電話')}|numara(?:si|li|dan)|(?:no|nolu) telefon"
    rf"|[(\[](?:{_words(_TELEPHONES)}|mobile|mobil|cell|home|office|work|privat)[)\].,: ])"
)


_WORD = re.compile(r"[^\W\d_]+")
_BEGINNINGS = frozenset(
    word[:2]
    for words in (_TELEPHONES, _ORDERS, _DESKS, "mobile|cell|call|text|reach|contact|ask|rufen")
    for word in map(fold, words.split("|"))
)


def has_phone_words(said: str) -> bool:
    """Whether a folded text may have one of these words: fast, with false positives."""
    return not said.isascii() or any(word[:2] in _BEGINNINGS for word in _WORD.findall(said))


def has_phone_words_after(text: str, stop: int) -> bool:
    """Whether the text after the digits shows that they are dialled."""
    return NAME_BEHIND.match(fold(text[stop : stop + _BEHIND])) is not None
