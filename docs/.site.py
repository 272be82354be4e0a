"""A hook of mkdocs: what is folded with <details> is Markdown on GitHub, and so here."""

from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the mark that `md_in_html` asks for."""
    return markdown.replace("<details>", '<details markdown="1">')
