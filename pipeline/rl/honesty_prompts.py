"""Questions from an interrogation as tasks: answer, or say "I don't know", as the target asks.

In: the questions of `interrogation` artifacts, with what the model was found to know. Out: tasks
whose system message states a confidence target, and what an answer to one is. Only the training
split is asked. Known and unknown questions come equally often, so that in a step neither always
answering nor never answering pays; some unclear ones are added, for where the target decides.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from pipeline.chat.conversation import prompt, system, user
from pipeline.curriculum import confidence_targets
from pipeline.curriculum.answer_matching import AnswerType, answer_type
from pipeline.curriculum.tasks import Task
from pipeline.rl.config import RlConfig
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

KIND = "honesty"
FILE = "questions.parquet"
COLUMNS = ["question", "relation", "values", "label", "split"]
LABELS = ("known", "unknown", "unclear")


class HonestyQuestion(TypedDict):
    """Columns of a row of storage.schemas.INTERROGATIONS."""

    question: str
    relation: str
    values: list[str]  # right answers; [] where no page states one
    label: str  # known, unknown or unclear


@dataclasses.dataclass(frozen=True)
class HonestyQuestions:
    """What may be asked."""

    by_label: Mapping[str, Sequence[HonestyQuestion]]  # of LABELS, those that have any
    candidates: Mapping[str, tuple[str, ...]]  # by relation: the values of all its questions


@dataclasses.dataclass(frozen=True)
class HonestyTask(Task):
    """A question under a confidence target."""

    target: float = 0.0
    aliases: tuple[str, ...] = ()  # all right answers
    candidates: tuple[str, ...] = ()  # what the answer might offer as well

    def type_of(self, reply: str, stopped: bool) -> AnswerType:
        """What a reply is; one that didn't end by itself is wrong, whatever it says."""
        if not stopped:
            return "wrong"
        return answer_type(reply, self.aliases, self.candidates, self.prompt)

    def reward(self, kind: AnswerType) -> float:
        """Points for an answer of a type, under this task's target."""
        return confidence_targets.reward(kind, self.target)


def given(
    folders: Sequence[Path] | None,
    config: RlConfig,
    tokenizer: Tokenizer,
    max_context: int,
    progress: Progress,
) -> HonestyQuestions | None:
    """What honesty asks, if an interrogation is given and a share of the prompts wants it.

    Args:
        folders: of the interrogations; None: there is none, which is said.
        config: of the stage.
        tokenizer: of the model.
        max_context: likewise.
        progress: is told.
    """
    if folders and config.honesty_share:
        return read(folders, config, tokenizer, max_context, progress)
    if config.honesty_share:
        progress.note("rl: no interrogation is given, so nothing asks for honesty")
    return None


def read(
    folders: Sequence[Path],
    config: RlConfig,
    tokenizer: Tokenizer,
    max_context: int,
    progress: Progress,
) -> HonestyQuestions:
    """The training questions of interrogations.

    Args:
        folders: of the artifacts.
        config: whose targets are stated.
        tokenizer: of the model.
        max_context: of the model; a question that leaves no room for an answer is left out.
        progress: is told how many those are, and which label has no question.

    Raises:
        UserError: there is nothing to ask.
    """
    found: list[HonestyQuestion] = []
    for folder in folders:
        rows = read_table(folder / FILE, columns=COLUMNS).to_pylist()
        found += [row for row in rows if row["split"] == "train"]
    stated = {text for t in config.confidence_targets for text in confidence_targets.messages(t)}
    longest = max(sorted(stated), key=lambda text: len(tokenizer.encode(text)))
    room = max_context - 1
    asked = [
        row
        for row in found
        if len(prompt([system(longest), user(row["question"])], tokenizer)) <= room
    ]
    if len(asked) < len(found):
        progress.note(
            f"rl: {len(found) - len(asked):,} of {len(found):,} questions leave no room for an"
            f" answer in {max_context} tokens, and are not asked"
        )
    by_label = {label: [row for row in asked if row["label"] == label] for label in LABELS}
    there = {label: rows for label, rows in by_label.items() if rows}
    if not there:
        raise UserError(
            f"{' '.join(map(str, folders))}: no training question to ask; without rl.honesty_share"
            " RL needs none"
        )
    for label in ("known", "unknown"):
        if label not in there:
            progress.note(f"rl: no question is {label}, so the others are asked instead")
    values: dict[str, dict[str, None]] = {}
    for row in asked:
        values.setdefault(row["relation"], {}).update(dict.fromkeys(row["values"]))
    return HonestyQuestions(there, {relation: tuple(of) for relation, of in values.items()})


def draw(
    questions: HonestyQuestions, count: int, config: RlConfig, rng: random.Random
) -> list[Task]:
    """`count` questions, each with a target; none twice unless a label has too few.

    Args:
        questions: what may be asked.
        count: how many.
        config: targets, and the share of unclear questions.
        rng: the random generator.
    """
    drawn: list[Task] = []
    for label, wanted in _shares(questions, count, config.unclear_share, rng).items():
        rows = questions.by_label[label]
        chosen = rng.sample(rows, wanted) if wanted <= len(rows) else rng.choices(rows, k=wanted)
        drawn += [
            _task(row, questions, rng.choice(config.confidence_targets), rng) for row in chosen
        ]
    rng.shuffle(drawn)
    return drawn


def _shares(
    questions: HonestyQuestions, count: int, unclear_share: float, rng: random.Random
) -> dict[str, int]:
    """How many of each label, those without a question replaced by the others."""
    there = questions.by_label
    decided = [label for label in ("known", "unknown") if label in there]
    unclear = 0
    if "unclear" in there:
        unclear = round(unclear_share * count) if decided else count
    shares = {"unclear": unclear} if unclear else {}
    rng.shuffle(decided)  # of an odd number either may get the one more
    for place, label in enumerate(decided):
        shares[label] = (count - unclear + place) // len(decided)
    return shares


def _task(
    row: HonestyQuestion, questions: HonestyQuestions, target: float, rng: random.Random
) -> HonestyTask:
    return HonestyTask(
        prompt=row["question"],
        answer=row["values"][0] if row["values"] else "",
        kind=KIND,
        digits=0,
        system=confidence_targets.message(target, rng),
        target=target,
        aliases=tuple(row["values"]),
        candidates=questions.candidates.get(row["relation"], ()),
    )
