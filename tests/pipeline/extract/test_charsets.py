"""The decoders against the tables of the Encoding standard, and labels as browsers read them.

The digests are of the standard's own indexes (github.com/whatwg/encoding, indexes.json, 2025): all
characters of an index in the order of its bytes, U+FFFD for a place without one.
"""

import hashlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.encoding import map_encoding_to_html5

from pipeline.extract.charsets import LABELS, decode_as, encoding_of, single_byte

SINGLE = {
    "ibm866": "2e3f89d51df1d1b9",
    "iso-8859-2": "aaed73db770d4de5",
    "iso-8859-3": "aa939abbb30a1f95",
    "iso-8859-4": "ad57a5f8dc32241a",
    "iso-8859-5": "f4f9a71be354cd12",
    "iso-8859-6": "b2f632a10c3e1dba",
    "iso-8859-7": "6df86c3dd8c280de",
    "iso-8859-8": "4a612df3ab63540e",
    "iso-8859-10": "f3551606189038fd",
    "iso-8859-13": "08d409a77ee286a3",
    "iso-8859-14": "1b3b792789055c24",
    "iso-8859-15": "74a41d7a8adedb7d",
    "iso-8859-16": "3d52efeaa1aa218e",
    "koi8-r": "25a9da95cf2db39e",
    "koi8-u": "79b0a6e96024f61a",
    "macintosh": "94dcdcc19412eb48",
    "windows-874": "4bb5efdc1a2832ec",
    "windows-1250": "52665a0c49e77322",
    "windows-1251": "153baf169d84e269",
    "windows-1252": "9ba654722668eee9",
    "windows-1253": "fa630499b7db169e",
    "windows-1254": "612d01246f4b5106",
    "windows-1255": "16925d6a9d5cff62",
    "windows-1256": "ae636a90722c9d75",
    "windows-1257": "abd51531663d43f8",
    "windows-1258": "ded84db6d51e3143",
    "x-mac-cyrillic": "ab39a8a69bbbd008",
}
EUC = range(0xA1, 0xFF)
DOUBLE = {
    # 0xA241 and 0xA242 as Python has them, ／＼ for ∕﹨: the codec gives the same for two codes
    "big5": ("8abaf520ba8c215e", range(0x81, 0xFF), (*range(0x40, 0x7F), *EUC)),
    "euc-kr": ("8b62a691b528d282", range(0x81, 0xFF), range(0x41, 0xFF)),
    "gb18030": ("9234b1097f3c6be2", range(0x81, 0xFF), (*range(0x40, 0x7F), *range(0x80, 0xFF))),
    "euc-jp": ("f803e0dd187e20a1", EUC, EUC),
    "shift_jis": (
        "06423b71f33cd998",
        (*range(0x81, 0xA0), *range(0xE0, 0xFD)),
        (*range(0x40, 0x7F), *range(0x80, 0xFD)),
    ),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", SINGLE)
def test_every_byte_is_the_standards_character(name):
    # where ISO 8859 has controls, Windows' characters are meant
    first = 0xA0 if name.startswith("iso") else 0x80
    assert digest(single_byte(name)[first:]) == SINGLE[name]
    assert single_byte(name)[:128] == bytes(range(128)).decode("ascii")


@pytest.mark.parametrize("name", DOUBLE)
def test_every_pair_is_the_standards_character(name):
    wanted, leads, trails = DOUBLE[name]
    assert digest("|".join(pairs(name, leads, trails))) == wanted


def pairs(name: str, leads: Iterable[int], trails: Iterable[int]) -> Iterable[str]:
    for lead in leads:
        for trail in trails:
            text = decode_as(bytes([lead, trail]), name)
            yield "\ufffd" if "\ufffd" in text else text


def test_iso_2022_jp_is_euc_jp_in_seven_bits():
    euc = "日本の".encode("euc_jp") + b"\xad\xa1\xfc\xe2" + "さは".encode("euc_jp")
    assert decode_as(euc, "euc-jp") == "日本の①髙さは"
    seven = bytes(byte & 0x7F for byte in euc)
    assert decode_as(b"a\x1b$B" + seven + b"\x1b(Bb", "iso-2022-jp") == "a日本の①髙さはb"
    assert decode_as(b"\x1b(I1\x1b(B", "iso-2022-jp") == "ｱ"
    cut = b"\x1b$B" + seven[:5]
    assert decode_as(cut, "iso-2022-jp") == "日本\ufffd"
    assert decode_as(b"\x1b$B" + seven[:5] + b"</p>\n<p>\x1b(Bok", "iso-2022-jp").endswith("ok")


@pytest.mark.parametrize(
    ("html", "name", "text"),
    [
        (b"\x80 9", "gb18030", "€ 9"),
        (b"\xa3\xa0", "gb18030", "\u3000"),
        (b"\x81\x30\x81\x30", "gb18030", "\x80"),
        (b"\x88\x62", "big5", "\u00ca\u0304"),
        (b"\xfb\x48", "big5", "嘅"),
        (b"\xa1\xc1", "euc-jp", "～"),
        (b"\x8f\xb0\xa1", "euc-jp", "丂"),
        (b"\x87\x40", "shift_jis", "①"),
        (b"\xff", "shift_jis", "\ufffd"),
        (b"\x81\x41", "euc-kr", "갂"),
        (b"\x93a\x94", "iso-8859-5", "“a”"),
        (b"\x80\x85\x99", "iso-8859-2", "€…™"),
        (b"\x93\xf0\x94 \x97 \x85", "koi8-r", "“П” — …"),
        (b"\x94\x81\x80", "koi8-r", "■│─"),
        (b"\x81", "windows-1252", "\x81"),
        (b"\xfc\xff", "windows-874", "\ufffd\ufffd"),
    ],
)
def test_where_python_differs(html, name, text):
    assert decode_as(html, name) == text


def test_labels():
    assert len(LABELS) == 222  # of the standard's 228, six mean that nothing is shown
    for label, name in LABELS.items():
        assert encoding_of(label) == {"gbk": "gb18030", "x-user-defined": "windows-1252"}.get(
            name, name
        )
        # resiliparse has the same table, under Python's names
        theirs = map_encoding_to_html5(label, fallback_utf8=False)
        if name not in ("x-mac-cyrillic", "x-user-defined", "iso-8859-8-i"):
            assert theirs is not None
            assert encoding_of(theirs) == encoding_of(label)
    for label, name in {
        " Latin1\n": "windows-1252",
        "GB2312": "gb18030",
        "iso-8859-9": "windows-1254",
        "TIS-620": "windows-874",
        "ks_c_5601-1987": "euc-kr",
        "iso-8859-8-i": "iso-8859-8-i",
        "x-sjis": "shift_jis",
        "unicode": "utf-16le",
        # missed by a sign
        "windows1251": "windows-1251",
        "utf_8": "utf-8",
        "EUC_JP": "euc-jp",
        "cp949": "euc-kr",
        "": "",
        "bogus": "",
        "utf-7": "",
    }.items():
        assert encoding_of(label) == name


@given(st.binary(max_size=200), st.sampled_from(sorted({*LABELS, "hz-gb-2312", "iso-2022-kr"})))
def test_decoding_never_fails(html, label):
    text = decode_as(html, encoding_of(label))
    text.encode()
    if all(byte < 0x7F and byte not in b"~\x1b\x0e\x0f\\" for byte in html) and "16" not in (
        name := encoding_of(label)
    ):
        assert text == html.decode("ascii"), name
