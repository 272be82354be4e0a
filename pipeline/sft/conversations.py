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
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from pipeline.chat.conversation import Conversation, Message, render, spans, to_row
from pipeline.chat.messages import MessageRow
from pipeline.curriculum.held_out import is_validation
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.curriculum.planted_instructions import TRAINED_SAYING
from pipeline.sft import (
    arithmetic,
    definitions,
    facts,
    identity,
    passage_questions,
    personas,
    reading,
    refusals,
    renamed_passages,
    saying,
    search_conversations,
    small_talk,
    spelling,
    tool_conversations,
    tool_questions,
    worked_tasks,
)
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.documents import CorpusDocuments
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.tools.config import NAMES
from pipeline.tools.named_tools import named
from storage.errors import UserError
from storage.schemas import CONVERSATIONS
from storage.tables import table, write_table

# Sources whose questions no tool answers better than the model does.
WITHOUT_TOOLS = ("facts", "reading", "definitions", "small_talk", "identity")
# Sources whose questions are planted in passages, beside requests to say something.
PLANTED = ("facts", "arithmetic", "spelling")
DIRECT_SUM = "It is 999."  # … and sums that are answered at once, up to so many digits


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


class Drafted(NamedTuple):
    """A conversation before it is rendered."""

    source: str
    messages: list[Message]
    origin: str = ""  # document id
    validation: bool = False
    tools: tuple[str, ...] = ()  # definitions


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
        rng=_rng(config, "facts"),
    )
    read = reading.conversations(
        found,
        count=config.reading,
        held_out_fraction=config.held_out_fraction,
        rng=_rng(config, "reading"),
    )
    defined = definitions.conversations(
        documents,
        count=config.definitions,
        held_out_fraction=config.held_out_fraction,
        rng=_rng(config, "definitions"),
    )
    sums = arithmetic.conversations(
        count=config.arithmetic,
        worked_share=config.worked_share,
        max_digits=config.max_operand_digits,
        rng=_rng(config, "arithmetic"),
    )
    spelled = spelling.conversations(
        (text for _, text in documents),
        count=config.spelling,
        words=config.spelling_words,
        rng=_rng(config, "spelling"),
    )
    talk = small_talk.conversations(count=config.small_talk, rng=_rng(config, "small_talk"))
    self_talk = identity.conversations(
        count=config.identity,
        name=config.name,
        knowledge_cutoff=config.knowledge_cutoff,
        rng=_rng(config, "identity"),
    )
    refused = refusals.conversations(
        count=config.refusals, harmful=True, rng=_rng(config, "refusals")
    )
    answered = refusals.conversations(
        count=config.harmless, harmful=False, rng=_rng(config, "harmless")
    )
    tasks = worked_tasks.conversations(
        count=config.tasks, mixture=config.task_mixture, rng=_rng(config, "tasks")
    )

    said = saying.conversations(count=config.saying, rng=_rng(config, "saying"))

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
    ]
    from_passages = _from_passages(found, drafted, config)
    searched = _searched(found, documents, drafted, config)
    with_tools = _with_tools(drafted, config)
    drafted += chains(drafted, config.chains, _rng(config, "chains"))
    rng = _rng(config, "system")
    drafted = [
        item._replace(messages=[identity.system_message(config.name, rng), *item.messages])
        if rng.random() < config.system_share
        else item
        for item in drafted
    ]
    # They have system messages of their own, which must stand first.
    told = personas.conversations(count=config.personas, rng=_rng(config, "personas"))
    drafted += [Drafted("personas", messages) for messages in told]
    drafted += [*with_tools, *searched, *from_passages]
    _rng(config, "order").shuffle(drafted)
    return drafted


def _from_passages(
    found: Sequence[facts.StatedFact], drafted: Sequence[Drafted], config: ConversationsConfig
) -> list[Drafted]:
    """Questions answered from passages, some of which hold what users ask in other conversations.

    What attackers ask for in tests is among the requests to say something: none of those is planted
    in their wordings.
    """
    rng = _rng(config, "passages")
    questions = passage_questions.draw(
        found,
        count=config.passages,
        held_out_fraction=config.held_out_fraction,
        held_out=False,
        made_up_values=passage_questions.MADE_UP_VALUES,
        rng=rng,
    )
    asked = [
        item.messages[0].content
        for item in drafted
        if item.source in PLANTED and not item.validation
    ]
    asked += [rng.choice(TRAINED_SAYING).format(text=made_up_word(rng)) for _ in questions]
    talks = passage_questions.conversations(
        questions,
        place=config.passages_in,
        planted_share=config.planted_share,
        instructions=asked,
        rng=rng,
    )
    fraction = config.validation_fraction
    return [
        Drafted("passages", messages, validation=is_validation(subject, fraction))
        for messages, subject in talks
    ]


def _searched(
    found: Sequence[facts.StatedFact],
    documents: Iterable[tuple[str, str]],
    drafted: Sequence[Drafted],
    config: ConversationsConfig,
) -> list[Drafted]:
    """Questions on what no page of the corpus says, searched for; and others, answered at once."""
    if not config.search:
        return []
    rng = _rng(config, "search")
    known = [item for item in drafted if item.source == "facts"]
    unneeded = rng.sample(
        known, min(len(known), round(config.search * config.search_unneeded_share))
    )
    missing = round(config.search * config.search_missing_share)
    stating = renamed_passages.stating(
        found,
        documents,
        characters=config.search_passage_characters,
        held_out_fraction=config.held_out_fraction,
    )
    passages = renamed_passages.renamed(
        stating,
        count=config.search - len(unneeded) - missing,
        held_out_fraction=config.held_out_fraction,
        rng=rng,
    )
    if not passages:
        return []
    asked = search_conversations.questions(
        passages, missing=missing, held_out_fraction=config.held_out_fraction, rng=rng
    )
    talks, definition = search_conversations.searched(
        asked,
        passages,
        passage_characters=config.search_passage_characters,
        found_passages=config.search_passages,
        rng=rng,
    )
    offered = search_conversations.offering([item.messages for item in unneeded], definition)
    fraction = config.validation_fraction
    return [
        *[
            Drafted(
                "search",
                list(talk.messages),
                validation=is_validation(f"entity:{question.borrowed}", fraction),
                tools=talk.tools,
            )
            for question, talk in zip(asked, talks)
        ],
        *[
            item._replace(source="search", tools=talk.tools)
            for item, talk in zip(unneeded, offered)
        ],
    ]


def _with_tools(drafted: Sequence[Drafted], config: ConversationsConfig) -> list[Drafted]:
    """Questions that tools answer, and some of the others with tools that aren't needed."""
    if not config.tools:
        return []
    rng = _rng(config, "tools")
    plain = [item for item in drafted if _needs_no_tool(item)]
    unneeded = rng.sample(plain, min(len(plain), round(config.tools * config.tools_unneeded_share)))
    questions = tool_questions.draw(config.tools - len(unneeded), rng)
    needed_share = 1 - config.tools_unneeded_share
    missing_share = config.tools_missing_share / needed_share if needed_share else 0.0
    with named(NAMES) as toolbox:
        asked = tool_conversations.answered(questions, toolbox, missing_share, rng)
        talks = [item.messages for item in unneeded]
        offered = tool_conversations.offering(talks, toolbox, rng)
    fraction = config.validation_fraction
    return [
        *[
            Drafted(
                "tools",
                list(talk.messages),
                validation=is_validation(question.subject, fraction),
                tools=talk.tools,
            )
            for question, talk in zip(questions, asked)
        ],
        *[item._replace(source="tools", tools=talk.tools) for item, talk in zip(unneeded, offered)],
    ]


def _needs_no_tool(item: Drafted) -> bool:
    """Whether it is answered from what a model knows, or is a sum that is answered at once."""
    if item.source == "arithmetic":
        return len(item.messages[-1].content) <= len(DIRECT_SUM)
    return item.source in WITHOUT_TOOLS


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


def _rng(config: ConversationsConfig, purpose: str) -> random.Random:
    """A random generator for each purpose, so that changing one count changes no other source."""
    return random.Random(f"{config.seed}:{purpose}")


STAGE = Stage("conversations", 5, ConversationsConfig, build, data=("unicode",))
