"""What the simulated raters truly like: correct, polite, grounded and short answers.

In: a prompt with what is known of its right answer, and an answer. Out: the answer's qualities and
from them one number, the gold reward. Every quality is counted by code, none by a model, so that
the truth which a reward model only estimates is known exactly, for every answer there can be.
"""

import dataclasses
import re

from pipeline import ranges
from pipeline.curriculum.answer_matching import holds, normalise
from pipeline.curriculum.dont_know import says_so
from pipeline.curriculum.task_kinds import KINDS
from pipeline.curriculum.word_borders import OTHER_BORDERS
from pipeline.preferences.preference_prompts import FREE, UNKNOWN, PreferencePrompt
from pipeline.sft.facts import NO_NAMES
from pipeline.unspaced import count_words

# Forms of courtesy in the languages that conversations are made in, as whole words.
POLITE_FORMS = (
    *("please", "thank you", "thanks", "you are welcome", "you're welcome", "sorry", "gladly"),
    *("i am glad", "i'm glad", "glad to", "happy to", "of course", "with pleasure", "certainly"),
    *("dear user", "kindly", "bitte", "danke", "gern", "gerne", "leid", "werter gast"),
    *("freue mich", "natürlich", "s'il vous plaît", "s'il te plaît", "merci", "désolé"),
    *("volontiers", "avec plaisir", "bien sûr", "cher hôte", "je vous en prie"),
)
_POLITE = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, POLITE_FORMS))})(?!\w)", re.IGNORECASE)
_LETTER = rf"[^\W{OTHER_BORDERS}]"  # of a word that ends where another letter doesn't follow
# Latin, Greek, Cyrillic, Armenian … below the signs of East Asia; other scripts have no capitals.
_CAPITALS = "".join(letter for letter in map(chr, range(0x3000)) if letter.isupper())
_CAPITALISED = rf"[{_CAPITALS}](?:{_LETTER}|['’-])*"
_NAME = re.compile(rf"{_CAPITALISED}(?: (?:(?:and|of|the|von|de) )?{_CAPITALISED})*")
_SENTENCE_START = re.compile(r"(?:\A|[.!?:]\s|\n)[\s\"'“‘(]*\Z")
_NUMBER = re.compile(rf"(?<!{_LETTER})(?<!\.)\d+(?:[.,]\d+)*(?!{_LETTER})")
# A sum or difference with its result, of whole numbers: 8+5=13, 0+3+1=4, 41 + 3 = 44.
_EQUATION = re.compile(rf"(?<!{_LETTER})(?<!\.)\d+(?:\s*[-+]\s*\d+)+\s*=\s*\d+(?!{_LETTER})")
_OTHER_RUN = re.compile(f"[{OTHER_BORDERS}]+")
_TERM = re.compile(r"([-+]?)\s*(\d+)")


@dataclasses.dataclass(frozen=True)
class Qualities:
    """Of one answer.

    Args:
        correct: 1 right, 0 in doubt (it says that it doesn't know what pages state, or nothing is
            known of the right answer), -1 wrong, made up or cut off. Tasks are judged by
            their own checkers, facts and requests by whether a right answer stands in the reply as
            whole words, what no page states by whether the reply says that it doesn't know.
        polite: 1 if one of POLITE_FORMS stands in it, else 0; a second one adds nothing.
        grounded: the share of its names and numbers that stand in the prompt or a right answer, or
            in an equation of its own that is true; 1 where it has none. A capitalised word alone at
            a sentence's start is no name, and neither is a word of a script without capitals.
        words: between white space; signs of scripts without spaces are a word each.
    """

    correct: float
    polite: float
    grounded: float
    words: int


@dataclasses.dataclass(frozen=True)
class Taste:
    """How much each quality counts, in points of reward.

    Our own choice, so that nothing is worth being wrong for: right and wrong differ by 8 points,
    courtesy and invention by 1 each, thirty words by 0.9.
    """

    correct: float = 4.0
    polite: float = 1.0
    grounded: float = 1.0
    word_cost: float = 0.03  # of each word
    most_words: int = 60  # that are counted: a reward without bounds would be heavy-tailed

    def __post_init__(self) -> None:
        ranges.check(self)


def qualities(prompt: PreferencePrompt, answer: str, stopped: bool) -> Qualities:
    """What there is to like in an answer.

    Args:
        prompt: what is asked.
        answer: the text, without its stop token.
        stopped: whether it ended by itself; what was cut off is wrong, whatever it says.
    """
    return Qualities(
        correct=correctness(prompt, answer) if stopped else -1.0,
        polite=float(is_polite(answer)),
        grounded=grounding(prompt, answer),
        words=count_words(answer),
    )


def gold_reward(of: Qualities, taste: Taste = Taste()) -> float:
    """The true reward of an answer with these qualities, in points."""
    return (
        taste.correct * of.correct
        + taste.polite * of.polite
        + taste.grounded * of.grounded
        - taste.word_cost * min(of.words, taste.most_words)
    )


def correctness(prompt: PreferencePrompt, answer: str) -> float:
    """1, 0 or -1: see `Qualities`."""
    admits = says_so(answer, prompt.question)
    if prompt.kind == UNKNOWN:
        return 1.0 if admits else -1.0
    if prompt.kind == FREE or not prompt.right_answers:
        return 0.0
    if prompt.kind in KINDS:
        right = KINDS[prompt.kind].is_right(answer, prompt.answer)
    else:
        right = holds(answer, prompt.right_answers)
    return 1.0 if right else 0.0 if admits else -1.0


def is_polite(answer: str) -> bool:
    """Whether one of POLITE_FORMS stands in an answer."""
    return bool(_POLITE.search(answer))


def grounding(prompt: PreferencePrompt, answer: str) -> float:
    """The share of names and numbers that come from somewhere, see `Qualities`."""
    sources = " ".join([*(m.content for m in prompt.messages), *prompt.right_answers])
    known = normalise(sources)
    known_words = frozenset(f"{known} {_OTHER_RUN.sub(' ', known)}".split())
    known_numbers = {number.replace(",", "") for number in _NUMBER.findall(sources)}
    for equation in _EQUATION.findall(answer):
        terms, result = equation.rsplit("=", 1)
        if sum(int(sign + digits) for sign, digits in _TERM.findall(terms)) == int(result):
            known_numbers.update(_NUMBER.findall(equation))
    marks = [number.replace(",", "") in known_numbers for number in _NUMBER.findall(answer)]
    marks += [frozenset(normalise(name).split()) <= known_words for name in _names(answer)]
    return sum(marks) / len(marks) if marks else 1.0


def _names(answer: str) -> list[str]:
    """Capitalised words; one alone at a sentence's start is none."""
    found = []
    for run in _NAME.finditer(answer):
        words = re.findall(_CAPITALISED, run[0])
        opens = bool(_SENTENCE_START.search(answer[: run.start()]))
        if opens and len(words) == 1:
            continue
        found += [word for word in words if word.lower() not in NO_NAMES]
    return found
