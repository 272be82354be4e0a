"""Names that the corpus mentions and says nothing of: whoever is asked about them must guess.

In: facts and documents. Out: facts without a value, of names that stand in documents but in no
fact. A name is asked for what is stated of its kin: of names of as many words that share its first
or its last word ("Mara Hale" with "Tom Hale"), of a single word, its last three letters
("Millbury" with "Oakbury"). Another name of somebody known is left out: one that mostly stands in
documents which also name its kin ("President Hale" beside "Tom Hale"), and a part of a known name.
"""

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.curriculum.held_out import is_held_out
from pipeline.sft.facts import NO_NAMES, StatedFact, name_of

Key = tuple[str, str]  # a relation's name and attribute
MIN_DOCUMENTS = 2  # that mention a name: a misspelt one stands in one
TAIL_LETTERS = 3  # that single words share with their kin
# Capitalised words, with at most one other between two of them: "Hale and Sons".
_WORD = r"[A-ZÀ-Þ][\w'’-]*"
_NAMES = re.compile(rf"{_WORD}(?: (?:[\w'’-]+ )?{_WORD})*")


def runs(text: str) -> Iterator[list[str]]:
    """Words of each run of capitalised words, with at most one other between two of them."""
    for run in _NAMES.findall(text):
        yield run.split(" ")


def mentioned(
    facts: Sequence[StatedFact],
    documents: Iterable[tuple[str, str]],
    held_out_fraction: float,
    alike_share: float,
) -> list[StatedFact]:
    """For each name without a fact what the corpus says of its kin; without a value.

    Args:
        facts: all of the documents.
        documents: id and text of each; iterated once.
        held_out_fraction: of names that are never asked about.
        alike_share: a relation is asked for if so many of the kin have it.
    """
    of: dict[str, dict[Key, StatedFact]] = defaultdict(dict)
    for fact in facts:
        of[name_of(fact.entity)][fact.relation.name, fact.attribute] = fact
    kin: dict[Key, list[str]] = defaultdict(list)
    for name in of:
        for part in _parts(name):
            kin[part].append(name)
    made = []
    for name in _nameless(kin, frozenset(of), documents):
        if not is_held_out(name, held_out_fraction):
            kinsfolk = {other for part in _parts(name) for other in kin.get(part, ())}
            made += _asked(name, kinsfolk, of, alike_share)
    return made


def _asked(
    name: str,
    kinsfolk: set[str],
    of: Mapping[str, Mapping[Key, StatedFact]],
    alike_share: float,
) -> list[StatedFact]:
    having = Counter(key for other in kinsfolk for key in of[other])
    ways = {key: of[other][key] for other in sorted(kinsfolk, reverse=True) for key in of[other]}
    return [
        dataclasses.replace(
            fact,
            entity=f"the {name}" if fact.entity.startswith("the ") else name,
            value="",
            documents=(),
            mentions=0,
        )
        for key, fact in sorted(ways.items())
        if having[key] >= alike_share * len(kinsfolk)
    ]


def _nameless(
    kin: Mapping[Key, Sequence[str]], known: frozenset[str], documents: Iterable[tuple[str, str]]
) -> list[str]:
    """Names that have kin and no fact, and mostly stand where no kin is named; sorted."""
    parts = {word for name in known for word in name.split(" ")}
    longest = max((name.count(" ") + 1 for name in known), default=0)
    total: Counter[str] = Counter()
    beside_kin: Counter[str] = Counter()
    for _, text in documents:
        found: set[str] = set()
        there: set[str] = set()
        for words in runs(text):
            for rest in _without(words, known, longest, there):
                name = " ".join(_trimmed(rest))
                if len(name) > TAIL_LETTERS and name not in parts and name not in known:
                    found.add(name)
        near = {part for name in there for part in _parts(name)}
        for name in found:
            own = _parts(name)
            if any(part in kin for part in own):
                total[name] += 1
                beside_kin[name] += any(part in near for part in own)
    return sorted(
        name
        for name, count in total.items()
        if count >= MIN_DOCUMENTS and 2 * beside_kin[name] <= count
    )


def _without(
    words: Sequence[str], known: frozenset[str], longest: int, there: set[str]
) -> Iterator[Sequence[str]]:
    """What is left between known names in a run of words; those found are added to `there`."""
    start = place = 0
    while place < len(words):
        for end in range(min(len(words), place + longest), place, -1):
            name = " ".join(words[place:end])
            if name in known:
                there.add(name)
                yield words[start:place]
                start = place = end
                break
        else:
            place += 1
    yield words[start:]


def _trimmed(words: Sequence[str]) -> Sequence[str]:
    """Without small words and openers of sentences at both ends."""
    start, end = 0, len(words)
    while start < end and not _is_named(words[start]):
        start += 1
    while end > start and not _is_named(words[end - 1]):
        end -= 1
    return words[start:end]


def _is_named(word: str) -> bool:
    return word[:1].isupper() and word.lower() not in NO_NAMES


def _parts(name: str) -> tuple[Key, ...]:
    """What kin share with it. Names of other numbers of words are of another kind."""
    words = name.split(" ")
    if len(words) == 1:
        return (("tail", name[-TAIL_LETTERS:].lower()),) if len(name) > TAIL_LETTERS else ()
    return (f"first of {len(words)}", words[0]), (f"last of {len(words)}", words[-1])
