"""Conversations from a corpus by rules: no model, no network.

In: a corpus artifact and a tokenizer. Out: conversations.parquet: questions on facts that pages
state, statements that answer a question, definitions, sums, spelling, other tasks that code can
check, small talk, harmful requests and their look-alikes, questions on the model itself and on
personas of system messages, requests to say something, calls of tools, searches, answers from
passages; some with another system message, some joined into several turns. The config has a count
for each source; conversations that are too long are left out. Only documents of the train split are
read, some at a time, and no held-out entity or problem is ever used. The validation split is chosen
by what a conversation is about (an entity, a result of a sum, a word, an act), before any are
joined: no question of validation is in training and, but for the sentences of refusals, no answer.
"""

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from pipeline.chat.conversation import Conversation, render, spans, to_row
from pipeline.chat.messages import MessageRow
from pipeline.curriculum.held_out import is_validation
from pipeline.sft import (
    arithmetic,
    definitions,
    facts,
    identity,
    personas,
    reading,
    refusals,
    running_sum_talks,
    saying,
    small_talk,
    sources_with_outputs,
    spelling,
    worked_tasks,
)
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.documents import CorpusDocuments
from pipeline.sft.drafted import Drafted, source_rng
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import table, write_table


class ConversationsInputs(TypedDict):
    """Folders of artifacts, one each."""

    corpus: list[Path]
    tokenizer: list[Path]


class ConversationsStatistics(TypedDict):
    """Of a `conversations` artifact."""

    documents: int  # read
    conversations: int
    by_source: dict[str, int]
    too_long: dict[str, int]  # left out, by source
    validation: int  # of the conversations
    loss_tokens: int


class ConversationRow(TypedDict):
    """A row of storage.schemas.CONVERSATIONS."""

    id: str
    source: str
    messages: list[MessageRow]
    tools: list[str]  # JSON text of each
    loss_spans: list[list[int]]  # positions [start, end) that are learned
    origin: str  # document id, or ""
    split: str  # train or validation


def draft(documents: Iterable[tuple[str, str]], config: ConversationsConfig) -> list[Drafted]:
    """Draft all conversations, in a random order that depends on documents and config alone.

    Args:
        documents: id and text of each; iterated three times, four with searches.
        config: counts and shares.
    """
    # A document is used up after `facts_per_document` facts, so no more than this can be: of a
    # fact's documents the first so many and one are enough to find one that is not.
    used_up = config.facts // max(1, config.facts_per_document)
    found = facts.extract(documents, most_documents=used_up + 1)
    asked = facts.conversations(
        found,
        count=config.facts,
        min_mentions=config.min_mentions,
        per_document=config.facts_per_document,
        questions_per_fact=config.questions_per_fact,
        held_out_fraction=config.held_out_fraction,
        interrogated_fraction=config.interrogated_fraction,
        rng=source_rng(config, "facts"),
    )
    read = reading.conversations(
        found,
        count=config.reading,
        held_out_fraction=config.held_out_fraction,
        rng=source_rng(config, "reading"),
    )
    defined = definitions.conversations(
        documents,
        count=config.definitions,
        held_out_fraction=config.held_out_fraction,
        rng=source_rng(config, "definitions"),
    )
    sums = arithmetic.conversations(
        count=config.arithmetic,
        worked_share=config.worked_share,
        max_digits=config.max_operand_digits,
        rng=source_rng(config, "arithmetic"),
    )
    spelled = spelling.conversations(
        (text for _, text in documents),
        count=config.spelling,
        words=config.spelling_words,
        rng=source_rng(config, "spelling"),
    )
    talk = small_talk.conversations(count=config.small_talk, rng=source_rng(config, "small_talk"))
    self_talk = identity.conversations(
        count=config.identity,
        name=config.name,
        knowledge_cutoff=config.knowledge_cutoff,
        rng=source_rng(config, "identity"),
    )
    refused = refusals.conversations(
        count=config.refusals, harmful=True, rng=source_rng(config, "refusals")
    )
    answered = refusals.conversations(
        count=config.harmless, harmful=False, rng=source_rng(config, "harmless")
    )
    tasks = worked_tasks.conversations(
        count=config.tasks, mixture=config.task_mixture, rng=source_rng(config, "tasks")
    )
    said = saying.conversations(count=config.saying, rng=source_rng(config, "saying"))
    added = running_sum_talks.conversations(
        count=config.running_sums,
        most_turns=config.running_sum_turns,
        rng=source_rng(config, "running_sums"),
    )

    def about(subject: str) -> bool:
        return is_validation(subject, config.validation_fraction)

    drafted = [
        *[Drafted("facts", m, origin, about(f"entity:{name}")) for m, origin, name in asked],
        *[Drafted("reading", m, validation=about(f"entity:{name}")) for m, name in read],
        *[
            Drafted("definitions", m, origin, about(f"entity:{name}"))
            for m, origin, name in defined
        ],
        *[Drafted("arithmetic", m, validation=about(f"sum:{result}")) for m, result in sums],
        *[Drafted("spelling", m, validation=about(f"word:{word}")) for m, word in spelled],
        *[Drafted("small_talk", messages) for messages in talk],
        *[Drafted("identity", messages) for messages in self_talk],
        *[Drafted("refusals", m, validation=about(f"act:{act}")) for m, act in refused],
        *[Drafted("harmless", m, validation=about(f"act:{act}")) for m, act in answered],
        *[Drafted("tasks", m, validation=about(subject)) for m, subject in tasks],
        *[Drafted("saying", m, validation=about(text)) for m, text in said],
        *[Drafted("running_sums", m, validation=about(text)) for m, text in added],
    ]
    with_outputs = [
        *sources_with_outputs.with_tools(drafted, config),
        *sources_with_outputs.searched(found, documents, drafted, config),
        *sources_with_outputs.from_passages(found, drafted, config),
    ]
    drafted += chains(drafted, config.chains, source_rng(config, "chains"))
    rng = source_rng(config, "system")
    drafted = [
        item._replace(messages=[identity.system_message(config.name, rng), *item.messages])
        if rng.random() < config.system_share
        else item
        for item in drafted
    ]
    # They have system messages of their own, which must stand first.
    told = personas.conversations(count=config.personas, rng=source_rng(config, "personas"))
    drafted += [Drafted("personas", messages) for messages in told]
    drafted += with_outputs
    source_rng(config, "order").shuffle(drafted)
    return drafted


def chains(drafted: list[Drafted], count: int, rng: random.Random) -> list[Drafted]:
    """Pairs of conversations joined into one of several turns, both of the same split."""
    made: list[Drafted] = []
    for validation in (False, True):
        pool = [item for item in drafted if item.validation == validation]
        wanted = round(count * len(pool) / len(drafted)) if len(pool) > 1 else 0
        for a, b in (rng.sample(pool, 2) for _ in range(wanted)):
            messages = [*a.messages, *b.messages]
            made.append(Drafted("chains", messages, a.origin or b.origin, validation))
    return made


def rows(
    drafted: list[Drafted], tokenizer: Tokenizer, config: ConversationsConfig
) -> tuple[list[ConversationRow], dict[str, int]]:
    """Rows of the conversations table, and how many of each source were too long."""
    made: list[ConversationRow] = []
    too_long: dict[str, int] = {}
    for number, item in enumerate(drafted):
        talk = Conversation(tuple(item.messages), item.tools)
        ids, mask = render(talk, tokenizer)
        if len(ids) > config.max_tokens:
            too_long[item.source] = too_long.get(item.source, 0) + 1
            continue
        text = json.dumps([[m.role, m.content] for m in item.messages], ensure_ascii=False)
        made.append(
            {
                "id": hashlib.sha256(f"{number}:{text}".encode()).hexdigest()[:32],
                "source": item.source,
                **to_row(talk),
                "loss_spans": spans(mask),
                "origin": item.origin,
                "split": "validation" if item.validation else "train",
            }
        )
    return made, too_long


def build(
    out: Path,
    inputs: ConversationsInputs,
    config: ConversationsConfig,
    progress: Progress,
    scratch: Path,
) -> ConversationsStatistics:
    """The `conversations` stage."""
    documents = CorpusDocuments(inputs["corpus"][0], config.scanned_bytes)
    tokenizer = Tokenizer.load(inputs["tokenizer"][0]).with_conversation_tokens()
    drafted = draft(documents, config)
    made, too_long = rows(drafted, tokenizer, config)
    if not any(row["split"] == "train" for row in made):
        raise UserError(
            "no conversation could be made: raise the counts or conversations.max_tokens"
        )
    if config.tools and not any(row["tools"] for row in made):
        raise UserError(
            f"no conversation with tools fits {config.max_tokens} tokens: raise"
            " conversations.max_tokens, and the base model's context (docs/tools.md)"
        )
    write_table(table(made, CONVERSATIONS), out / "conversations.parquet")
    counts: dict[str, int] = {}
    for row in made:
        counts[row["source"]] = counts.get(row["source"], 0) + 1
    progress.note(f"{len(made)} conversations: " + ", ".join(f"{n} {s}" for s, n in counts.items()))
    if too_long:
        left_out = ", ".join(f"{n} {source}" for source, n in sorted(too_long.items()))
        progress.note(f"longer than {config.max_tokens} tokens and left out: {left_out}")
    return {
        "documents": documents.read,
        "conversations": len(made),
        "by_source": dict(sorted(counts.items())),
        "too_long": dict(sorted(too_long.items())),
        "validation": sum(row["split"] == "validation" for row in made),
        "loss_tokens": sum(end - start for row in made for start, end in row["loss_spans"]),
    }


STAGE = Stage("conversations", 6, ConversationsConfig, build, data=("unicode",))
