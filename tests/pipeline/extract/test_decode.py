"""Charsets: right ones, missing ones and wrong ones."""

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.extract.charsets import encoding_of
from pipeline.extract.decode import decode, plain_utf8

GERMAN = "Die Bäcker von Würzburg öffnen früh; süße Brötchen gibt es für 40 ¢ das Stück. " * 5
CHINESE = "山田先生在北京大学学习中文，他每天早上都去图书馆看书。今天天气很好，我们去公园散步。" * 5
JAPANESE = "東京の天気は晴れです。私は毎日図書館で本を読みます。ありがとうございます。" * 5
KOREAN = "오늘은 날씨가 좋습니다. 저는 도서관에서 책을 읽습니다. 감사합니다. " * 5
RUSSIAN = "Сегодня хорошая погода. Я читаю книгу в библиотеке каждый день. Спасибо. " * 5


def page(text: str, charset: str = "") -> str:
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (GERMAN, "iso-8859-1"),
        (GERMAN, "windows-1252"),
        (CHINESE, "gb2312"),
        (CHINESE, "gb18030"),
        (CHINESE, "big5hkscs"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (JAPANESE, "iso-2022-jp"),
        (KOREAN, "euc-kr"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
    ],
)
def test_a_right_declaration_is_followed_in_header_and_in_page(text, charset):
    if charset == "big5hkscs":
        text, charset = "今天天氣很好，我們去公園散步，山田先生在圖書館看書。" * 5, "big5"
    bare = page(text).encode(charset)
    assert text in decode(bare, charset)[0]
    assert text in decode(page(text, charset).encode(charset))[0]


@pytest.mark.parametrize(
    "declared", ["", "iso-8859-1", "gb2312", "windows-1251", "bogus", "utf-16"]
)
@pytest.mark.parametrize("text", [GERMAN, CHINESE, RUSSIAN, "plain ASCII"])
def test_utf8_is_utf8_whatever_is_declared(text, declared):
    html = page(text, declared).encode()
    assert decode(html, declared) == (html.decode(), "utf-8")


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        (GERMAN, "windows-1252", "utf-8"),
        (GERMAN, "iso-8859-1", "gb2312"),
        (CHINESE, "gb18030", "utf-8"),
        (CHINESE, "gb18030", "iso-8859-1"),
        (JAPANESE, "shift_jis", "iso-8859-1"),
        (KOREAN, "euc-kr", "utf-8"),
        (RUSSIAN, "windows-1251", "utf-8"),
        (CHINESE, "gb18030", ""),
        (JAPANESE, "euc-jp", ""),
    ],
)
def test_a_wrong_declaration_is_not_believed(text, charset, declared):
    assert text in decode(page(text, declared).encode(charset), declared)[0]


@pytest.mark.parametrize(
    ("mark", "charset"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16le"),
        (codecs.BOM_UTF16_BE, "utf-16be"),
        (codecs.BOM_UTF32_LE, "utf-32le"),
    ],
)
def test_a_byte_order_mark_counts_most(mark, charset):
    assert decode(mark + page(GERMAN).encode(charset), "iso-8859-1") == (page(GERMAN), charset)


def test_a_few_broken_bytes_do_not_change_the_charset():
    html = page(GERMAN).encode()
    text, charset = decode(html.replace(b"</p>", b"\xff</p>"), "")
    assert charset == "utf-8"
    assert GERMAN in text
    cut = page(CHINESE).encode()[:-18]  # Common Crawl cuts bodies anywhere
    assert cut[-1] & 0x80
    assert decode(cut)[1] == "utf-8"


@given(st.binary(max_size=300), st.sampled_from(["", "utf-8", "gb2312", "utf-16", "x", "latin1"]))
def test_any_bytes_decode(html, declared):
    text, charset = decode(html, declared)
    text.encode("utf-8")  # no lone surrogates
    assert charset == encoding_of(charset) or charset.startswith("utf-32")


@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1", "windows-1251"])
def test_a_bad_byte_does_not_undo_utf8(declared):
    # one stray byte among three signs, which any charset of single bytes would take
    html = "<p>couldn’t come, wasn’t his fault, didn’t ".encode() + b"won\x92t</p>"
    text, charset = decode(html, declared)
    assert (charset, "couldn’t" in text, text.count("\ufffd")) == ("utf-8", True, 1)


def test_a_cut_is_no_fault_and_a_lone_byte_no_cut():
    assert decode("<p>图".encode()[:-1], "utf-8") == ("<p>\ufffd", "utf-8")
    assert decode("<p>a图".encode()[:-1] + b"<b>", "utf-8")[1] != "big5"
    assert decode(b"<p>caf\xe9", "iso-8859-1") == ("<p>café", "windows-1252")
    assert decode(b"<p>it\x92s", "utf-8") == ("<p>it’s", "windows-1252")


def test_a_page_joined_from_both_is_read_piece_by_piece():
    html = "<p>schön</p>".encode() + "<p>früh süß größer “so”</p>".encode("cp1252")
    assert decode(html, "utf-8") == ("<p>schön</p><p>früh süß größer “so”</p>", "utf-8")


def test_the_page_is_believed_where_its_bytes_agree_and_the_server_is_wrong():
    russian = page(RUSSIAN, "windows-1251").encode("cp1251")
    assert decode(russian, "iso-8859-1")[1] == "windows-1251"
    polish = "Zażółć gęślą jaźń, mówił łoś; ślepy źrebak jadł świeże żołędzie. " * 4
    assert polish in decode(page(polish, "iso-8859-2").encode("iso-8859-2"), "iso-8859-1")[0]


@pytest.mark.parametrize("where", [0, 40, 200])
@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (CHINESE, "gb18030", "gb18030"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (KOREAN, "cp949", "euc-kr"),
    ],
)
def test_charsets_of_several_bytes_keep_their_claim(text, codec, name, where):
    html = page(text, name).encode(codec)
    at = html.index(b"<p>") + 3 + where // 2 * 2
    for declared in (name, ""):
        bad = decode(html[:at] + b"\xff" + html[at:], declared)
        assert bad[1] == name
        assert text[-40:] in bad[0]
        cut = decode(html[: at + 61], declared)
        assert cut[1] == name


RUSSIAN = (
    "Комитет снова собрался во вторник, чтобы узнать, что инженеры нашли под старым мостом. "
    "Доклад был длинным и скучным, и Анна Петрова ушла раньше всех."
)


def test_small_letters_where_another_charset_has_capitals():
    for true, said in (("koi8-r", "windows-1251"), ("cp1251", "koi8-r"), ("koi8-u", "cp1251")):
        page = f"<p>{RUSSIAN}".encode(true)
        assert decode(page, said)[0] == f"<p>{RUSSIAN}"
        meta = f"<meta charset={said}><p>{RUSSIAN}"
        assert decode(meta.encode(true))[0] == meta
    # capitals on purpose are as declared
    capitals = f"<p>{RUSSIAN.upper()}"
    assert decode(capitals.encode("cp1251"), "windows-1251")[0] == capitals


def test_half_of_it_is_enough_for_what_is_declared():
    # a letter, and the one byte that is a control in windows-1251
    assert decode(b"<p>a \xff b \x98 c", "windows-1251")[0] == "<p>a я b \x98 c"
    # less than half
    assert decode(b"<p>a \xff b \x98 c \x98", "windows-1251")[1] == "windows-1252"


def test_escapes():
    assert decode(page(JAPANESE).encode("iso2022_jp"))[0] == page(JAPANESE)
    assert decode(page(KOREAN, "iso-2022-kr").encode("iso2022_kr"))[0] == page(
        KOREAN, "iso-2022-kr"
    )
    assert decode(page(CHINESE).encode("hz"), "hz-gb-2312")[0] == page(CHINESE)
    assert decode(b"<p>{ color: red; ~{ }", "")[1] == "utf-8"
    # UTF-16 without a mark shows by its markup
    for codec in ("utf-16-le", "utf-16-be"):
        assert decode(page(CHINESE).encode(codec))[0] == page(CHINESE)


def test_traditional_characters_in_gbk_stay_there():
    text = "今天早上城裡很安靜，只有一輛舊電車從橋上開過。我們買了麵包、乳酪和蘋果。" * 3
    html = page(text).encode("gbk")
    html = html.replace("蘋果。".encode("gbk"), b"\xff" + "蘋果。".encode("gbk"), 1)
    for declared in ("gbk", "gb2312", ""):
        found, charset = decode(html, declared)
        assert (charset, text[:30] in found) == ("gb18030", True)


PIECES = [
    b"<p>",
    b"a",
    "é中😀".encode(),
    b"\xe4",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\0",
    b"\x1b$B",
    b"z-gb-",
]
DECLARED = ["", "utf-8", "iso-8859-1", "hz-gb-2312"]


@given(st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join), st.sampled_from(DECLARED))
@example(b"", "")
@example(b"x" * 300 + b"\0", "")
def test_plain_utf8_is_what_decode_says(html, declared):
    text = plain_utf8(html, declared)
    if text is not None:
        assert decode(html, declared) == (text, "utf-8")
        assert text.encode() == html


@pytest.mark.parametrize("html", [b"", b"<p>a", "<p>Größe 中 😀".encode()])
def test_most_pages_are_plain_utf8(html):
    assert plain_utf8(html) == html.decode()


@pytest.mark.parametrize("html", [b"\xef\xbb\xbf<p>a", b"<p>\xe4", b"\0<p>", b"\x1b$B<p>"])
def test_others_are_not(html):
    assert plain_utf8(html) is None
