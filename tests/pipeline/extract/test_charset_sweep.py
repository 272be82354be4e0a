"""Every charset of the standard × whole, cut, one bad byte, Windows' quotes × declared or not."""

import pytest
from charset_pages import CHARSETS, pages

from pipeline.extract.charsets import LABELS
from pipeline.extract.decode import decode


def test_no_charset_is_missing():
    assert set(CHARSETS) == set(LABELS.values()) - {"x-user-defined"}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in pages()])
def test_what_is_sound_comes_out_as_it_is(page):
    text, _ = decode(page.html, page.header)
    assert [wanted for wanted in page.wanted if wanted not in text] == []
