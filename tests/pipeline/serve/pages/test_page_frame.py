"""No template and no script has what the policy forbids, or a way from text to markup."""

import re

import pytest

from pipeline.serve.pages.page_frame import TEMPLATES
from pipeline.serve.pages.static_files import FILES

OWN = {name: file for name, file in FILES.items() if not name.startswith("vendor/")}
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTML"
    r"|DOMParser|\beval\b|new Function|srcdoc"
)
INLINE = re.compile(
    r"\|\s*safe\b|autoescape|\sstyle=|\son[a-z]+=|<style|javascript:"
    r"|<script(?![^>]*(\ssrc=|type=\"application/json\"))"
)


@pytest.mark.parametrize("name", sorted(name for name in OWN if name.endswith(".js")))
def test_scripts_make_no_markup_of_text(name: str) -> None:
    text = OWN[name].content.decode()
    # Whole pages of the server's take each other's place, as they would in a new document.
    assert MARKUP.findall(text) == (["DOMParser"] if name == "in_place.js" else [])
    assert "http://" not in text
    assert "https://" not in text


@pytest.mark.parametrize("file", sorted(TEMPLATES.iterdir()), ids=lambda file: file.name)
def test_templates_have_nothing_inline(file: object) -> None:
    text = file.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert INLINE.findall(text) == []
    assert "http" not in text.replace("http-equiv", "")
