"""Which passages of the corpus the teacher sees.

A document is cut into windows at the ends of its sentences. Every document gives one before any
gives a second; which come first is decided by a hash of seed and document. So the first hundred of
a thousand passages are the hundred of a run that asked for no more, and what was paid for them
serves again. Windows that state a fact about a held-out entity are left out.
"""

import dataclasses
import heapq
import itertools
import random
from collections.abc import Iterable, Iterator

from pipeline.curriculum.held_out import is_held_out, position
from pipeline.sft.facts import name_of, sentences, statements

MIN_WORDS = 12  # a shorter window has nothing to talk about


@dataclasses.dataclass(frozen=True)
class ShownPassage:
    """A window of a document."""

    document: str  # id
    window: int  # in the document's order
    text: str

    @property
    def name(self) -> str:
        """By which draws are made for it."""
        return f"{self.document}:{self.window}"


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The passages, and how many of those looked at were left out for an entity in them."""

    passages: list[ShownPassage]
    held_out: int


def choose(
    documents: Iterable[tuple[str, str]],
    *,
    count: int,
    characters: int,
    per_document: int,
    held_out_fraction: float,
    seed: int,
) -> Chosen:
    """Choose passages.

    Args:
        documents: id and text of each.
        count: of passages, at most.
        characters: of a passage, at most.
        per_document: passages of one document, at most.
        held_out_fraction: of entities, by hash of the name.
        seed: of the order.
    """
    left_out = 0
    best: list[tuple[int, float, str, int, str]] = []  # a heap, the last of the chosen on top
    for document, text in documents:
        where = position(f"{seed}:passage:{document}")
        # Most documents of a large corpus come too late, and are not looked at.
        if len(best) == count and (not count or (0, -where) <= best[0][:2]):
            continue
        order = list(enumerate(windows(text, characters)))
        random.Random(f"{seed}:windows:{document}").shuffle(order)
        turn = 0
        for window, passage in order:
            is_late = len(best) == count and (-turn, -where) <= best[0][:2]
            if turn == per_document or is_late:
                break
            if mentions_held_out(passage, held_out_fraction):
                left_out += 1
                continue
            keep = heapq.heappush if len(best) < count else heapq.heapreplace
            keep(best, (-turn, -where, document, window, passage))
            turn += 1
    best.sort(key=lambda one: (-one[0], -one[1], one[2]))
    return Chosen([ShownPassage(document, at, text) for _, _, document, at, text in best], left_out)


def windows(text: str, characters: int) -> Iterator[str]:
    """Runs of whole sentences of at most so many characters; a longer sentence is left out."""
    held: list[str] = []
    size = 0
    for sentence in itertools.chain(sentences(text), [None]):
        if sentence is None or size + len(sentence) + 1 > characters:
            joined = " ".join(held)
            if len(joined.split()) >= MIN_WORDS:
                yield joined
            held, size = [], 0
        if sentence and len(sentence) <= characters:
            held.append(sentence)
            size += len(sentence) + 1


def mentions_held_out(passage: str, fraction: float) -> bool:
    """Whether it states a fact about an entity that conversations must not be about."""
    return any(
        is_held_out(name_of(entity), fraction)
        for sentence in sentences(passage)
        for entity, *_ in statements(sentence)
    )
