"""Text as tokens on an HTML page: coloured pieces, ids and bytes under the pointer."""

import html
import json

from pipeline.tokenizer.show import pieces, printable
from pipeline.tokenizer.tokenizer import Tokenizer

_COLOURS = ("#dbeafe", "#dcfce7", "#fef3c7", "#fce7f3", "#ede9fe", "#ffedd5")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color: #1c2330;
       padding: 0 1rem; }
.text { white-space: pre-wrap; font: 15px/2 ui-monospace, monospace; border: 1px solid #e4e7ec;
        border-radius: 6px; padding: 1rem; overflow-wrap: anywhere; }
.text span { border-radius: 3px; padding: 2px 0; color: #1c2330; }
.text span.cut { font-style: italic; padding: 2px 3px; }
.text span:hover { outline: 2px solid #2e5aac; }
.sign { opacity: .45; }
table { border-collapse: collapse; margin-top: 1rem; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: 2px 14px 2px 0; border-bottom: 1px solid #e4e7ec; }
p.facts { color: #667085; }
"""


def page(tokenizer: Tokenizer, text: str) -> str:
    """The whole page as HTML; it loads nothing from elsewhere."""
    rows = pieces(tokenizer, text)
    size = len(text.encode())
    ratio = f", {size / len(rows):.2f} bytes per token" if rows else ""
    facts = f"{len(rows):,} tokens, {len(text):,} characters, {size:,} bytes{ratio}"
    spans = "".join(_span(number, row) for number, row in enumerate(rows))
    listed = "".join(
        f"<tr><td>{number}</td><td>{row['id']}</td><td>{html.escape(_shown(row))}</td>"
        f"<td>{row['bytes']}</td></tr>"
        for number, row in enumerate(rows)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>tokens</title>'
        f"<style>{_STYLE}</style><h1>Tokens</h1>"
        f'<p class="facts">{facts}; vocabulary of {tokenizer.vocab_size:,}</p>'
        f'<div class="text">{spans}</div>'
        "<table><tr><th>position</th><th>id</th><th>text</th><th>bytes</th></tr>"
        f"{listed}</table></html>\n"
    )


def _span(number: int, row: dict) -> str:
    colour = _COLOURS[number % len(_COLOURS)]
    title = html.escape(f"id {row['id']}, bytes {row['bytes']}", quote=True)
    if row["text"] is None:
        shown, kind = f"&lt;{row['bytes']}&gt;", ' class="cut"'
    else:
        shown, kind = _visible(row["text"]), ""
    return f'<span{kind} style="background:{colour}" title="{title}">{shown}</span>'


def _visible(text: str) -> str:
    """Line ends as a sign and a line break; other control characters as their code."""
    out = []
    for character in text:
        if character == "\n":
            out.append('<i class="sign">⏎</i>\n')
        elif character in "\t\r" or not character.isprintable():
            out.append(f'<i class="sign">{html.escape(printable(character))}</i>')
        else:
            out.append(html.escape(character))
    return "".join(out)


def _shown(row: dict) -> str:
    return "" if row["text"] is None else json.dumps(row["text"], ensure_ascii=False)
