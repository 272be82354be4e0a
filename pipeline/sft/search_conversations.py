"""Conversations with a search: called for what the model can't know, left alone for what it does.

In: passages about made-up names, questions that are answered from memory, the search tool. Out:
conversations whose calls are really run on an index of these passages. What is found is answered
from and cited; where nothing found is about the name, the model says so; what fine-tuning asks of
the corpus's own entities is answered at once, though a search is offered.
"""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.chat.conversation import Conversation, Message, assistant, user
from pipeline.chat.messages import ToolCall, canonical_json
from pipeline.sft.facts import StatedFact, fill
from pipeline.sft.reading import made_up_name
from pipeline.sft.renamed_passages import RenamedPassage
from pipeline.tools.config import SearchConfig
from pipeline.tools.search_tool import cited, search_tool
from pipeline.tools.small_index import index_of
from pipeline.tools.toolbox import Toolbox, messages

NOT_FOUND = (
    "I have found nothing about that.",
    "I don't know: nothing I found says so.",
    "I found no page about that, so I don't know.",
)


class SearchQuestion(NamedTuple):
    """A question that is searched for, and what its answer says if its passage is found."""

    fact: StatedFact
    document: int  # of the index; 0: none has it
    borrowed: str


def questions(
    passages: Sequence[RenamedPassage],
    *,
    missing: int,
    held_out_fraction: float,
    rng: random.Random,
) -> list[SearchQuestion]:
    """One on each passage, numbered as they are; then some about names that no passage has.

    Args:
        passages: of the index, one at least.
        missing: how many questions about other names.
        held_out_fraction: of entities: no name is of these.
        rng: the random generator.
    """
    asked = [SearchQuestion(p.fact, n, p.borrowed) for n, p in enumerate(passages, start=1)]
    for _ in range(missing):
        like = rng.choice(passages)
        name = made_up_name(like.fact.entity, held_out_fraction, rng)
        fact = StatedFact(name, like.fact.relation, like.fact.attribute, like.fact.value, (), 0)
        asked.append(SearchQuestion(fact, 0, like.borrowed))
    return asked


def searched(
    asked: Sequence[SearchQuestion],
    passages: Sequence[RenamedPassage],
    *,
    passage_characters: int,
    found_passages: int,
    rng: random.Random,
) -> tuple[list[Conversation], str]:
    """Each question with its call, what it found and the answer; and the tool's definition.

    Args:
        asked: from `questions`.
        passages: that are searched.
        passage_characters: of a passage of the index, at most.
        found_passages: that a search gives.
        rng: the random generator.
    """
    with tempfile.TemporaryDirectory(prefix="crawl2chat-search-") as folder:
        index = index_of([p.text for p in passages], passage_characters, Path(folder))
        with Toolbox((search_tool(index, SearchConfig(passages=found_passages)),)) as toolbox:
            (definition,) = toolbox.definitions
            worded = [fill(rng.choice(q.fact.relation.questions), q.fact) for q in asked]
            calls = [ToolCall("search", canonical_json({"query": text})) for text in worded]
            outputs = toolbox.answer_all(calls)
    made = []
    for question, text, call, output in zip(asked, worded, calls, outputs):
        answer = rng.choice(NOT_FOUND)
        if question.document in _numbers(output.text):
            told = fill(rng.choice(question.fact.relation.answers), question.fact)
            answer = f"{told} [{question.document}]"
        turn = (assistant("", [call]), *messages([call], [output]), assistant(answer))
        made.append(Conversation((user(text), *turn), (definition,)))
    return made, definition


def offering(talks: Sequence[Sequence[Message]], definition: str) -> list[Conversation]:
    """Conversations that need no search, with one offered."""
    return [Conversation(tuple(talk), (definition,)) for talk in talks]


def _numbers(output: str) -> set[int]:
    """The documents whose passages an output has, by the lines' beginnings."""
    return {number for line in output.splitlines() for number in cited(line[:20])[:1]}
