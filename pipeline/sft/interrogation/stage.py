"""Interrogation: what does a chat model know of what its corpus states, and of what it doesn't?

In: a chat model and its corpus, from the second round on also the round before. Out: questions with
sampled answers and their labels (questions.parquet), and conversations in which the known is
answered and "I don't know" is said to the unknown, as many of one as of the other, for the next
fine-tuning (conversations.parquet). Knowledge moves in that fine-tuning (CRaFT's dynamic conflict),
so the tuned model is interrogated again until labels settle.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from pipeline import model as models
from pipeline.chat.conversation import STOP, assistant, prompt, render, spans, to_row, user
from pipeline.curriculum.answer_matching import answer_type
from pipeline.curriculum.dont_know import says_so
from pipeline.curriculum.held_out import is_left_to_interrogation, is_validation
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.sft import facts
from pipeline.sft.conversations import ConversationRow
from pipeline.sft.documents import CorpusDocuments
from pipeline.sft.interrogation.config import InterrogationConfig
from pipeline.sft.interrogation.labelers import (
    Interrogated,
    Label,
    label,
    replies,
    without_conflicts,
)
from pipeline.sft.interrogation.probes import KINDS, Probe, probes
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import runtime
from storage.errors import UserError
from storage.schemas import CONVERSATIONS, INTERROGATIONS
from storage.tables import read_table, table, write_table

SOURCE = "interrogation"
ASKED_AT_ONCE = 256  # questions between two words of progress


class InterrogationInputs(TypedDict):
    """Folders of artifacts, one each."""

    model: list[Path]
    corpus: list[Path]
    before: NotRequired[list[Path]]  # the interrogation of the round before


class InterrogationStatistics(TypedDict):
    """Of an `interrogation` artifact."""

    questions: int
    by_kind: dict[str, int]
    by_label: dict[str, int]
    known_by_kind: dict[str, float]  # share of the questions of a kind that are known
    changed: float | None  # share of labels that are not those of the round before
    conversations: int
    by_reply: dict[str, int]  # answered, dont_know
    too_long: int  # conversations that were left out
    validation: int  # of the conversations
    loss_tokens: int


class InterrogationRow(TypedDict):
    """A row of storage.schemas.INTERROGATIONS."""

    id: str
    kind: str
    question: str
    entity: str
    relation: str
    values: list[str]
    mentions: int
    answers: list[str]
    correct_share: float
    agreement: float
    label: Label
    origin: str
    split: str


def interrogate(
    model: Transformer,
    tokenizer: Tokenizer,
    asked: Sequence[Probe],
    config: InterrogationConfig,
    progress: Progress,
    before: dict[str, Label],
) -> list[Interrogated]:
    """Sample answers to each question and judge them, by exact match with any right answer.

    Args:
        model: that chats.
        tokenizer: its own, with conversation tokens.
        asked: questions; those that don't fit the model's context are left out.
        config: samples and thresholds.
        progress: is told how far it is.
        before: labels of the round before, by the question's id.
    """
    rivals: dict[str, dict[str, None]] = {}
    for question in asked:
        rivals.setdefault(question.relation, {}).update(dict.fromkeys(question.values))
    prompts = [(q, prompt([user(q.text)], tokenizer)) for q in asked]
    room = model.config.max_context - config.max_new_tokens
    prompts = [(q, ids) for q, ids in prompts if len(ids) <= room]
    stop, engine = tokenizer.special(STOP), Engine(model)
    found: list[Interrogated] = []
    for start in range(0, len(prompts), ASKED_AT_ONCE):
        part = prompts[start : start + ASKED_AT_ONCE]
        completions = engine.generate(
            [ids for _, ids in part],
            samples=config.samples,
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            top_k=config.top_k,
            stop_tokens=(stop,),
            seed=config.seed,
        )
        for (question, _), of_it in zip(part, completions):
            answers = tuple(
                tokenizer.decode(c.tokens[:-1] if c.stopped else c.tokens) for c in of_it
            )
            others = tuple(rivals[question.relation])
            types = tuple(
                answer_type(answer, question.values, others, question.text) for answer in answers
            )
            found.append(
                Interrogated(
                    question,
                    answers,
                    types,
                    label(types, config, before.get(question.id)) if question.values else "unknown",
                )
            )
        progress.update(len(found), len(prompts), "questions")
    return without_conflicts(found)


def drafted(
    found: Sequence[Interrogated], config: InterrogationConfig
) -> list[tuple[Interrogated, str]]:
    """Questions with the replies to learn: of answers and "I don't know" as many, drawn evenly.

    As many also among entities that fine-tuning asked about, and among the others. Names without a
    fact are all among the others: a model that is shown few known ones beside them learns that it
    knows whom it was asked about before, and nobody else. Where the known are fewer they come
    again, `known_repeats` times at most.
    """
    rng = random.Random(f"{config.seed}:interrogation replies")
    pools: dict[tuple[bool, bool], list[tuple[Interrogated, str]]] = {}
    for item in found:
        for reply in replies(item, config.labeler, rng):
            key = _asked_before(item.question, config), item.label == "known"
            pools.setdefault(key, []).append((item, reply))
    groups = [
        (pools.get((asked, True), []), pools.get((asked, False), [])) for asked in (True, False)
    ]
    if not all(known and unknown for known, unknown in groups):
        groups = [([*a, *b], [*c, *d]) for (a, c), (b, d) in [groups]]
    counts = [min(len(known) * config.known_repeats, len(unknown)) for known, unknown in groups]
    most = min(1.0, config.conversations / max(1, sum(counts)))
    chosen: list[tuple[Interrogated, str]] = []
    for (known, unknown), count in zip(groups, counts):
        count = round(count * most)
        rounds = -(-count // max(1, len(known)))
        again = [pair for _ in range(rounds) for pair in rng.sample(known, len(known))]
        chosen += [*again[:count], *rng.sample(unknown, count)]
    rng.shuffle(chosen)
    return chosen


def _asked_before(question: Probe, config: InterrogationConfig) -> bool:
    """Whether fine-tuning asked about the entity."""
    left = is_left_to_interrogation(question.entity, config.interrogated_fraction)
    return question.kind in ("stated", "unstated") and not left


def rows(
    drawn: Sequence[tuple[Interrogated, str]], tokenizer: Tokenizer, config: InterrogationConfig
) -> tuple[list[ConversationRow], int]:
    """Rows of the conversations table, and how many were too long."""
    made: list[ConversationRow] = []
    too_long = 0
    for number, (item, reply) in enumerate(drawn):
        messages = [user(item.question.text), assistant(reply)]
        ids, mask = render(messages, tokenizer)
        if len(ids) > config.max_tokens:
            too_long += 1
            continue
        text = json.dumps([item.question.text, reply], ensure_ascii=False)
        about = is_validation(f"entity:{item.question.entity}", config.validation_fraction)
        made.append(
            {
                "id": hashlib.sha256(f"{number}:{text}".encode()).hexdigest()[:32],
                "source": SOURCE,
                **to_row(messages),
                "loss_spans": spans(mask),
                "origin": item.question.origin,
                "split": "validation" if about else "train",
            }
        )
    return made, too_long


def build(
    out: Path,
    inputs: InterrogationInputs,
    config: InterrogationConfig,
    progress: Progress,
    scratch: Path,
) -> InterrogationStatistics:
    """The `interrogation` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    model, tokenizer = models.load(inputs["model"][0], device, dtype)
    if not tokenizer.has_conversation_tokens:
        raise UserError(f"{inputs['model'][0]} is no chat model: the sft stage's is interrogated")
    documents = CorpusDocuments(inputs["corpus"][0], config.scanned_bytes)
    stated = facts.extract(documents, most_documents=1)
    asked = probes(stated, documents, config)
    if not asked:
        raise UserError(
            "no question to interrogate with: the corpus states nothing that the patterns of"
            " pipeline.sft.relations find; raise interrogation.scanned_bytes or the counts"
        )
    before = labels_of(inputs["before"][0]) if inputs.get("before") else {}
    found = interrogate(model, tokenizer, asked, config, progress, before)
    made, too_long = rows(drafted(found, config), tokenizer, config)
    write_table(
        table([_row(item, config) for item in found], INTERROGATIONS), out / "questions.parquet"
    )
    write_table(table(made, CONVERSATIONS), out / "conversations.parquet")
    labels = Counter(item.label for item in found)
    progress.note(
        f"interrogation: {len(found)} questions, "
        + ", ".join(f"{labels[name]} {name}" for name in ("known", "unknown", "unclear"))
        + f"; {len(made)} conversations"
    )
    return _statistics(found, made, too_long, before)


def labels_of(interrogation: Path) -> dict[str, Label]:
    """The labels of an interrogation, by question."""
    columns = read_table(interrogation / "questions.parquet").select(["id", "label"]).to_pydict()
    return dict(zip(columns["id"], cast(list[Label], columns["label"])))


def _statistics(
    found: Sequence[Interrogated],
    made: Sequence[ConversationRow],
    too_long: int,
    before: dict[str, Label],
) -> InterrogationStatistics:
    kinds = Counter(item.question.kind for item in found)
    known = Counter(item.question.kind for item in found if item.label == "known")
    seen = [item for item in found if item.question.id in before]
    changed = [item for item in seen if before[item.question.id] != item.label]
    dont_know = sum(says_so(row["messages"][-1]["content"]) for row in made)
    return {
        "questions": len(found),
        "by_kind": {kind: kinds[kind] for kind in KINDS},
        "by_label": dict(sorted(Counter(item.label for item in found).items())),
        "known_by_kind": {kind: known[kind] / max(1, kinds[kind]) for kind in KINDS},
        "changed": len(changed) / len(seen) if seen else None,
        "conversations": len(made),
        "by_reply": {"answered": len(made) - dont_know, "dont_know": dont_know},
        "too_long": too_long,
        "validation": sum(row["split"] == "validation" for row in made),
        "loss_tokens": sum(end - start for row in made for start, end in row["loss_spans"]),
    }


def _row(item: Interrogated, config: InterrogationConfig) -> InterrogationRow:
    question = item.question
    about = is_validation(f"entity:{question.entity}", config.validation_fraction)
    return {
        "id": question.id,
        "kind": question.kind,
        "question": question.text,
        "entity": question.entity,
        "relation": question.relation,
        "values": list(question.values),
        "mentions": question.mentions,
        "answers": list(item.answers),
        "correct_share": item.correct_share,
        "agreement": item.agreement,
        "label": item.label,
        "origin": question.origin,
        "split": "validation" if about else "train",
    }


STAGE = Stage("interrogation", 3, InterrogationConfig, build, data=("unicode",))
