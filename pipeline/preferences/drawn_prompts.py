"""Prompts with known truth: facts, what no page states, tasks that code checks, open requests.

In: the questions of interrogations, conversations, a mixture of tasks. Out: prompts, each once. No
evaluation is scored on any of them: interrogation leaves held-out entities out, tasks are RL's
split, and of conversations what fine-tuning trains on is asked. A fact is asked for if the model
was found to know it; right is the value that pages state. What no page states is asked for as well:
right is to say so. To a request every reply is right that the conversations have to these words.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import Conversation, Message, from_row, prompt, system, user
from pipeline.curriculum import tasks
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.preference_prompts import (
    FACT,
    REQUEST,
    UNKNOWN,
    PreferencePrompt,
    prompt_id,
)
from pipeline.preferences.prompt_splits import PromptSplits
from pipeline.sft import worked_tasks
from pipeline.stage import Progress
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

QUESTIONS, CONVERSATIONS = "questions.parquet", "conversations.parquet"


@dataclasses.dataclass(frozen=True)
class PromptSources:
    """Where prompts come from: folders of artifacts, each may be none."""

    interrogations: Sequence[Path] = ()
    conversations: Sequence[Path] = ()


@dataclasses.dataclass(frozen=True)
class _Candidate:
    prompt: PreferencePrompt  # its split is not yet known
    subject: str  # that it is split by; "": what it says


def drawn(
    sources: PromptSources,
    config: PreferencesConfig,
    splits: PromptSplits,
    tokenizer: Tokenizer,
    max_context: int,
    progress: Progress,
) -> list[PreferencePrompt]:
    """The prompts whose answers are sampled, in random order.

    Args:
        sources: of facts and requests.
        config: how many of each.
        splits: is told the subjects.
        tokenizer: of the model.
        max_context: likewise; a prompt that leaves no room for an answer is left out.
        progress: is told how many those are, and what there is too little of.

    Raises:
        UserError: there is nothing to ask.
    """
    rows = [row for folder in sources.interrogations for row in _read(folder, QUESTIONS)]
    wanted = {
        FACT: (config.facts, [_asked(row, FACT) for row in rows if _is_fact(row)]),
        UNKNOWN: (config.unknown, [_asked(row, UNKNOWN) for row in rows if not row["values"]]),
        "task": (config.tasks, _tasks(config)),
        REQUEST: (config.requests, _requests(sources.conversations, config)),
    }
    found: dict[str, _Candidate] = {}
    crowded = 0
    for name, (count, candidates) in wanted.items():
        rng = random.Random(f"{config.seed}:preferences:{name}")
        rng.shuffle(candidates)
        taken = 0
        for candidate in candidates:
            if taken == count:
                break
            if candidate.prompt.id in found:
                continue
            if len(prompt(candidate.prompt.conversation, tokenizer)) >= max_context:
                crowded += 1
                continue
            found[candidate.prompt.id] = candidate
            taken += 1
        if taken < count:
            progress.note(f"preferences: {taken:,} prompts of kind {name}, {count:,} were wanted")
    if crowded:
        progress.note(
            f"preferences: {crowded:,} prompts leave no room for an answer in {max_context} tokens,"
            " and are not asked"
        )
    if not found:
        raise UserError(
            "preferences: there is no prompt to sample answers to: give an interrogation or"
            " conversations, or set preferences.tasks"
        )
    for candidate in found.values():
        if candidate.subject:
            splits.learn(candidate.prompt.messages, candidate.subject)
    made = [
        dataclasses.replace(one.prompt, split=splits.of(one.prompt.messages))
        for one in found.values()
    ]
    random.Random(f"{config.seed}:preferences:order").shuffle(made)
    return made


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    file = folder / name
    if not file.exists():
        raise UserError(f"{folder}: no {name}: it is no artifact that prompts are drawn from")
    rows: list[dict[str, Any]] = read_table(file).to_pylist()
    return rows


def _is_fact(row: Mapping[str, Any]) -> bool:
    return row["kind"] == "stated" and row["label"] == "known" and bool(row["values"])


def _asked(row: Mapping[str, Any], kind: str) -> _Candidate:
    messages = (user(row["question"]),)
    values = tuple(row["values"])
    made = PreferencePrompt(
        id=prompt_id(messages),
        messages=messages,
        kind=kind,
        answer=values[0] if values else "",
        aliases=values[1:],
        origin=row["origin"] or "",
    )
    return _Candidate(made, f"entity:{row['entity']}")


def _tasks(config: PreferencesConfig) -> list[_Candidate]:
    if not config.tasks:
        return []
    drawing = random.Random(f"{config.seed}:preferences:tasks")
    made = []
    for task in tasks.draw(config.tasks, config.task_mixture, drawing):
        messages: tuple[Message, ...] = (user(task.prompt),)
        if task.system:
            messages = (system(task.system), *messages)
        asked = PreferencePrompt(prompt_id(messages), messages, task.kind, task.answer)
        made.append(_Candidate(asked, worked_tasks.subject(task)))
    return made


def _requests(folders: Sequence[Path], config: PreferencesConfig) -> list[_Candidate]:
    """What users say first in conversations of some sources, with all replies to it."""
    replies: dict[str, dict[str, None]] = {}
    origins: dict[str, str] = {}
    for folder in folders:
        for row in _read(folder, CONVERSATIONS):
            if row["source"] not in config.request_sources or row["split"] != "train":
                continue
            asked, reply = _first_exchange(from_row(row))
            if asked:
                replies.setdefault(asked, {})[reply] = None
                origins.setdefault(asked, row["id"])
    made = []
    for asked, said in replies.items():
        messages = (user(asked),)
        answer, *others = said
        made.append(
            _Candidate(
                PreferencePrompt(
                    id=prompt_id(messages),
                    messages=messages,
                    kind=REQUEST,
                    answer=answer,
                    aliases=tuple(others),
                    origin=origins[asked],
                ),
                "",
            )
        )
    return made


def _first_exchange(talk: Conversation) -> tuple[str, str]:
    """What the user says first, and the reply; "" if no plain text follows."""
    spoken = [message for message in talk.messages if message.role != "system"]
    if len(spoken) < 2 or spoken[1].role != "assistant" or spoken[1].tool_calls:
        return "", ""
    return spoken[0].content, spoken[1].content
