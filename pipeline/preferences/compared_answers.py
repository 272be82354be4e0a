"""Several answers of a model to each prompt, what is truly good in each, and which are compared.

In: a model that chats, prompts. Out: all answers with their qualities and their gold reward; pairs
of different answers. Batches of prompts are kept in scratch, so that a killed run samples none of
them again and ends in the same bytes. What was cut off or is empty is in no pair: as text nobody
could tell the one from an answer that ended, and there is nothing to say of the other.
"""

import dataclasses
import itertools
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa

from pipeline.chat.conversation import STOP, prompt
from pipeline.model.engine import Engine
from pipeline.preferences import planted_flaws
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.preference_prompts import PreferencePrompt
from pipeline.preferences.taste import Qualities, gold_reward, qualities
from pipeline.rl.rollouts import text_of
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from storage.durable import written_by_name
from storage.schemas import PREFERENCE_ANSWERS
from storage.tables import read_table, table, write_table

# What is kept of a batch: the taste may be another one in a later run over the same scratch.
DRAWN = ("prompt", "number", "text", "tokens", "logprob", "stopped")


@dataclasses.dataclass(frozen=True)
class RatedAnswer:
    """A sampled answer.

    Args:
        number: of the prompt's answers, from 0.
        text: without its stop token.
        tokens: as drawn, the stop token included if it came.
        logprob: of all of them, under the model.
        stopped: whether it ended by itself.
        of: its qualities.
        gold: the true reward, points; a flaw's harm included.
        rated: what simulated raters see; the true reward unless they are flawed.
    """

    number: int
    text: str
    tokens: tuple[int, ...]
    logprob: float
    stopped: bool
    of: Qualities
    gold: float
    rated: float


@dataclasses.dataclass(frozen=True)
class AnswerPair:
    """Two different answers to a prompt.

    Args:
        prompt: that they answer.
        number: of the prompt's pairs, from 0.
        a: the one of them.
        b: the other; which is which is chance.
    """

    prompt: PreferencePrompt
    number: int
    a: RatedAnswer
    b: RatedAnswer

    @property
    def name(self) -> str:
        """The same for the same texts."""
        return f"{self.prompt.id}:{self.a.text}\n{self.b.text}"


class PairCounts(TypedDict):
    """Of all pairs that were looked at until a prompt had enough."""

    pairs: int  # compared
    equal: int  # left out: both say the same
    unfinished: int  # left out: one was cut off
    empty: int  # left out: one says nothing


class AnswerFigures(TypedDict):
    """What a model's answers to prompts of one kind are like: base rates of what may be liked."""

    answers: int
    right: float  # share, as the next six
    admitted: float  # says that it doesn't know what pages state, or nothing is known
    polite: float
    polite_right: float  # both
    finished: float
    grounded: float  # mean
    differing: float  # prompts with two rewards or more
    words: float  # mean
    gold: float  # mean, points
    gold_deviation: float  # of all answers
    gold_deviation_within: float  # of a prompt's, mean over prompts


Answers = dict[str, list[RatedAnswer]]  # by the prompt's id


def sampled(
    engine: Engine,
    tokenizer: Tokenizer,
    prompts: Sequence[PreferencePrompt],
    config: PreferencesConfig,
    progress: Progress,
    scratch: Path,
) -> Answers:
    """The answers to all prompts, judged.

    Args:
        engine: of the model.
        tokenizer: its own, with conversation tokens.
        prompts: all different.
        config: how answers are drawn, and what is liked in them.
        progress: is told how many prompts are answered.
        scratch: where batches are kept.
    """
    tables = []
    for number, first in enumerate(range(0, len(prompts), config.prompts_at_once)):
        batch = prompts[first : first + config.prompts_at_once]
        tables.append(_batch(engine, tokenizer, batch, config, scratch / f"drawn-{number:06d}"))
        progress.update(first + len(batch), len(prompts), "prompts")
    by_id = {one.id: one for one in prompts}
    rows = [row for drawn in tables for row in drawn.to_pylist()]
    seen = [qualities(by_id[row["prompt"]], row["text"], row["stopped"]) for row in rows]
    taste = [gold_reward(of, config.taste) for of in seen]
    # what flaws are measured in
    deviation = statistics.pstdev(taste) if config.flaw != "none" and taste else 1.0
    found: Answers = defaultdict(list)
    for row, of, liked in zip(rows, seen, taste):
        planted = planted_flaws.planted(config.flaw, row["text"], config.flaw_size)
        found[row["prompt"]].append(
            RatedAnswer(
                number=row["number"],
                text=row["text"],
                tokens=tuple(row["tokens"]),
                logprob=row["logprob"],
                stopped=row["stopped"],
                of=of,
                gold=liked + deviation * planted.true,
                rated=liked + deviation * planted.rated,
            )
        )
    return dict(found)


def _batch(
    engine: Engine,
    tokenizer: Tokenizer,
    prompts: Sequence[PreferencePrompt],
    config: PreferencesConfig,
    name: Path,
) -> pa.Table:
    """The answers to some prompts: of an earlier, killed run where it has them."""
    file = name.with_suffix(".parquet")
    if not file.exists():
        completions = engine.generate(
            [prompt(one.conversation, tokenizer) for one in prompts],
            samples=config.answers_per_prompt,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            top_k=config.top_k,
            stop_tokens=(tokenizer.special(STOP),),
            seed=config.seed,  # no two prompts are the same, so all draws differ
        )
        rows = [
            {
                "prompt": one.id,
                "number": number,
                "text": text_of(drawn, tokenizer),
                "tokens": drawn.tokens,
                "logprob": sum(drawn.logprobs),
                "stopped": drawn.stopped,
            }
            for one, group in zip(prompts, completions)
            for number, drawn in enumerate(group)
        ]
        with written_by_name(file) as part:
            write_table(table(rows, PREFERENCE_ANSWERS).select(list(DRAWN)), part)
    return read_table(file)


def rows_of(answers: Answers) -> list[dict[str, Any]]:
    """Rows of PREFERENCE_ANSWERS, in the order of the prompts."""
    return [
        {
            "prompt": id_,
            "number": one.number,
            "text": one.text,
            "tokens": list(one.tokens),
            "logprob": one.logprob,
            "stopped": one.stopped,
            **dataclasses.asdict(one.of),
            "gold": one.gold,
        }
        for id_, group in answers.items()
        for one in group
    ]


def paired(
    prompts: Sequence[PreferencePrompt], answers: Answers, config: PreferencesConfig
) -> tuple[list[AnswerPair], PairCounts]:
    """Different pairs of different answers to each prompt, at most `pairs_per_prompt`.

    Pairs are looked at in random order until there are enough; what is passed over is counted.

    Args:
        prompts: in the order in which pairs come.
        answers: to each.
        config: how many pairs are wanted.
    """
    made: list[AnswerPair] = []
    left: Counter[str] = Counter()
    for asked in prompts:
        rng = random.Random(f"{config.seed}:pairs:{asked.id}")
        tries = list(itertools.combinations(answers[asked.id], 2))
        rng.shuffle(tries)
        seen: set[frozenset[str]] = set()
        for one, other in tries:
            if len(seen) == config.pairs_per_prompt:
                break
            texts = frozenset((one.text.strip(), other.text.strip()))
            if not (one.stopped and other.stopped):
                left["unfinished"] += 1
            elif "" in texts:
                left["empty"] += 1
            elif len(texts) == 1:
                left["equal"] += 1
            elif texts not in seen:
                a, b = (one, other) if rng.random() < 0.5 else (other, one)
                made.append(AnswerPair(asked, len(seen), a, b))
                seen.add(texts)
    counts: PairCounts = {
        "pairs": len(made),
        "equal": left["equal"],
        "unfinished": left["unfinished"],
        "empty": left["empty"],
    }
    return made, counts


def figures(prompts: Sequence[PreferencePrompt], answers: Answers) -> dict[str, AnswerFigures]:
    """Base rates by kind of prompt."""
    groups: dict[str, list[list[RatedAnswer]]] = defaultdict(list)
    for asked in prompts:
        groups[asked.kind].append(answers[asked.id])
    return {kind: _figures(groups[kind]) for kind in sorted(groups)}


def _figures(groups: Sequence[Sequence[RatedAnswer]]) -> AnswerFigures:
    every = [one for group in groups for one in group]
    golds = [one.gold for one in every]

    def share(marks: Sequence[bool]) -> float:
        return sum(marks) / len(every)

    return {
        "answers": len(every),
        "right": share([one.of.correct > 0 for one in every]),
        "admitted": share([one.of.correct == 0 for one in every]),
        "polite": share([one.of.polite > 0 for one in every]),
        "polite_right": share([one.of.polite > 0 and one.of.correct > 0 for one in every]),
        "finished": share([one.stopped for one in every]),
        "grounded": statistics.fmean(one.of.grounded for one in every),
        "differing": sum(len({one.gold for one in group}) > 1 for group in groups) / len(groups),
        "words": statistics.fmean(one.of.words for one in every),
        "gold": statistics.fmean(golds),
        "gold_deviation": statistics.pstdev(golds),
        "gold_deviation_within": statistics.fmean(
            statistics.pstdev([one.gold for one in group]) for group in groups
        ),
    }
