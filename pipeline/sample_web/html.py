"""Full HTML pages around a main text: six layouts with navigation, ads, consent, comments, footer.

The furniture is text that the extractor should leave out; the main text is in `article`, `main` or
a content `div`, forum posts in a `div` each. Some pages are broken on purpose (unclosed elements,
stray ends), as on the web.
"""

import html
import random

from pipeline.sample_web.hosts import Host
from pipeline.sample_web.lexicon import LEXICON
from pipeline.sample_web.page_builder import Page
from pipeline.sample_web.prose import expand
from pipeline.sample_web.text_languages import FURNITURE

ADS = (
    "Save {tens} percent on {colour} garden chairs this week only",
    "New: the {colour} umbrella that never breaks",
    "Compare {small_number} insurance offers in one minute",
    "Your advertisement could stand here",
    "Holiday flats by the sea from {small_number} crowns a night",
)
COMMENTS = (
    "Nice page, I [liked|loved] the part about the {animal}.",
    "My {relative} lives there and says [hello|it has changed].",
    "Please fix the [menu|pictures] on my telephone.",
    "First!",
    "I [disagree|agree] with everything above.",
    "Does anybody know where to buy {food}?",
)
TEASERS = (
    "{small_number} ideas for a rainy {weekday}",
    "Why {bird} love the {building}",
    "The {colour} {animal} is back",
    "A {season} without {food}?",
    "Readers show their {flower}",
)
_SLOTS = {"tens": "twenty"}


def render(page: Page, host: Host, rng: random.Random, charset: str, broken: bool) -> str:
    """The page as HTML text; `charset` is what it declares ("" for no declaration)."""
    menu, rights, consent = FURNITURE[page.language]
    body = _blocks(page, host)
    if broken:
        body = _break(body, rng)
    aside = _aside(page, rng)
    nav = "".join(
        f'<li><a href="/{number}">{html.escape(entry)}</a></li>'
        for number, entry in enumerate(menu)
    )
    title = html.escape(page.title)
    parts = {
        "nav": f'<nav class="menu"><ul>{nav}</ul></nav>',
        "aside": aside,
        "ad": _ad(page, rng),
        "comments": _comments(page, rng),
        "body": body,
        "title": f"<h1>{title}</h1>",
        "date": f'<div class="post-meta"><time>May {host.year}</time></div>',
        "footer": f"<footer><p>&copy; {host.year} {html.escape(host.title)}. "
        f'{html.escape(rights)}. <a href="/imprint">Imprint</a></p></footer>',
        "consent": f'<div id="cookie-banner" class="cookie-consent"><p>{html.escape(consent)}</p>'
        "<button>OK</button></div>",
        "site": html.escape(host.title),
    }
    layout = host.layout
    if not page.blocks:  # navigation only; an empty board's menu would be taken for its text
        layout %= len(_LAYOUTS) - 1
        parts |= dict.fromkeys(("title", "date", "ad", "aside", "consent", "comments"), "")
        parts["footer"] = f"<footer>{parts['nav']}</footer>"
    meta = f'<meta charset="{charset}">' if charset else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{page.language}"><head>{meta}<title>{title} - '
        f"{parts['site']}</title>\n"
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/s.css">\n'
        "<script>var q = [1, 2]; function go(x) { return x; }</script>"
        "<style>body { margin: 0 } .ad { float: right }</style></head>\n"
        + _LAYOUTS[layout].format(**parts)
        + "\n</html>\n"
    )


_LAYOUTS = (
    # an old site: tables of nothing, content in a div
    '<body>{consent}<div id="header"><a href="/">{site}</a></div>{nav}{ad}'
    '<div id="content" class="content">{title}{body}</div>{aside}{comments}{footer}</body>',
    # a blog
    '<body class="blog"><header><a href="/">{site}</a>{nav}</header><main>'
    '<article class="post"><header>{title}{date}</header><div class="entry-content">{body}</div>'
    "</article>{comments}</main>{aside}{ad}{footer}{consent}</body>",
    # a newspaper
    '<body>{consent}<header class="site-header">{site}</header>{nav}{ad}<div class="wrap">'
    '<article itemscope><div class="headline">{title}{date}</div>'
    '<div class="article-body" itemprop="articleBody">{body}</div></article>{aside}</div>'
    "{comments}{footer}</body>",
    # an encyclopedia
    '<body><div id="page"><div id="sidebar" class="sidebar">{nav}{aside}</div>'
    '<main id="main-content"><div class="page-content">{title}{body}</div></main></div>'
    "{footer}{consent}</body>",
    # a magazine: the article between two columns
    '<body><div class="cols"><div class="sidebar left">{nav}{ad}</div><section class="middle">'
    '<article>{title}{body}</article>{comments}</section><div class="sidebar right">{aside}</div>'
    "</div>{footer}{consent}</body>",
    # a board
    '<body><div id="top">{site}</div>{nav}<main role="main"><div class="post-content">{title}'
    "{body}</div></main>{ad}{aside}{footer}{consent}</body>",
)


def _blocks(page: Page, host: Host) -> str:
    parts = []
    for block in page.blocks:
        text = html.escape(block.text, quote=False)
        if block.tag == "h":
            parts.append(f"<h3>{text}</h3>")
        elif block.tag == "post":
            parts.append(f'<div class="answer"><p>{text}</p></div>')
        elif block.tag == "pre":
            parts.append(f"<pre>{text}</pre>")
        elif block.tag == "li":
            parts.append(f"<p>{text}<br></p>" if host.layout % 2 else f"<p>{text}</p>")
        else:
            parts.append(f"<p>{text}</p>")
    return "\n".join(parts)


def _break(body: str, rng: random.Random) -> str:
    """Unclosed paragraphs, a stray end, a bold that never ends."""
    body = body.replace("</p>\n<p>", "\n<p>")
    faults = ("</div></span>", "<b>", "</table>", "<p><p>", "<br></i>")
    return rng.choice(faults[2:]) + body + rng.choice(faults[:1] + faults[3:])


def _aside(page: Page, rng: random.Random) -> str:
    if page.language != "en":
        links = "".join(f'<li><a href="/{n}">{n}</a></li>' for n in range(3))
    else:
        links = "".join(
            f'<li><a href="/{n}">{html.escape(expand(rng.choice(TEASERS), rng, _SLOTS))}</a></li>'
            for n in range(rng.randint(2, 4))
        )
    return f'<aside class="related-posts"><h4>+</h4><ul>{links}</ul></aside>'


def _ad(page: Page, rng: random.Random) -> str:
    text = expand(rng.choice(ADS), rng, _SLOTS)
    return f'<div class="ad advertisement"><a href="/ad">{html.escape(text)}</a></div>'


def _comments(page: Page, rng: random.Random) -> str:
    if page.language != "en":
        return '<div id="comments" class="comments"></div>'
    said = "".join(
        f'<li class="comment"><b>{rng.choice(LEXICON["name"])}</b> '
        f"<p>{html.escape(expand(rng.choice(COMMENTS), rng))}</p></li>"
        for _ in range(rng.randint(0, 3))
    )
    return f'<div id="comments" class="comments"><ol class="comment-list">{said}</ol></div>'
