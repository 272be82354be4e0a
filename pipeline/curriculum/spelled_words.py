"""Words spelled letter by letter: the words, the questions and the answers."""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import re
from collections import Counter
from collections.abc import Iterable

from pipeline.curriculum.held_out import word_split

SPELLING_QUESTIONS = (
    "How do you spell {word}?",
    "How is {word} spelled?",
    "Can you spell {word}?",
    "What is the spelling of {word}?",
    "Please spell {word}.",
)
# No stage trains these: evaluation alone asks so.
NEW_SPELLING_QUESTIONS = (
    "How would one spell {word}?",
    "Could you spell {word} for me?",
    "Letter by letter, please: {word}",
    "Which letters make up {word}?",
    "I can't spell {word}. Help me!",
)

_WORD = re.compile(r"(?<![\w'’-])[a-z]{3,10}(?![\w'’-])")

# Everyday words that occur in the pages' prose as well.
SPELLING_WORDS = tuple(
    """
    harbour bridge market garden winter summer kitchen window candle barrel basket bottle butter
    cheese cherry church cousin dinner doctor father mother sister brother farmer fisher flower
    forest friend hammer island kettle ladder leather letter lantern meadow miller mirror morning
    mountain needle orchard paper pepper pillow pocket potato rabbit ribbon river school season
    shadow silver spring stable station stone street sugar teacher thunder timber tunnel valley
    village wagon walnut water weather weaver yellow apple bread cabin chair cloud coat copper
    corner cotton daughter dream eagle evening feather fence field finger fire floor glass goose
    grain grandmother green hill honey horse house iron jacket journey key lake lamp leaf lemon
    library linen luggage meal milk mill neighbour night north oak ocean onion orange oven owl
    paint path peach pear pencil picture plum pond porch quarry rain road roof rope rose sail salt
    sand saw sheep ship shoe shop snow soap song soup south spoon star steam story straw table
    tailor thread tower town tree wall wheel wheat wind wine wolf wood wool almond anchor autumn
    bakery balcony blanket blossom branch breakfast bucket button camera carpet castle cattle
    cellar chestnut chimney circle clover compass concert crystal cupboard curtain desert donkey
    engine envelope factory festival fountain furnace gallery ginger guitar holiday hospital
    kingdom knife ladle language laundry lighthouse lizard machine marble minute museum nephew
    officer oyster package parade parsley pasture pebble pigeon planet plaster pottery pumpkin
    puzzle railway recipe saddle sailor scissors shelter shepherd shoulder shovel signal silence
    soldier sparrow spider square squirrel stream strawberry sunrise surface symbol thimble
    tobacco tomato turnip umbrella uncle velvet violin visitor volcano waterfall whistle willow
    workshop writer
    """.split()
)


def spelled(word: str) -> str:
    """`harbour` as `h-a-r-b-o-u-r`."""
    return "-".join(word)


def spelling_answer(word: str) -> str:
    """The answer to a spelling question."""
    return f"{spelled(word)}."


def spelling_question(word: str, wording: int = 0) -> str:
    """The question, in one of the wordings the pages use."""
    return SPELLING_QUESTIONS[wording % len(SPELLING_QUESTIONS)].format(word=word)


def frequent_words(texts: Iterable[str], count: int) -> list[str]:
    """The corpus' most frequent lower-case words of 3 to 10 letters."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(text))
    return sorted(counts, key=lambda word: (-counts[word], word))[:count]


def words_of(split: str, candidates: Iterable[str] = SPELLING_WORDS) -> list[str]:
    """The candidates that belong to a split (see `held_out.word_split`)."""
    return [word for word in dict.fromkeys(candidates) if word_split(word) == split]
