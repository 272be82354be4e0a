"""Pages that should be dropped, each kind by one stage of the recipe and by no stage before it.

`JUNK` maps a kind to the stage meant for it and its maker. Pages for the URL filter have harmless
text, so that nothing but their address can drop them.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import random
from collections.abc import Callable

from pipeline.curriculum.spelled_words import SPELLING_WORDS
from pipeline.sample_web import text_pages, text_people, text_places
from pipeline.sample_web.lexicon import LEXICON
from pipeline.sample_web.page_builder import Block, Page
from pipeline.sample_web.prose import expand

NOBODY = {"she": "she", "her": "her", "him": "her", "herself": "herself", "e": "somebody"}
SALES = ("chairs", "lamps", "boots", "tickets", "umbrellas", "curtains", "phones", "mattresses")


def sentences(count: int, rng: random.Random) -> list[str]:
    """Harmless sentences in a row."""
    slots = NOBODY | {"first": rng.choice(LEXICON["name"])}
    bank = text_people.LIFE + text_places.TOWN + text_pages.SCENE
    return [expand(template, rng, slots) for template in rng.sample(bank, count)]


def paragraphs(rng: random.Random, count: int = 4) -> list[Block]:
    drawn = sentences(count * 4, rng)
    return [Block("p", " ".join(drawn[i : i + 4])) for i in range(0, len(drawn), 4)]


def harmless(rng: random.Random) -> list[Block]:
    return paragraphs(rng, rng.randint(3, 5))


def spam_lines(rng: random.Random) -> list[Block]:
    """The same three or four lines again and again."""
    lines = [
        f"Buy {rng.choice(LEXICON['colour'])} {thing} today at the best price of the year."
        for thing in rng.sample(SALES, rng.randint(3, 4))
    ]
    return [Block("p", rng.choice(lines)) for _ in range(rng.randint(18, 30))]


def keyword_stuffing(rng: random.Random) -> list[Block]:
    """One phrase in every sentence."""
    thing, town = rng.choice(SALES), rng.choice(("Veyland", "Harborfield", "Oakhaven"))
    phrase = f"cheap {rng.choice(LEXICON['colour'])} {thing} in {town}"
    patterns = (
        "If you want {p}, our shop has {p} for you and your friends.",
        "We sell {p} and we know that {p} are the best.",
        "Nobody has {p} like we have {p} at this price.",
        "Find {p} here, because {p} make everyone happy.",
        "The secret of {p} is simple: {p} and nothing else.",
        "Order {p} now and get more {p} for free.",
    )
    drawn = [rng.choice(patterns).format(p=phrase) for _ in range(rng.randint(14, 20))]
    return [Block("p", " ".join(drawn[i : i + 5])) for i in range(0, len(drawn), 5)]


def too_short(rng: random.Random) -> list[Block]:
    """A real text, but of fewer than fifty words."""
    drawn = sentences(3, rng)
    while sum(len(text.split()) for text in drawn) > 44:
        drawn.remove(max(drawn, key=len))
    return [Block("p", " ".join(drawn))]


def word_list(rng: random.Random) -> list[Block]:
    """English words without any stop words."""
    words = rng.sample(SPELLING_WORDS, 110)
    lines = [words[i : i + 11] for i in range(0, len(words), 11)]
    return [Block("p", " ".join(line).capitalize() + ".") for line in lines]


def symbols(rng: random.Random) -> list[Block]:
    """More hash signs than prose has."""
    tags = list(SPELLING_WORDS)
    drawn = sentences(10, rng)
    return [
        Block("p", " ".join([text, *(f"#{tag}" for tag in rng.sample(tags, rng.randint(3, 6)))]))
        for text in drawn
    ]


def ellipses(rng: random.Random) -> list[Block]:
    """Teasers that all break off."""
    return [Block("p", text.rstrip(".!?") + "...") for text in sentences(14, rng)]


def number_table(rng: random.Random) -> list[Block]:
    """Sentences that end in long rows of readings."""
    lines = []
    for text in sentences(14, rng):
        readings = " ".join(str(rng.randint(10, 99_999)) for _ in range(rng.randint(11, 15)))
        lines.append(f"{text.rstrip('.!?')} {readings}.")
    return [Block("p", line) for line in lines]


def long_words(rng: random.Random) -> list[Block]:
    """Official language: a mean word of more than ten letters."""
    nouns = (
        "implementation administration responsibilities infrastructure documentation "
        "recommendations internationalisation characteristics interdepartmental communication "
        "classification authorisation standardisation reorganisation transformations "
        "telecommunications sustainability representatives specifications interoperability"
    ).split()
    verbs = "necessitates facilitates substantiates revolutionises characterises".split()
    lines = []
    for _ in range(14):
        chosen = rng.sample(nouns, 7)
        text = f"The {' '.join(chosen[:3])} {rng.choice(verbs)} {' '.join(chosen[3:5])}"
        lines.append(f"{text} of {' '.join(chosen[5:])}.")
    return [Block("p", " ".join(lines[i : i + 4])) for i in range(0, len(lines), 4)]


def lorem_ipsum(rng: random.Random) -> list[Block]:
    """A page with filler text."""
    blocks = harmless(rng)
    filler = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor."
    return [*blocks[:2], Block("p", f"{filler} {sentences(1, rng)[0]}"), *blocks[2:]]


def code(rng: random.Random) -> list[Block]:
    """A programming page: prose around curly brackets."""
    name = rng.choice(SPELLING_WORDS)
    line = f"Write function {name}(x) {{ return x + {rng.randint(2, 99)}; }} and try it at once."
    blocks = harmless(rng)
    return [blocks[0], Block("p", f"{sentences(1, rng)[0]} {line}"), *blocks[1:]]


def policy(rng: random.Random) -> list[Block]:
    """Nearly every line is about terms and cookies; too little is left without them."""
    thing = rng.choice(SALES)
    lines = (
        f"Our terms of use apply to all {thing} sold here, and to the people who buy them.",
        f"The privacy policy tells you what we know about the {thing} you have looked at so far.",
        f"In the cookie policy you can read how long we remember that you wanted to buy {thing}.",
        f"This shop uses cookies so that the {thing} in your basket are still there tomorrow.",
        "By the use of cookies we also find out which of our pages nobody wants to read at all.",
        "Because we use cookies with care, you will not be asked about this more than once a day.",
        "Whoever does not agree with the terms of use is free to leave the shop at any moment.",
        "A paper copy of the privacy policy is kept at the desk, next to the scales and the bell.",
    )
    return [Block("p", line) for line in rng.sample(lines, 7)] + [
        Block("p", text) for text in sentences(2, rng)
    ]


def few_sentences(rng: random.Random) -> list[Block]:
    """One endless sentence, and another."""
    return [
        Block("p", ", and ".join(text.rstrip(".").lower() for text in sentences(7, rng)) + ".")
        for _ in range(2)
    ]


def no_punctuation(rng: random.Random) -> list[Block]:
    """Lines that just stop, as in a catalogue."""
    return [
        Block("p", text.rstrip(".!?").replace(". ", " and ").replace("? ", " and "))
        for text in sentences(16, rng)
    ]


def short_lines(rng: random.Random) -> list[Block]:
    """Verse-like lines of at most thirty characters."""
    lines: list[str] = []
    while len(lines) < 34:
        line = expand(rng.choice(_VERSES), rng)
        if len(line) <= 30 and line not in lines:
            lines.append(line)
    return [Block("p", line) for line in lines]


_VERSES = (
    "The {animal} is in the {room}.",
    "A {bird} song to me.",
    "We walk to the {building}.",
    "I have {food} and time.",
    "The {tree} has lost a leaf.",
    "To be {trait} is hard.",
    "In {month} it will rain.",
    "Bring {drink} with you.",
    "My {relative} is asleep.",
    "That {colour} door was mine.",
    "Old {furniture}, new {tool}.",
    "{weekday} has come again.",
    "{name} sang of {flower}.",
    "No {animal} ever lied.",
    "O {season}, stay with us!",
    "Give {name} the {tool}.",
    "Where have the {bird} gone?",
    "{drink} and {drink}.",
    "Still {colour}, still here.",
    "{name} and I, in {month}.",
    "Such {trait} eyes!",
    "Beyond the {building}, hills.",
    "One {animal}, two {flower}.",
    "Sing, {name}, of {food}.",
)


def repeated_line(rng: random.Random) -> list[Block]:
    """Good prose, one line of it four times: too much for FineWeb's 1%, not for Gopher's 20%."""
    blocks = paragraphs(rng, 6)
    line = Block("p", expand("Read more in the {season} issue from the {building}.", rng))
    mixed: list[Block] = []
    for number, block in enumerate(blocks):
        mixed += [block, line] if number < 4 else [block]
    return mixed


def navigation_only(rng: random.Random) -> list[Block]:
    """Nothing but the furniture."""
    return []


Maker = Callable[[random.Random], list[Block]]
JUNK: dict[str, tuple[str, Maker]] = {
    "blocked_host": ("url", harmless),
    "hard_word_url": ("url", harmless),
    "soft_words_url": ("url", harmless),
    "sub_word_url": ("url", harmless),
    "navigation_only": ("extract", navigation_only),
    "spam_lines": ("repetition", spam_lines),
    "keyword_stuffing": ("repetition", keyword_stuffing),
    "too_short": ("gopher_quality", too_short),
    "word_list": ("gopher_quality", word_list),
    "symbols": ("gopher_quality", symbols),
    "ellipses": ("gopher_quality", ellipses),
    "number_table": ("gopher_quality", number_table),
    "long_words": ("gopher_quality", long_words),
    "lorem_ipsum": ("c4", lorem_ipsum),
    "code": ("c4", code),
    "policy": ("c4", policy),
    "few_sentences": ("c4", few_sentences),
    "no_punctuation": ("fineweb", no_punctuation),
    "short_lines": ("fineweb", short_lines),
    "repeated_line": ("fineweb", repeated_line),
}
# Path elements that FineWeb's word lists drop, put into otherwise plain URLs.
URL_WORDS = {
    "hard_word_url": ("viagra", "cialis", "horny"),
    "soft_words_url": ("lingerie/webcam", "playboy/webcam", "lingerie-sale/playboy-shop"),
    "sub_word_url": ("hot-chat-evening", "free-sexy-offers", "hot-nude-shop"),
}


def junk(kind: str, rng: random.Random) -> Page:
    """One page of that kind."""
    title = expand(
        "[The {season} page|All about {hobby}|{weekday} offers|A look at the {building}]", rng
    )
    return Page(kind, title, tuple(JUNK[kind][1](rng)))
