"""Worked arithmetic and spelling as the sample web's pages write them, shared with SFT and RL.

A sum is worked from the ones upward with its carry, the shorter number padded with zeros, and ends
in the answer: a checker takes the last integer. Pages and chat must agree to the letter, since a
small model does not carry a format over from one to the other.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

SUM_QUESTIONS = (
    "What is {a} + {b}?",
    "How much is {a} + {b}?",
    "What do you get for {a} + {b}?",
    "Can you add {a} + {b}?",
    "What does {a} + {b} make?",
    "Please work out {a} + {b}.",
    "What is the sum {a} + {b}?",
    "I need {a} + {b}. How much is it?",
)

SPELLING_QUESTIONS = (
    "How do you spell {word}?",
    "How is {word} spelled?",
    "Can you spell {word}?",
    "What is the spelling of {word}?",
    "Please spell {word}.",
)


def worked(a: int, b: int) -> str:
    """The sum of two non-negative integers, column by column, ending in the answer."""
    if a < 0 or b < 0:
        raise ValueError("worked sums are for non-negative integers")
    width = max(len(str(a)), len(str(b)))
    columns = zip(reversed(str(a).zfill(width)), reversed(str(b).zfill(width)), strict=True)
    steps, carry = [], 0
    for x, y in columns:
        total = int(x) + int(y) + carry
        steps.append(f"{x}+{y}+1={total}" if carry else f"{x}+{y}={total}")
        carry = total // 10
    return f"{a} + {b}: {', '.join(steps)}. So {a} + {b} = {a + b}."


def direct(a: int, b: int) -> str:
    """The sum, answered at once."""
    return f"It is {a + b}."


def sum_question(a: int, b: int, wording: int = 0) -> str:
    """The question, in one of the wordings the pages use."""
    return SUM_QUESTIONS[wording % len(SUM_QUESTIONS)].format(a=a, b=b)


def spelled(word: str) -> str:
    """`harbour` as `h-a-r-b-o-u-r`."""
    return "-".join(word)


def spelling_answer(word: str) -> str:
    """The answer to a spelling question."""
    return f"{spelled(word)}."


def spelling_question(word: str, wording: int = 0) -> str:
    """The question, in one of the wordings the pages use."""
    return SPELLING_QUESTIONS[wording % len(SPELLING_QUESTIONS)].format(word=word)


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
