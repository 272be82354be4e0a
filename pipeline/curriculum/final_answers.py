r"""The final answer in what a model writes: a number, a word, a list, yes or no, a date, an amount.

In: a reply. Out: the answer that it ends with, or nothing where that is in doubt: a reward must not
be paid for a guess. Where a reply marks its answer (`\boxed{42}`, `#### 42`, "The answer is 42
apples."), the mark decides, else what stands last. No answer are several candidates ("41 or 42",
"41, 42", two boxes), what is denied ("not 42", "42, not 43"), a marked one that is taken back, and
both yes and no. docs/answers.md lists forms and what is read (tests/helpers/answer_texts.py).
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from pipeline.curriculum import numerals
from pipeline.curriculum.answer_matching import number_of
from pipeline.curriculum.numerals import FoundNumber

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_BOX = re.compile(r"\\f?box(?:ed)?\s*\{")
# What begins like a number: "#### Step 1" is a heading.
_HASHES = re.compile(r"####[ \t]*([-+\u2212$\u20ac*\\.\d][^\n]*)")
# "The answer is", "Answer:", "**Final answer:**", "The answer to this question is"
_SAID = re.compile(
    r"\banswer\b(?:\s+(?:to|of|for)\s+[^.:\n]{1,60}?)?[*_\s]*(?:\bis\b|\bequals\b|[:=])[*_:\s]*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[\w)}\]*'\"%])[.!?](?=\s|$)|\n")
_TAKEN_BACK = re.compile(
    r"\b(?:no(?=\s*[,.!])|not|wait|actually|or|sorry|correction|rather|instead|maybe|perhaps|wrong)\b",
    re.IGNORECASE,
)
# Between two candidates, the second of which is the last number, day or date.
_OR = re.compile(
    r"\b(?:or|maybe|perhaps|possibly|could be|might be|alternatively)\b[^.]*\Z"
    r"|\A\W*(?:\w+\W+)?and\W*\Z",
    re.IGNORECASE,
)
_COMMA = re.compile(r"[\s*_$`]*[,;|&/][\s*_$`]*")
_BREAK = re.compile(r"[\s*_$`]*\n[\s*_$`]*")
_LINE_START = re.compile(r"(?:\A|\n)[\s*_$`-]*\Z")
_BESIDE = ("or", "and", "maybe", "perhaps", "possibly")
# "\\pm 42" are two numbers, "\\sqrt{42}" is another one, "(40) + 2" has no result.
_LATEX = ((re.compile(r"\\pm\b"), "\u00b1"), (re.compile(r"\\sqrt\b(?:\[[^\]]*\])?"), "\u221a"))
_REST = re.compile(r"[)\]}] ?[-+\u2212*\u00d7\u00f7/] ?\Z")
_NOT = re.compile(r"(?:\b(?:not|never|neither|nor|cannot)|n['\u2019]t)\b\W*(?:\w+\W+){0,3}\Z", re.I)
_UNIT = re.compile(r"[\s*_$\\]*(?:text\{\s*|mathrm\{\s*)?([A-Za-z\u20ac]+)")
_WORD = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*")
_QUOTED = re.compile(r"[\"\u201c\u201d*`']+([^\W\d_]+(?:-[^\W\d_]+)*)[.,!]?[\"\u201c\u201d*`']+")
_LETTERS = re.compile(r"[^\W\d_](?:-[^\W\d_])+")
_NUMBERS = re.compile(
    r"(?<![\w.])[-\u2212]?\d+(?:\.\d+)?"
    r"(?:(?:\s*[,;<>]\s*(?:and\s+)?|\s+and\s+|\s+)[-\u2212]?\d+(?:\.\d+)?)+(?![\w%]|\.\d)"
)
_WORDS = re.compile(r"[a-z]+(?:(?:\s*[,;<]\s*(?:and\s+)?|\s+and\s+)[a-z]+)+", re.IGNORECASE)
# A verdict stands by itself: after the beginning, a mark or one of a few words, before a mark.
_VERDICT_WORD = re.compile(
    r"\b(?:yes|no|true|false)\b(?=[\s*_\"')]*(?:[.,!;:\n]|\Z))", re.IGNORECASE
)
_VERDICT = re.compile(
    r"(?:\A|(?<=[.!?:;,\n*\"(])|\b(?:is|so|thus|hence|therefore|say|think)\b)[\s*_\"'(]*"
    rf"({_VERDICT_WORD.pattern})",
    re.IGNORECASE,
)
_YES = ("yes", "true")
_SPELLED = re.compile(r"\b[a-z](?:-[a-z])+\b")
_MONTH = "|".join(f"{month[:3]}(?:{month[3:]})?\\.?" for month in MONTHS)
_DATE = re.compile(
    rf"\b(?:(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|(?P<month2>{_MONTH})\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year2>\d{{4}}))?)"
    r"(?![\w/-]|\.\d)",
    re.IGNORECASE,
)


def marked(reply: str) -> list[str] | None:
    """What a reply marks as its answer; None where it marks nothing.

    All boxes, and all answers after ####, since they must agree; else the sentence after the last
    "answer is", and nothing where what follows takes it back.
    """
    boxed = [_braced(reply, match.end()) for match in _BOX.finditer(reply)]
    found = boxed or _HASHES.findall(reply)
    if found:
        return found
    said = [*_SAID.finditer(reply)]
    if not said:
        return None
    rest = reply[said[-1].end() :]
    end = _SENTENCE_END.search(rest)
    if end is None:
        return [rest]
    later = rest[end.end() :]
    return [] if _TAKEN_BACK.search(later) else [rest[: end.start()]]


def number(reply: str) -> Fraction | None:
    """The number that a reply ends with or marks."""
    return quantity(reply)[0]


def quantity(reply: str) -> tuple[Fraction | None, str]:
    """The number that a reply ends with or marks, and the word after it ("" if there is none)."""
    parts = marked(reply)
    found = [_last_number(part) for part in ([reply] if parts is None else parts)]
    if len({value for value, _ in found}) != 1:
        return None, ""
    return found[-1]


def word(reply: str) -> str | None:
    """The word that a reply marks, quotes last or ends with, in lower case; `b-a` is `ba`."""
    text = _one_part(reply)
    if text is None:
        return None
    quoted = [*_QUOTED.finditer(text)]
    found = quoted or [*_WORD.finditer(text)]
    if not found or _doubtful(text, found, 1 if quoted else 0):
        return None
    if not quoted and len(found) > 1 and found[-2][0].lower() in _BESIDE:
        return None
    last = found[-1][1 if quoted else 0]
    last = last.replace("-", "") if _LETTERS.fullmatch(last) else last
    return last.lower()


def spelled(reply: str) -> str | None:
    """The last word that a reply spells with hyphens."""
    found = [*_SPELLED.finditer(reply)]
    return found[-1][0] if found and not _doubtful(reply, found, 0) else None


def choice(reply: str, options: Sequence[str]) -> str | None:
    """Which of some words a reply marks or names last."""
    text = _one_part(reply)
    if text is None:
        return None
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, options))})\b", re.IGNORECASE)
    found = [*pattern.finditer(text)]
    if not found or _doubtful(text, found, 0):
        return None
    return next(option for option in options if option.lower() == found[-1][0].lower())


def numbers(reply: str) -> tuple[Fraction, ...] | None:
    """The last list of two numbers or more; a comma stands between two, not within one."""
    found = _last_list(_NUMBERS, reply)
    if found is None:
        return None
    written = re.findall(r"[-\u2212]?\d+(?:\.\d+)?", found)
    return tuple(Fraction(item.replace("\u2212", "-")) for item in written)


def words(reply: str) -> tuple[str, ...] | None:
    """The last list of two words or more with commas between, in lower case."""
    found = _last_list(_WORDS, reply)
    if found is None:
        return None
    return tuple(item.lower() for item in _WORD.findall(found) if item.lower() != "and")


def yes_no(reply: str) -> bool | None:
    """Whether a reply says yes or no, as a word of its own ("No cat is …" is no verdict)."""
    text = _one_part(reply)
    if text is None:
        return None
    said = [match[1].lower() in _YES for match in _VERDICT.finditer(text)]
    others = [match[0].lower() in _YES for match in _VERDICT_WORD.finditer(text)]
    return said[-1] if said and len({*said, *others}) == 1 else None


def date(reply: str) -> tuple[int | None, int, int] | None:
    """Year (None: not said), month and day of the date that a reply marks or names last."""
    text = _one_part(reply)
    if text is None:
        return None
    found = [*_DATE.finditer(text)]
    if not found or _doubtful(text, found, 0):
        return None
    last = found[-1]
    if last["iso"]:
        year, month, day = map(int, last["iso"].split("-"))
        return year, month, day
    name = (last["month"] or last["month2"])[:3].lower()
    month = next(at for at, full in enumerate(MONTHS, 1) if full.lower().startswith(name))
    said = last["year"] or last["year2"]
    return int(said) if said else None, month, int(last["day"] or last["day2"])


def _one_part(reply: str) -> str | None:
    """What is marked, once; the whole reply where nothing is; None where marks disagree."""
    parts = marked(reply)
    if parts is None:
        return reply
    kept = {part.strip().lower() for part in parts}
    return parts[-1] if len(kept) == 1 else None


def _braced(text: str, at: int) -> str:
    """What stands between the brace that ends before `at` and its partner."""
    depth = 1
    for end in range(at, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if not depth:
            return text[at:end]
    return text[at:]


def _last_number(text: str) -> tuple[Fraction | None, str]:
    """The last number of a text with the word after it; no number where it is in doubt."""
    for pattern, sign in _LATEX:
        text = pattern.sub(sign, text)
    text = numerals.plain(text)
    found = numerals.scan(text)
    if not found:
        return number_of(text.strip(" *_\"'`")), ""
    last = found[-1]
    if last.value is None or _NOT.search(_before(text, last)) or _REST.search(text[: last.start]):
        return None, ""
    if len(found) > 1 and found[-2].value not in (None, last.value):
        between = text[found[-2].end : last.start].rstrip("-+\u2212( ")
        alone = _LINE_START.search(text[: found[-2].start].rstrip("-+\u2212( "))
        listed = _COMMA.fullmatch(between) or (alone and _BREAK.fullmatch(between))
        if listed or _OR.search(between):
            return None, ""
    unit = _UNIT.match(text, last.end)
    return last.value, unit[1] if unit else ""


def _before(text: str, number: FoundNumber) -> str:
    """The text before a number, without signs and marks that belong to it."""
    return text[: number.start].rstrip("-+\u2212$*_`( ") + " "


def _doubtful(text: str, found: Sequence[re.Match[str]], group: int) -> bool:
    """Whether the last of some candidates is denied, or another one stands beside it."""
    last = found[-1]
    if _NOT.search(text[: last.start()].rstrip("*_`\"'( ") + " "):
        return True
    if len(found) < 2 or found[-2][group].lower() == last[group].lower():
        return False
    return bool(_OR.search(text[found[-2].end() : last.start()]))


def _last_list(pattern: re.Pattern[str], reply: str) -> str | None:
    text = _one_part(reply)
    found = [*pattern.finditer(text)] if text is not None else []
    if not found or text is None:
        return None
    if len(found) > 1 and re.search(r"\bor\b", text[found[-2].end() : found[-1].start()], re.I):
        return None
    return found[-1][0]
