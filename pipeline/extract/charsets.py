"""The charsets of the web: what browsers mean by a label, and how they decode bytes.

The labels are those of the WHATWG's Encoding standard (encoding.spec.whatwg.org), which reads many
as a larger charset: latin1 as windows-1252, gb2312 as gbk, big5 with Hong Kong's characters.
Python's codecs differ from the standard's tables in a few characters, which are corrected here. In
pages of ISO 8859 and KOI8, Windows' quotes and dashes are read as such: by the standard they would
be controls or line drawings. Decoding never fails: a bad byte becomes U+FFFD.
"""

import codecs
import functools
import re

_LABELS = """
utf-8: unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8
ibm866: 866 cp866 csibm866 ibm866
iso-8859-2: csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2
    latin2
iso-8859-3: csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3
    latin3
iso-8859-4: csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4
    latin4
iso-8859-5: csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5
    iso_8859-5:1988
iso-8859-6: arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6
    iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987
iso-8859-7: csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7
    iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek
iso-8859-8: csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8
    iso88598 iso_8859-8 iso_8859-8:1988 visual
iso-8859-8-i: csiso88598i iso-8859-8-i logical
iso-8859-10: csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6
iso-8859-13: iso-8859-13 iso8859-13 iso885913
iso-8859-14: iso-8859-14 iso8859-14 iso885914
iso-8859-15: csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9
iso-8859-16: iso-8859-16
koi8-r: cskoi8r koi koi8 koi8-r koi8_r
koi8-u: koi8-ru koi8-u
macintosh: csmacintosh mac macintosh x-mac-roman
windows-874: dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874
windows-1250: cp1250 windows-1250 x-cp1250
windows-1251: cp1251 windows-1251 x-cp1251
windows-1252: ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100
    iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252
windows-1253: cp1253 windows-1253 x-cp1253
windows-1254: cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9
    iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254
windows-1255: cp1255 windows-1255 x-cp1255
windows-1256: cp1256 windows-1256 x-cp1256
windows-1257: cp1257 windows-1257 x-cp1257
windows-1258: cp1258 windows-1258 x-cp1258
x-mac-cyrillic: x-mac-cyrillic x-mac-ukrainian
gbk: chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk
gb18030: gb18030
big5: big5 big5-hkscs cn-big5 csbig5 x-x-big5
euc-jp: cseucpkdfmtjapanese euc-jp x-euc-jp
iso-2022-jp: csiso2022jp iso-2022-jp
shift_jis: csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis
euc-kr: cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601
    ksc_5601 windows-949
utf-16be: unicodefffe utf-16be
utf-16le: csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le
x-user-defined: x-user-defined
"""
LABELS = {
    label: name
    for name, labels in re.findall(r"(?m)^(\S+): ((?:.*)(?:\n    .*)*)$", _LABELS)
    for label in labels.split()
}
_DOS = (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865)
# Charsets that browsers no longer know (they show nothing) or never knew, but Python knows.
OTHERS = {
    **dict.fromkeys(("iso-2022-kr", "csiso2022kr"), "iso-2022-kr"),
    "hz-gb-2312": "hz-gb-2312",
    **{f"{kind}{page}": f"cp{page}" for kind in ("cp", "ibm") for page in _DOS},
    "cp874": "windows-874",
    "cp932": "shift_jis",
    "cp936": "gbk",
    "cp949": "euc-kr",
    "cp950": "big5",
    "uhc": "euc-kr",
    "mac-cyrillic": "x-mac-cyrillic",
    "mac-roman": "macintosh",
}
_SQUEEZED = {re.sub("[^a-z0-9]", "", label): name for label, name in LABELS.items()}

MULTI_BYTE = ("gb18030", "big5", "shift_jis", "euc-jp", "euc-kr")
# Pages that are all ASCII to look at, and switch charsets by escapes.
ESCAPED = {"iso-2022-jp": b"\x1b", "iso-2022-kr": b"\x1b", "hz-gb-2312": b"~{"}

# Python's names, if it does not know the standard's.
_PYTHON = {
    "ibm866": "cp866",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "hz-gb-2312": "hz",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
}
# ISO 8859 leaves 0x80 to 0x9F to controls, which no page holds: there Windows' bytes are meant, of
# the page for the same languages; of windows-1252 where there is none.
_WINDOWS = {
    "iso-8859-2": "cp1250",
    "iso-8859-4": "cp1257",
    "iso-8859-5": "cp1251",
    "iso-8859-6": "cp1256",
    "iso-8859-7": "cp1253",
    "iso-8859-8": "cp1255",
    "iso-8859-8-i": "cp1255",
    "iso-8859-13": "cp1257",
    "iso-8859-16": "cp1250",
}
# Bytes for which Python's tables are older than the standard's.
_BYTES = {"koi8-u": {0xAE: "ў", 0xBE: "Ў"}, "windows-1255": {0xCA: "\u05ba"}}
UNDEFINED = "\ufffd"


def encoding_of(label: str) -> str:
    """The standard's name, in lower case, of a label's charset; "" for an unknown label."""
    label = label.strip("\t\n\f\r ").lower()
    name = LABELS.get(label) or OTHERS.get(label)
    if name is None:  # windows1251, euc_jp, utf_8: one character off a label that browsers know
        name = _SQUEEZED.get(re.sub("[^a-z0-9]", "", label), "")
    # A crawler has no scripts that ask for bytes; and decoders of gbk know all of gb18030.
    return {"x-user-defined": "windows-1252", "gbk": "gb18030"}.get(name, name)


def decode_as(html: bytes, name: str) -> str:
    """The text of a page in a charset that `encoding_of` names; a bad byte becomes U+FFFD."""
    if name in _MANY_BYTES:
        codec, errors, wrong, others = _MANY_BYTES[name]
        text = html.decode(codec, errors)
        return text.translate(others) if wrong.search(text) else text
    if name == "iso-2022-jp":
        return _iso_2022_jp(html)
    if name.startswith("utf") or name in MULTI_BYTE or name in ESCAPED:
        return html.decode(_PYTHON.get(name, name), "replace")
    if name.startswith("koi8") and _KOI_QUOTES.search(html):
        return codecs.charmap_decode(html, "replace", single_byte(name, windows="cp1251"))[0]
    return codecs.charmap_decode(html, "replace", single_byte(name))[0]


def without_faults(html: bytes, name: str) -> bytes:
    """The bytes without those for which the charset has no character."""
    codec = _PYTHON.get(name, name)
    return html.decode(codec, "ignore").encode(codec, "ignore")


# Word processors' quotes around a word: in KOI8 those bytes are a piece of an integral sign and a
# square. Where such pairs stand, the dots and dashes of Windows are meant as well.
_KOI_QUOTES = re.compile(
    rb"(?<![\x80-\x9f])(?:\x93(?=[A-Za-z\xa3\xb3\xc0-\xff])[^\x80-\x9f<]{1,200}\x94"
    rb"|\x91(?=[A-Za-z\xa3\xb3\xc0-\xff])[^\x80-\x9f<]{1,200}\x92)(?![\x80-\x9f])"
)
_PUNCTUATION = (0x84, 0x85, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97)


@functools.cache
def single_byte(name: str, windows: str = "") -> str:
    """The 256 characters of a charset of single bytes, U+FFFD where there is none."""
    python = _PYTHON.get(name, name)
    table = [bytes([byte]).decode(python, "replace") for byte in range(256)]
    if name.startswith("windows"):
        # bytes that Windows' code pages leave undefined are controls in the standard's
        for byte in range(0x80, 0xA0):
            table[byte] = table[byte].replace(UNDEFINED, chr(byte))
    for byte in range(0x80, 0xA0) if name.startswith("iso-8859") else ():
        meant = bytes([byte]).decode(_WINDOWS.get(name, "cp1252"), "replace")
        table[byte] = table[byte] if meant == UNDEFINED else meant
    for byte in _PUNCTUATION if windows else ():
        table[byte] = bytes([byte]).decode(windows)
    for byte, character in _BYTES.get(name, {}).items():
        table[byte] = character
    return "".join(table)


# ---------------------------------------------------------------- charsets of several bytes

# Of Big5, what Python's HKSCS of 2004 lacks: two bytes, and the characters from there on.
_BIG5 = """
877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄
87c0𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋 8e69箸 8e6f簆 8e7e糎
8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 8fcb覦覩 8ffe起
906d都 907a銹 90dc靜 90f1響 91bf鼖 9244蔃 92af兙兛兝兞 92c8鍮 92d1瑹
9447浧 94ca禛 95d9邗 9644靝 96ed瀞 96fc嬨 9b76爁 9b78矗 9b7b纇
9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰
9c77菏 9cbc尐秣 9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊
9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏 a077拎 a0d5瑨 a0df煢 a0e4牐
a3e1€ c6cf廴 c6d3无 c6d5癶 c6d7隶 c6de〃仝 fa5f倩 fa66偽 fabd包
fac5卄 fad5卿 fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 fc6c悤 fcb9撐
fce2晴 fcf1杞 fdb7沜渝 fdbb港 fdf1煮 fe52猪 fe6f瑜 feaa瓩 fedd砉
"""


def _big5() -> dict[bytes, str]:
    trails = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
    pairs = {}
    for code, characters in re.findall(r"([0-9a-f]{4})([^0-9a-f\s]+)", _BIG5):
        lead, first = bytes.fromhex(code)
        for place, character in enumerate(characters, trails.index(first)):
            pairs[bytes([lead, trails[place]])] = character
    pairs.update({bytes([0xA3, 0xC0 + n]): chr(0x2400 + n) for n in range(32)})
    pairs[b"\xa3\xe0"] = "\u2421"
    return pairs


_BIG5_PAIRS = _big5()


def _missing_in_big5(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    found = _BIG5_PAIRS.get(error.object[error.start : error.start + 2])
    return (found, error.start + 2) if found else (UNDEFINED, error.end)


def _missing_in_gb18030(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    if error.object[error.start] == 0x80:  # Windows' euro
        return "€", error.start + 1
    return UNDEFINED, error.end


def _missing_in_euc_jp(error: UnicodeError) -> tuple[str, int]:
    """NEC's and IBM's rows, ① and 髙, which Shift_JIS has at the same positions."""
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and pair[0] in (0xAD, *range(0xF9, 0xFD)) and 0xA1 <= pair[1] <= 0xFE:
        row, cell = pair[0] - 0xA0, pair[1] - 0xA0
        lead = (row + 1) // 2 + (0x80 if row < 63 else 0xC0)
        trail = cell + (0x9E if row % 2 == 0 else 0x3F if cell < 64 else 0x40)
        found = bytes([lead, trail]).decode("cp932", "replace")
        if UNDEFINED not in found and len(found) == 1:
            return found, error.start + 2
    return UNDEFINED, error.end


def _windows_in_utf8(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return decode_as(error.object[error.start : error.end], "windows-1252"), error.end


codecs.register_error("crawl2chat-windows-1252", _windows_in_utf8)
codecs.register_error("crawl2chat-big5", _missing_in_big5)
codecs.register_error("crawl2chat-gb18030", _missing_in_gb18030)
codecs.register_error("crawl2chat-euc-jp", _missing_in_euc_jp)


def _translated(
    codec: str, errors: str, theirs: str, ours: str
) -> tuple[str, str, re.Pattern[str], dict[int, int]]:
    return codec, errors, re.compile(f"[{theirs}]"), str.maketrans(theirs, ours)


# Codec, handler of errors, and characters that the codec has instead of others.
_MANY_BYTES = {
    "gb18030": _translated(
        "gb18030",
        "crawl2chat-gb18030",
        "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7"
        "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
        "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f"
        "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
    ),
    "big5": _translated("big5hkscs", "crawl2chat-big5", "•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡"),
    "euc-jp": _translated("euc_jp", "crawl2chat-euc-jp", "〜‖−¢£¬", "～∥－￠￡￢"),
    "shift_jis": _translated("cp932", "replace", "\uf8f0\uf8f1\uf8f2\uf8f3", UNDEFINED * 4),
}

_ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B]|\$\(D)")
_HIGH = bytes(byte | 0x80 for byte in range(256))


def _iso_2022_jp(html: bytes) -> str:
    """JIS by its escapes: each stretch is EUC-JP without the high bits."""
    first, *pieces = _ESCAPE.split(html)
    texts = [first.decode("ascii", "replace")]
    for escape, piece in zip(pieces[::2], pieces[1::2]):
        if escape in (b"(B", b"(J"):
            texts.append(piece.decode("ascii", "replace"))
            continue
        # The end of a line also ends the charset, and markup in a page that was cut is markup.
        for part in re.split(rb"([\x00-\x20\x80-\xff]+)", piece):
            if part[:1] <= b"\x20" or part[:1] >= b"\x80":
                texts.append(part.decode("ascii", "replace"))
            elif escape == b"(I":
                texts.append(part.translate(_HIGH).decode("cp932", "replace"))
            elif escape == b"$(D":
                whole = len(part) // 2 * 2
                pairs = part[:whole].translate(_HIGH)
                euc = b"".join(b"\x8f" + pairs[at : at + 2] for at in range(0, whole, 2))
                texts.append(decode_as(euc, "euc-jp") + UNDEFINED * (len(part) - whole))
            else:
                texts.append(decode_as(part.translate(_HIGH), "euc-jp"))
    return "".join(texts)
