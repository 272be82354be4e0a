"""The HTML view: what it says is true, and no text becomes markup."""

import html
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tokenizer.token_page import page


def spans(text: str) -> list[str]:
    return re.findall(r"<span[^>]*>(.*?)</span>", text, re.S)


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_one_span_a_token_and_no_markup_from_the_text(tokenizer, text):
    shown = page(tokenizer, text)
    ids = tokenizer.encode(text)
    assert len(spans(shown)) == len(ids)
    assert [int(n) for n in re.findall(r'title="id (\d+), bytes', shown)] == ids
    body = shown[shown.index('<div class="text">') : shown.index("<table>")]
    tags = set(re.findall(r"</?([a-zA-Z]+)", body))
    assert tags <= {"div", "span", "i"}


def test_facts_and_hostile_text(tokenizer):
    text = '<script>alert("x")</script>\nthe river'
    shown = page(tokenizer, text)
    assert "<script>" not in shown
    assert f"{len(tokenizer.encode(text)):,} tokens, {len(text)} characters" in shown
    joined = "".join(spans(shown))
    plain = html.unescape(re.sub(r'<i class="sign">.*?</i>', "", joined))
    assert plain == text
