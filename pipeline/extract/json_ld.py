"""The article in a page's JSON-LD (schema.org): the only text of pages that scripts render."""

import html
import json
import re

LEAST_CHARACTERS = 100  # as in trafilatura's baseline
BODY = re.compile(r'"articleBody"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)


def article_body(data: str) -> str:
    """The longest "articleBody" of a script of JSON-LD, "" if none is an article.

    Read as JSON string by string, not as one document: many sites wrap theirs in comments, leave
    line breaks in strings or cut it, and a browser's search engine reads them all the same.
    """
    bodies = [_string(match[1]) for match in BODY.finditer(data)]
    longest = max(bodies, key=len, default="")
    return longest if len(longest) >= LEAST_CHARACTERS else ""


def _string(quoted: str) -> str:
    try:
        text = json.loads(quoted, strict=False)
    except ValueError:  # an escape that JSON doesn't know
        text = quoted[1:-1].replace("\\", "")
    return html.unescape(text).replace("\r\n", "\n").replace("\r", "\n")
