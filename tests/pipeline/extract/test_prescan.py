"""What a page declares: the HTML standard's prescan, case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.extract.prescan import declared_charset

LONG = b"<script>" + b"x" * 2000 + b"</script>"


@pytest.mark.parametrize(
    ("html", "name"),
    [
        (b"<meta charset=windows-1251>", "windows-1251"),
        (b"<META CHARSET = 'koi8-r'/>", "koi8-r"),
        (b'<meta/charset="gbk">', "gb18030"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=big5">', "big5"),
        (b"<meta content='a; charset=big5' http-equiv=content-type>", "big5"),
        (b"<meta http-equiv=content-type content=\"text/html;charset='euc-jp'\">", "euc-jp"),
        (b'<meta http-equiv=content-type content="charsetcharset = euc-kr ;">', "euc-kr"),
        (b"<meta http-equiv=refresh content='0; charset=big5'>", ""),
        (b"<meta content='text/html; charset=big5'>", ""),
        (b"<meta name=x content=y><meta charset=utf-8>", "utf-8"),
        (b"<meta charset=bogus><meta charset=big5>", "big5"),
        (b"<meta charset=big5 charset=utf-8>", "big5"),
        (b"<meta charset=big5 http-equiv=content-type content='charset=utf-8'>", "big5"),
        (b"<metadata charset=big5>", ""),
        (b"<div data='<meta charset=big5>'>", ""),
        (b"<!-- <meta charset=big5> --><meta charset=utf-8>", "utf-8"),
        (b"<!--><meta charset=big5>", "big5"),
        (b"<!doctype html><?php x><meta charset=big5>", "big5"),
        (b"</p title='<meta charset=big5>'>", ""),
        # UTF-16 could not be read this far; bytes on demand are windows-1252
        (b"<meta charset=utf-16le>", "utf-8"),
        (b"<meta charset=x-user-defined>", "windows-1252"),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><html>', "iso-8859-2"),
        (b"<?xml version='1.0' encoding='utf-16'?><html>", "utf-8"),
        (b'<?xml version="1.0" encoding="iso-8859-2"?><meta charset=koi8-r>', "koi8-r"),
        # beyond the first 1,024 bytes as the parser would meet it
        (LONG + b"<meta charset=big5>", "big5"),
        (b"<script>" + b"x" * 2000 + b"'<meta charset=big5>'</script>", ""),
        (b"<style>" + b"x" * 2000 + b"<meta charset=gbk></style><meta charset=big5>", "big5"),
        (b"<!--" + b"x" * 2000 + b"<meta charset=big5>-->", ""),
        (b"x" * 70_000 + b"<meta charset=big5>", ""),
        (b'<meta charset="big5', ""),
        (b"<meta", ""),
        (b"", ""),
    ],
)
def test_prescan(html, name):
    assert declared_charset(html) == name


@given(
    st.lists(
        st.sampled_from(
            [
                b"<",
                b"meta",
                b" charset=",
                b"gbk",
                b"'",
                b'"',
                b">",
                b"<!--",
                b"-->",
                b"<script",
                b"/",
                b"=",
                b"x" * 600,
            ]
        ),
        max_size=40,
    )
)
def test_any_bytes_are_scanned(pieces):
    assert declared_charset(b"".join(pieces)) in ("", "gb18030")
