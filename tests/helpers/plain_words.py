"""The word splitter of pipeline/filters in plain Python: what the C extension is held against.

spaCy's rules for English as regular expressions, a run of non-space characters at a time.
"""

import re
import unicodedata
from itertools import chain

from pipeline.filters.english_exceptions import EXCEPTIONS
from pipeline.filters.punctuation import SENTENCE_ENDS

_MAX_RUN_CHARACTERS = 10_000  # longer runs are cut, or a page of "!!!!…" would take minutes
_MAX_URL_CHARACTERS = 2_000  # browsers' limit; keeps the URL pattern's backtracking short
_MAX_REMEMBERED_RUNS = 200_000  # about 40 MB
_MAX_REMEMBERED_CHARACTERS = 40

# cased letters of the Latin, Greek and Cyrillic blocks; other letters have no case
_CASED = [
    chr(point) for start, stop in ((0x41, 0x530), (0x1E00, 0x2000)) for point in range(start, stop)
]
_UPPER = "".join(letter for letter in _CASED if letter.isupper())
_LOWER = "".join(letter for letter in _CASED if letter.islower())
_ICONS = "".join(
    chr(point) for point in range(0x80, 0x1FB00) if unicodedata.category(chr(point)) == "So"
)
_ICON = f"[{_ICONS}]"
_LETTER = r"[^\W\d_]"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_SIGNS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_SIGN_CLASS = re.escape(_SIGNS)
_CURRENCY = r"\$|US\$|C\$|A\$|[£€¥฿₠-₿﷼]"
_UNITS = (
    "km²|km³|km/h|kmh|km|m/s|m²|m³|mm²|mm³|mm|mph|mbar|mb|mg|m|dm²|dm³|dm|cm²|cm³|cm|ha|µm|µg|nm"
    "|yd|in|ft|kg|kb|g|gb|t|lb|oz|hPa|Pa|MB|KB|GB|TB|T|G|M|K|%|tb|км²|км³|км/ч|км|м²|м³|м/с|м|дм²"
    "|дм³|дм|см²|см³|см|мм²|мм³|мм|нм|кг|г|мг|кПа|Па|мбар|[КкМмГг]б|[КМГТ]Б|Тб"
)
_PREFIX = re.compile(rf"[§%=—–]|\+(?![0-9])|[{_SIGN_CLASS}]|\.\.+|[{_QUOTES}]|{_CURRENCY}|{_ICON}")
_SUFFIX = re.compile(
    rf"(?:[{_SIGN_CLASS}]|[{_QUOTES}]|{_ICON}|['’][sS]|[—–]|(?<=[0-9])\+|(?<=°[FfCcKk])\."
    rf"|(?<=[0-9])(?:{_CURRENCY})|(?<=[0-9])(?:{_UNITS})"
    rf"|(?<=[0-9%²\-+|(?:){_SIGN_CLASS}{_QUOTES}])\.|(?<={_LETTER})(?<![{_UPPER}])\."
    rf"|(?<={_LETTER}{_LETTER})(?<![{_LOWER}])(?<![{_LOWER}].)\.)$"
)
_ONE_SIGN_SUFFIXES = _SIGNS + _QUOTES + "—–"
_LONGEST_SUFFIX = 8  # characters, but for dots, which are taken together
_INFIX = re.compile(
    rf"(?=\W)(?:\.\.+|…|(?<=[0-9])[+\-*^](?=[0-9-])"
    rf"|(?:(?<={_LETTER})(?<![{_UPPER}])|(?<=[{_QUOTES}]))\.(?:(?={_LETTER})(?![{_LOWER}])|(?=[{_QUOTES}]))"
    rf"|(?<={_LETTER}),(?={_LETTER})|(?:(?<={_LETTER})|(?<=[0-9]))(?:---|--|——|[-–—~])(?={_LETTER})"
    rf"|(?:(?<={_LETTER})|(?<=[0-9]))[:<>=/](?={_LETTER})|{_ICON})"
)
# after Diego Perini's pattern (MIT), as spaCy has it: a URL, or a bare host name, stays whole
_URL = re.compile(
    r"(?:[\w+\-.]{2,}://)?(?:\S+(?::\S*)?@)?(?:"
    r"(?!(?:10|127)(?:\.\d{1,3}){3})(?!(?:169\.254|192\.168)(?:\.\d{1,3}){2})"
    r"(?!172\.(?:1[6-9]|2\d|3[0-1])(?:\.\d{1,3}){2})"
    r"(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.(?:1?\d{1,2}|2[0-4]\d|25[0-5])){2}"
    r"(?:\.(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-4]))"
    r"|(?:(?:[A-Za-z0-9\u00a1-\uffff][A-Za-z0-9\u00a1-\uffff_-]{0,62})?[A-Za-z0-9\u00a1-\uffff]\.)+"
    rf"(?:(?![{_UPPER}]){_LETTER}){{2,63}})(?::\d{{2,5}})?(?:[/?#]\S*)?"
)


def split_words(text: str) -> list[str]:
    """The words and punctuation signs of a text, in order, without white space."""
    return list(chain.from_iterable(map(_REMEMBERED.__getitem__, text.split())))


def sentence_count(line: str) -> int:
    """How many sentences spaCy's sentencizer would cut the text into; at least 1."""
    if SENTENCE_ENDS.isdisjoint(line):
        return 1
    runs = line.split(" ")
    if "" in runs or line.split() != runs:  # longer white space is a word to spaCy
        runs = [run for run in re.findall(r"\S+|\s+", line) if run != " "]
    count = 1
    ended = False
    for run in runs:
        for word in _REMEMBERED[run] if not run.isspace() else ("\n",):
            if word in SENTENCE_ENDS:
                ended = True
            elif ended and not _is_punctuation(word):
                count += 1
                ended = False
    return count


def _is_punctuation(word: str) -> bool:
    return not word[0].isalnum() and all(unicodedata.category(sign)[0] == "P" for sign in word)


def _split_run(run: str) -> tuple[str, ...]:
    """A run of non-space characters as words: exceptions whole, affixes off, infixes apart."""
    if run in EXCEPTIONS:
        return EXCEPTIONS[run]
    if run.isalpha():
        return (run,)
    if len(run) > _MAX_RUN_CHARACTERS:
        cuts = range(0, len(run), _MAX_RUN_CHARACTERS)
        return tuple(
            word for cut in cuts for word in _split_run(run[cut : cut + _MAX_RUN_CHARACTERS])
        )
    return _join_exceptions(_split_by_rules(run, EXCEPTIONS))


def _split_by_rules(run: str, exceptions: dict[str, tuple[str, ...]]) -> list[str]:
    prefixes: list[str] = []
    suffixes: list[str] = []
    while run and run not in exceptions:
        prefix = _PREFIX.match(run)
        start = prefix.end() if prefix else 0
        if start and run[start:] in exceptions:
            prefixes.append(run[:start])
            run = run[start:]
            break
        end = len(run) - _suffix_length(run[start:])
        if end < len(run) and run[:end] in exceptions:
            suffixes.append(run[end:])
            run = run[:end]
            break
        if not start and end == len(run):
            break
        # a sign that is all of the run counts as prefix, not as suffix too
        if start and start <= end < len(run):
            prefixes.append(run[:start])
            suffixes.append(run[end:])
            run = run[start:end]
        elif start:
            prefixes.append(run[:start])
            run = run[start:]
        else:
            suffixes.append(run[end:])
            run = run[:end]
    middle: tuple[str, ...] | list[str] = ()
    if run:
        is_url = len(run) <= _MAX_URL_CHARACTERS and _URL.fullmatch(run)
        middle = exceptions.get(run) or ((run,) if is_url else _split_infixes(run))
    return [*prefixes, *middle, *reversed(suffixes)]


def _suffix_length(run: str) -> int:
    last = run[-1:]
    if run.endswith("……"):
        return 2
    if last in _ONE_SIGN_SUFFIXES:
        return len(last)
    if last == ".":
        if run.endswith(".."):
            return len(run) - len(run.rstrip("."))
        return 1 if _SUFFIX.search(run, len(run) - 1) else 0
    if last.isalnum() and run[-_LONGEST_SUFFIX:].isalpha():
        return 0  # the usual case, and the regular expression's slowest
    match = _SUFFIX.search(run, max(0, len(run) - _LONGEST_SUFFIX))
    return len(run) - match.start() if match else 0


def _split_infixes(run: str) -> list[str]:
    words = []
    start = 0
    for infix in _INFIX.finditer(run):
        if infix.start() == 0:
            continue
        if infix.start() != start:
            words.append(run[start : infix.start()])
        words.append(infix.group())
        start = infix.end()
    if start < len(run):
        words.append(run[start:])
    return words


def _join_exceptions(words: list[str]) -> tuple[str, ...]:
    """Put exceptions together again that the rules took apart (":", ")" -> ":)"), longest first."""
    if len(words) == 1 or _FIRST_PARTS.isdisjoint(words):
        return tuple(words)
    joined: dict[int, tuple[int, tuple[str, ...]]] = {}
    taken: set[int] = set()
    for length in range(_MOST_PARTS, 0, -1):
        for start in range(len(words) - length + 1):
            parts = tuple(words[start : start + length])
            span = range(start, start + length)
            if parts in _TAKEN_APART:
                if span[0] not in taken and span[-1] not in taken:
                    joined[start] = (start + length, EXCEPTIONS["".join(parts)])
                taken.update(span)
    result: list[str] = []
    position = 0
    while position < len(words):
        position, parts = joined.get(position, (position + 1, (words[position],)))
        result += parts
    return tuple(result)


def _taken_apart() -> frozenset[tuple[str, ...]]:
    """The exceptions that hold an affix or infix, as the rules alone would split them."""
    return frozenset(
        tuple(_split_by_rules(exception, {}))
        for exception in EXCEPTIONS
        if _PREFIX.match(exception) or _INFIX.search(exception) or _suffix_length(exception)
    )


_TAKEN_APART = _taken_apart()
_FIRST_PARTS = frozenset(parts[0] for parts in _TAKEN_APART)
_MOST_PARTS = max(len(parts) for parts in _TAKEN_APART)


class _Remembered(dict[str, tuple[str, ...]]):
    """Run -> words; a plain dictionary's lookup where the run was seen before."""

    def __missing__(self, run: str) -> tuple[str, ...]:
        words = _split_run(run)
        if len(run) <= _MAX_REMEMBERED_CHARACTERS:
            if len(self) >= _MAX_REMEMBERED_RUNS:
                self.clear()
            self[run] = words
        return words


_REMEMBERED = _Remembered()
