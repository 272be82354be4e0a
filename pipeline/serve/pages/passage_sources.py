"""The pages that a text came from: those with the longest runs of its words.

In: a text, a model's or a person's. Out: documents of the corpus that hold `WORDS` or more of its
words one right after the other, those with the longest run first. Windows of so many words are
looked for in the search index, at even distances and no more than `MOST_WINDOWS`; where there is no
index, one of them in the first documents of the corpus.
"""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.fact_mentions import HeldText, documents_with
from pipeline.unspaced import character_set

# A run of 8 words is hardly chance on the open web (the n of GPT-2's overlap analysis, Radford et
# al. 2019, section 4: 8-grams of words); on a small world of templates it often is one.
WORDS = 8
MOST_WINDOWS = 12  # that are looked for; ours
MOST_EACH = 8  # documents for a window; ours
MOST_SHOWN = 10  # documents; ours
MOST_WORDS = 2_000  # of a document's passages that are compared; ours
AROUND = 12  # words of it that are shown on either side; ours

_WORD = re.compile(rf"[{character_set()}]|[^\W{character_set()}]+")  # a sign is a word


class PassageSource(NamedTuple):
    """A document, and what it has in common with the text."""

    id: str
    url: str
    words: int  # of the longest run
    before: str
    run: str
    after: str


def sources_of(lake: LakeReader, text: str) -> list[PassageSource]:
    """The documents that hold most of a text in one piece.

    Raises:
        UserError: reading takes too long.
        ToolError: the index is damaged, or takes too long.
    """
    words = list(_WORD.finditer(text))
    if len(words) < WORDS:
        return []
    last = len(words) - WORDS
    windows = MOST_WINDOWS if "search_index" in lake.heads() else 1
    step = max(1, -(-last // windows))
    found: dict[str, HeldText] = {}
    for start in range(0, last + 1, step):
        window = text[words[start].start() : words[start + WORDS - 1].end()]
        for one in documents_with(lake, window, MOST_EACH):
            known = found.get(one.id)
            whole = (
                f"{known.text}\n{one.text}" if known and one.text not in known.text else one.text
            )
            found[one.id] = one._replace(text=whole)
        if windows == 1:
            break
    sought = [word[0].lower() for word in words]
    made = [_source(one, sought) for one in found.values()]
    best = sorted((one for one in made if one.words >= WORDS), key=lambda one: -one.words)
    return best[:MOST_SHOWN]


def _source(one: HeldText, sought: list[str]) -> PassageSource:
    own = list(_WORD.finditer(one.text))[:MOST_WORDS]
    matcher = SequenceMatcher(None, [word[0].lower() for word in own], sought, autojunk=False)
    run = matcher.find_longest_match()
    if run.size == 0:
        return PassageSource(one.id, one.url, 0, "", "", "")
    first, end = own[run.a], own[run.a + run.size - 1]
    start = own[max(0, run.a - AROUND)].start()
    stop = own[min(len(own) - 1, run.a + run.size - 1 + AROUND)].end()
    return PassageSource(
        one.id,
        one.url,
        run.size,
        one.text[start : first.start()],
        one.text[first.start() : end.end()],
        one.text[end.end() : stop],
    )
