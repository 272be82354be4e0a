"""The MIME type by the Fetch standard, with the examples of its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.crawl.mime import extract_type


@pytest.mark.parametrize(
    ("values", "essence", "charset"),
    [
        ([], "", ""),
        (["text/html"], "text/html", ""),
        (['Text/HTML;Charset="utf-8"'], "text/html", "utf-8"),
        (["text/html; charset='iso-8859-2'"], "text/html", "iso-8859-2"),
        # the standard's table
        (["text/html;charset=gbk, text/html"], "text/html", "gbk"),
        (["text/html;charset=gbk;a=b, text/html;x=y"], "text/html", "gbk"),
        (["text/html;charset=gbk;a=b", "text/html;x=y"], "text/html", "gbk"),
        (["text/html;charset=gbk", "x/x", "text/html;x=y"], "text/html", ""),
        (["text/html", "cannot-parse"], "text/html", ""),
        (["text/html", "*/*"], "text/html", ""),
        (["text/html", ""], "text/html", ""),
        # what servers send beyond it
        (["text/html; charset=utf-8, text/html; charset=utf-8"], "text/html", "utf-8"),
        (['text/html;x="a,b;charset=koi8-r";charset=big5'], "text/html", "big5"),
        (["text/html; charset=utf-8; charset=latin1"], "text/html", "utf-8"),
        (["text/html; x-charset=latin1"], "text/html", ""),
        (["text/html;; charset = utf-8"], "text/html", "utf-8"),
        (["text/html charset=utf-8"], "text/html", "utf-8"),
        (["text/plain, text/html"], "text/html", ""),
        (["text/html, image/png"], "image/png", ""),
        (["html"], "", ""),
    ],
)
def test_the_last_type_counts_and_a_charset_of_the_same_stays(values, essence, charset):
    assert extract_type(*values) == (essence, charset)


@given(st.lists(st.text(alphabet="texhml/;,=\"\\' charset-8*", max_size=40), max_size=3))
def test_any_value_is_read(values):
    essence, charset = extract_type(*values)
    assert essence.count("/") <= 1
    assert not essence or essence == essence.lower()
    assert "," not in essence
    assert charset == charset.strip()
