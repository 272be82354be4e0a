"""Hints in class names, ids, roles and link addresses, as bits, found by one automaton.

Patterns match anywhere in a name, in any case; "_" stands for the edge of a word, which is any
character other than letters and digits, or the step from a small to a capital letter. The automaton
(Aho and Corasick, CACM 1975) is built at import and run in C: one table look-up a character,
however many patterns there are.
"""

import numpy as np

# The first hint is bit 0, and so on: the block classifier's model knows them by these numbers.
PATTERNS: dict[str, str] = {
    "content": "content _text_ textbody bodytext _copy_ _prose_ _rte_ richtext wysiwyg",
    "article": "article story _news_ newsitem artikel articulo noticia beitrag _blog",
    "post": "_post_ _posts_ postbody postcontent _entry hentry posttext singlepost topic",
    "body": "_body_ articlebody storybody entrybody maintext fulltext longform",
    "main": "_main_ maincontent primary _page_ pagecontent _wrapper _container",
    "paragraph": "paragraph _para_ _lead_ _intro standfirst _dek_ abstract excerpt _p_",
    "title": "title headline heading _header_text subhead subtitle kicker _hed_",
    "code": "_code highlight syntax _pre_ snippet sourcecode terminal listing rouge prism hljs",
    "document": "_doc_ _docs_ document markdown _md_ _wiki mwparser rst readme reference",
    "nav": "_nav navbar navigation _menu submenu _topbar mainmenu megamenu hamburger _tabs_",
    "footer": "foot colophon copyright _bottom_ imprint",
    "header": "_header_ masthead _top_ banner _branding _logo siteheader",
    "sidebar": "sidebar _side_ _rail_ _aside widget sidenav _left_ _right_ rightcol leftcol",
    "related": (
        "related recommend _more_ morefrom readmore alsolike similar suggest _next_ _prev previous "
        "upnext outbrain taboola trending popular mostread mostviewed _latest readnext "
        "furtherreading seealso recirc"
    ),
    "share": "share sharing addthis addtoany sociable sharer intent_tweet",
    "social": (
        "social facebook twitter linkedin pinterest instagram whatsapp reddit tumblr youtube "
        "follow telegram _like_"
    ),
    "comment": "comment disqus respond _reply replies discussion feedback reader kommentar",
    "ad": (
        "_ad_ _ads_ advert sponsor _dfp _gpt_ adsense adslot doubleclick _promoted bannerad adunit "
        "_adv_ paidcontent reklam anzeige werbung"
    ),
    "promo": "promo teaser callout _cta_ _card_ _cards_ _offer upsell paywall marketing _tile",
    "cookie": "cookie consent gdpr _ccpa onetrust _privacy",
    "newsletter": "newsletter subscri signup mailing optin mailchimp _join_",
    "breadcrumb": "breadcrumb crumb _path_ pathway",
    "pagination": "paginat pager pagenav _pages_ _page_numbers loadmore",
    "author": "author byline _by_ contributor _bio_ vcard writer _editor_ profile autor",
    "date": "_date pubdate dateline timestamp published datetime _time_ posted updated postedon",
    "meta": "_meta_ entrymeta postmeta _info_ byline metadata infobar _details_ readingtime",
    "tags": "_tag_ _tags_ taglist tagcloud categor keyword label topics hashtag",
    "caption": "caption credit copyrightholder legend photographer",
    "media": (
        "gallery image _img photo picture figure video audio player carousel slider slideshow "
        "media thumb podcast"
    ),
    "popup": (
        "popup modal overlay lightbox tooltip popover dialog interstitial toast notification "
        "_alert_ dropdown"
    ),
    "login": "login _signin logout account register user_ _auth_ password",
    "search": "search _find_ suche",
    "legal": "legal disclaimer _terms_ impressum licen policy",
    "table_of_contents": "_toc_ tableofcontents _toc contents_list onthispage",
    "reference": "footnote reference citation biblio endnote reflist _cite _note_",
    "quote": "quote pullquote pull_quote blockquote",
    "list": "_list_ listing _items_ _grid_ _feed_ archive _index_ river stream",
    "product": "product price _cart basket shop _buy_ checkout _sku_ rating review wishlist",
    "forum": "forum thread message _reply answer question _votes_ postcell signature bbcode",
    "box": "infobox factbox sidebox _box_ _aside fact_box inset infocard",
    "toolbar": "toolbar _tools_ _actions_ _controls_ button _btn print_ _print edit_",
    "skip": "skiplink skip_to skipto jump_to backtotop _back_",
    "event": "event calendar schedule weather stock ticker _poll_ survey quiz",
    "timeline": "live_ liveblog timeline update",
    "correction": "correction _note_ editornote disclosure tagline _about",
    "download": "download attachment _file_ pdf",
    "language": "language locale translation _lang_ hreflang",
    "embed": "embed iframe tweet instagram_media oembed _widget_",
    "section_front": "homepage section_front _front_ _hub_ landing category_page listing_page",
    "answer": "_faq accordion _answer collapse expand",
    "concealed": "_hidden_ d_none _hide_ display_none noprint no_print invisible",
}
# The tokenizer itself uses these (_segment_names.h), so their bits are fixed.
SPECIAL: dict[str, tuple[int, str]] = {
    "code_box": (
        56,
        "_syntaxhighlighter_",
    ),
    "copy_button": (
        57,
        "copy_btn copybutton copy_button copy_code copy_to_ clipboard command_help",
    ),
    "code_line": (
        58,
        "blob_code js_file_line lines_code react_code_file",
    ),
    "formula": (
        59,
        "_tex_ latex _math_ mathimg mwe_math equation formula",
    ),
    "glyph": (
        60,
        "emoji smiley smilies",
    ),
    "twice": (
        61,
        "katex_html _math_jax_ math_jax_preview mjx_chtml mwe_math_fallback",
    ),
    "numbers": (
        62,
        "_gutter_ _lineno linenumber line_number line_num_ linenum linenr line_nr_ _ln_n _ln_ "
        "_lnt_ _lntd_ lines_num blob_num crayon_num",
    ),
    "unseen": (
        63,
        "sr_only visually_hidden visuallyhidden screen_reader screenreader assistive offscreen "
        "off_screen",
    ),
}
BITS: dict[str, int] = {
    **{name: bit for bit, name in enumerate(PATTERNS)},
    **{name: bit for name, (bit, _) in SPECIAL.items()},
}
SYMBOLS = 32  # 0 the edge of a word, 1..26 letters, 27 a digit; the rest for a power of two


def mask(*names: str) -> int:
    """The bits of some hints together."""
    return sum(1 << BITS[name] for name in set(names))


def _symbol(character: str) -> int:
    return 0 if character == "_" else ord(character) - ord("a") + 1


def automaton() -> tuple[np.ndarray, np.ndarray]:
    """Transitions [states, SYMBOLS] and the hints that are complete in each state [states]."""
    moves: list[list[int]] = [[0] * SYMBOLS]
    masks: list[int] = [0]
    special = {name: patterns for name, (_, patterns) in SPECIAL.items()}
    for name, patterns in (PATTERNS | special).items():
        for pattern in patterns.split():
            state = 0
            for character in pattern:
                symbol = _symbol(character)
                if not moves[state][symbol]:
                    moves[state][symbol] = len(moves)
                    moves.append([0] * SYMBOLS)
                    masks.append(0)
                state = moves[state][symbol]
            masks[state] |= 1 << BITS[name]
    # Breadth first: a state without a transition of its own takes that of its longest suffix.
    suffix = [0] * len(moves)
    queue = [state for state in moves[0] if state]
    for state in queue:
        for symbol in range(SYMBOLS):
            following = moves[state][symbol]
            if following:
                suffix[following] = moves[suffix[state]][symbol]
                masks[following] |= masks[suffix[following]]
                queue.append(following)
            else:
                moves[state][symbol] = moves[suffix[state]][symbol]
    return np.array(moves, np.uint16), np.array(masks, np.uint64)


MOVES, MASKS = automaton()
