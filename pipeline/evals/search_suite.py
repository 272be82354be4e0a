"""Is searched for what the model can't know, answered from what was found, and nothing else?

In: a model that converses, the corpus, rows of facts.parquet. Facts that no page states are written
down on pages of their own, one for each entity, and put into an index with pages of the corpus; so
no model has been trained on them, and all of them can be found. They are asked with the search, and
so are facts that pages state often. Controls are the same questions with passages at random, with a
search that finds nothing, and without any tool.

Out, for `never` and `often`: accuracy (the answer has the value, and the turn ended by itself) and
call rate with each retriever (`_search`, `_random`, `_empty`), accuracy `_alone`; how much oftener
the model searches for what no page states (`adaptive`: call_rate_difference); of the documents that
answers cite, those that hold the value (`citations`: precision), and of right answers those that
cite one; and what a call costs where none was needed, in tokens of a turn (`often_search` and
`often_alone`: tokens). With `found` the share of never-stated facts whose page the call's output
had: no answer from passages can be better.
"""

import dataclasses
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from pipeline.chat.conversation import user
from pipeline.corpus.read import corpus_batches
from pipeline.evals.asking import FactRow, Reply, Scores, Subject, ask_questions, fits_call, spread
from pipeline.evals.facts_suite import contains
from pipeline.stage import Progress
from pipeline.tools.config import SearchConfig
from pipeline.tools.retrieval import Retriever
from pipeline.tools.retrieval_controls import EmptyRetriever, RandomRetriever
from pipeline.tools.search_tool import cited, search_tool
from pipeline.tools.small_index import index_of
from pipeline.tools.tool_batch import ToolReply, replies
from pipeline.tools.toolbox import Toolbox

SUITE = "search"
NEEDED, KNOWN = "never", "often"
RETRIEVERS = ("search", "random", "empty")
_LINE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class SearchTurn:
    """What was said to a question with a search at hand."""

    right: bool
    called: bool
    found: bool  # whether an output had a passage with entity and value
    cited: tuple[bool, ...]  # of each cited document, whether the output's passage has the value
    tokens: int  # of the turn, the outputs' among them
    text: str


def draw(facts: Sequence[FactRow], count: int, seed: int) -> list[FactRow]:
    """At most `count` facts that no page states, and as many that pages state often."""
    rng = random.Random(f"{seed}:{SUITE}")
    chosen: list[FactRow] = []
    for frequency in (NEEDED, KNOWN):
        of = [fact for fact in facts if fact["frequency"] == frequency]
        chosen += rng.sample(of, min(count, len(of)))
    return chosen


def pages(facts: Sequence[FactRow]) -> list[str]:
    """A page for each entity that facts that no page states are about, with all of these."""
    by_entity: dict[str, list[str]] = {}
    for fact in facts:
        if fact["frequency"] == NEEDED:
            told = f"{fact['prompt']} {fact['value']}."
            by_entity.setdefault(fact["entity"], []).append(told)
    return [" ".join(told) for told in by_entity.values()]


def measure(
    subject: Subject, corpus: Path, facts: Sequence[FactRow], scores: Scores, progress: Progress
) -> None:
    """Ask with each retriever and alone, and add the rows.

    Args:
        subject: the model; it has conversation tokens.
        corpus: whose pages are searched as well.
        facts: rows of facts.parquet.
        scores: take the rows.
        progress: is told what has no room in the context.
    """
    config = subject.config
    drawn = draw(facts, config.search_questions, config.seed)
    if not drawn:
        progress.note("search: no facts of a sample web are given, and nothing is asked")
        return
    with tempfile.TemporaryDirectory(prefix="crawl2chat-search-") as folder:
        texts = [*pages(facts), *_texts(corpus, config.search_documents)]
        index = index_of(texts, config.search_passage_characters, Path(folder))
        retrievers: dict[str, Retriever] = {
            "search": index,
            "random": RandomRetriever(index, config.seed),
            "empty": EmptyRetriever(),
        }
        tools = {
            name: search_tool(retriever, SearchConfig(passages=config.search_passages))
            for name, retriever in retrievers.items()
        }
        with Toolbox((tools["search"],)) as toolbox:
            asked = [
                fact for fact in drawn if fits_call(subject, fact["question"], toolbox.definitions)
            ]
            if len(asked) < len(drawn):
                progress.note(
                    f"search: {len(drawn) - len(asked):,} of {len(drawn):,} questions leave no room"
                    f" for a call in {subject.model.config.max_context} tokens beside what the tool"
                    " is, and are not asked"
                )
            turns = {
                name: _turns(subject, asked, dataclasses.replace(toolbox, tools=(tool,)))
                for name, tool in tools.items()
            }
    alone = ask_questions(subject, [fact["question"] for fact in asked], config.max_new_tokens)
    report(subject, asked, turns, alone, scores)


def report(
    subject: Subject,
    asked: Sequence[FactRow],
    turns: Mapping[str, Sequence[SearchTurn]],
    alone: Sequence[Reply],
    scores: Scores,
) -> None:
    """Add the rows.

    Args:
        subject: the model.
        asked: the facts.
        turns: by retriever, one for each fact.
        alone: without a tool, likewise.
        scores: take the rows.
    """
    groups = {
        name: [i for i, fact in enumerate(asked) if fact["frequency"] == name]
        for name in (NEEDED, KNOWN)
    }
    for group, of in groups.items():
        for name in RETRIEVERS:
            own = [turns[name][i] for i in of]
            scores.share(SUITE, f"{group}_{name}", "accuracy", [turn.right for turn in own])
            scores.share(SUITE, f"{group}_{name}", "call_rate", [turn.called for turn in own])
            _mean(scores, f"{group}_{name}", "tokens", [turn.tokens for turn in own])
        right = [alone[i].stopped and contains(alone[i].text, asked[i]["value"]) for i in of]
        scores.share(SUITE, f"{group}_alone", "accuracy", right)
        lengths = [len(subject.tokenizer.encode(alone[i].text)) + 1 for i in of]
        _mean(scores, f"{group}_alone", "tokens", lengths)
    if all(groups.values()):
        needed, known = (
            sum(turns["search"][i].called for i in of) / len(of) for of in groups.values()
        )
        scores.add(
            SUITE, "adaptive", "call_rate_difference", needed - known, None, None, len(asked)
        )
    never = [turns["search"][i] for i in groups[NEEDED]]
    scores.share(SUITE, f"{NEEDED}_search", "found", [turn.found for turn in never])
    every = [mark for turn in turns["search"] for mark in turn.cited]
    scores.share(SUITE, "citations", "precision", every)
    answered = [any(turn.cited) for turn in never if turn.right]
    scores.share(SUITE, "citations", "right_and_cited", answered)
    for i in spread(range(len(asked)), subject.config.samples_per_suite):
        turn = turns["search"][i]
        scores.sample(SUITE, asked[i]["question"], turn.text, asked[i]["value"], turn.right)


def _turns(subject: Subject, asked: Sequence[FactRow], toolbox: Toolbox) -> list[SearchTurn]:
    found = replies(
        subject.engine,
        subject.tokenizer,
        [[user(fact["question"])] for fact in asked],
        toolbox,
        max_new_tokens=subject.config.max_new_tokens,
        temperature=subject.config.temperature,
        seed=subject.config.seed,
    )
    return [_turn(fact, reply, subject) for fact, (reply,) in zip(asked, found)]


def _turn(fact: FactRow, reply: ToolReply, subject: Subject) -> SearchTurn:
    value, entity = fact["value"], fact["entity"]
    lines = {
        int(number): text
        for answered in reply.calls
        for number, text in _LINE.findall(answered.output.text)
    }
    return SearchTurn(
        right=reply.stopped and contains(reply.text, value),
        called=reply.has_called(subject.tokenizer),
        found=any(contains(t, value) and contains(t, entity) for t in lines.values()),
        cited=tuple(
            number in lines and contains(lines[number], value) for number in cited(reply.text)
        ),
        tokens=len(reply.tokens),
        text=subject.tokenizer.decode(reply.tokens),
    )


def _mean(scores: Scores, task: str, metric: str, values: Sequence[int]) -> None:
    if values:
        mean = sum(values) / len(values)
        scores.add(SUITE, task, metric, mean, None, None, len(values))


def _texts(corpus: Path, count: int) -> list[str]:
    """The first documents of a corpus."""
    rows = (
        text for batch in corpus_batches(corpus, ["text"]) for text in batch["text"].to_pylist()
    )
    return list(islice(rows, count))
