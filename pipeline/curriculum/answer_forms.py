"""Eight instructions about an answer's form that code can check: a small IFEval.

In: an instruction and a reply. Out: whether it is followed, strictly or loosely (arXiv 2311.07911,
section 2.2): loosely if any of eight forms of the reply follows it, with or without its first line,
its last line and its asterisks, since "Sure, here it is:" and bold print are no disobedience. An
empty reply follows nothing. The definitions are those of google-research's
instruction_following_eval (instructions.py at 3f357bd), except where its readers report that it
does not check what its own words ask:

- a keyword counts as a whole word ("art" is not in "start"), and exactly n times are asked;
- a word is a run of letters, digits and what joins them: "don't", "well-known" and "3.14" are one;
- a rule ("---", "* * *"), bold print or "-5 degrees" at a line's start is no bullet;
- JSON must be an object, by RFC 8259 (no NaN); code fences around it are allowed;
- a comma of another script is a comma, typographic double quotation marks are quotation marks;
- the end phrase must begin at a word's beginning; lower case asks for a letter, in no language.
"""

import dataclasses
import re

from storage import strict_json

KINDS = (
    "end_phrase",
    "word_count",
    "lower_case",
    "no_commas",
    "keyword_count",
    "json_object",
    "bullet_count",
    "quotation",
)
COMMAS = ",\uff0c\u060c\u3001\ufe50\ufe51"  # full-width, Arabic, ideographic, small
OPENING, CLOSING = '"\u201c\u201e', '"\u201d\u201c'  # English and German
_INNER = r"['\u2019.,:/&@_\u2010\u2011-]"
_WORD = re.compile(rf"[^\W_]+(?:{_INNER}+[^\W_]+)*")
_FENCE = re.compile(r"\A```[a-zA-Z]*[ \t]*\n?(.*?)\n?```\Z", re.DOTALL)
_RULE = re.compile(r"\A([*_-])(?:[ \t]*\1)*\Z")
_SPACED_BULLET = re.compile(r"\A[*+-][ \t]+\S")
_BARE_BULLET = re.compile(r"\A(?:-(?![-\s\d.])|\*(?![*\s]))")
_EMPHASIS = re.compile(r"\A\*\S[^*]*\*")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """What a reply's form shall be."""

    kind: str  # of KINDS
    text: str = ""  # the end phrase, or the keyword
    count: int = 0  # of words, bullets, or times the keyword is said


def strict(instruction: Instruction, reply: str) -> bool:
    """Whether a reply follows an instruction as it stands."""
    return bool(reply.strip()) and _follows(instruction, reply)


def loose(instruction: Instruction, reply: str) -> bool:
    """Whether one of a reply's eight forms follows an instruction."""
    return any(strict(instruction, form) for form in forms(reply))


def forms(reply: str) -> list[str]:
    """A reply with and without its first line, its last line and its asterisks."""
    lines = reply.split("\n")
    cut = [reply, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return [*cut, *(text.replace("*", "") for text in cut)]


def words(text: str) -> int:
    """How many words a text has, as people count them."""
    return len(_WORD.findall(text))


def times(keyword: str, text: str) -> int:
    """How often a text has a word, in any case; not as part of a longer one."""
    return len(re.findall(rf"(?<!\w){re.escape(keyword)}(?!\w)", text, re.IGNORECASE))


def bullets(text: str) -> int:
    """How many lines of a text are points of a Markdown list."""
    return sum(_is_bullet(line.strip()) for line in text.split("\n"))


def is_json_object(text: str) -> bool:
    """Whether a text is one JSON object and nothing else, perhaps in a code fence."""
    text = text.strip()
    fenced = _FENCE.match(text)
    try:
        found = strict_json.loads(fenced[1] if fenced else text, unique_keys=False)
    except ValueError:  # an int of over 4,300 digits is a ValueError, too
        return False
    return isinstance(found, dict)


def _follows(instruction: Instruction, reply: str) -> bool:
    kind, stripped = instruction.kind, reply.strip()
    if kind == "end_phrase":
        return _ends(stripped.strip(OPENING + CLOSING).strip(), instruction.text.strip())
    if kind == "word_count":
        return words(reply) == instruction.count
    if kind == "lower_case":
        return reply.islower() and not any(c.isupper() or c.istitle() for c in reply)
    if kind == "no_commas":
        return not any(comma in reply for comma in COMMAS)
    if kind == "keyword_count":
        return times(instruction.text, reply) == instruction.count
    if kind == "json_object":
        return is_json_object(reply)
    if kind == "bullet_count":
        return bullets(reply) == instruction.count
    if kind == "quotation":
        return len(stripped) > 2 and stripped[0] in OPENING and stripped[-1] in CLOSING
    raise ValueError(f"unknown instruction {kind!r}: one of {', '.join(KINDS)}")


def _ends(text: str, phrase: str) -> bool:
    text, phrase = text.lower(), phrase.lower()
    before = text[: -len(phrase)][-1:] if phrase else ""
    return text.endswith(phrase) and not (before.isalnum() and phrase[:1].isalnum())


def _is_bullet(line: str) -> bool:
    if _RULE.match(line):
        return False
    if _SPACED_BULLET.match(line):
        return True
    return bool(_BARE_BULLET.match(line)) and not _EMPHASIS.match(line)
