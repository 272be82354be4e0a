"""Conversations that a teacher makes from passages of the corpus: asked, screened, judged.

In: a corpus, a tokenizer, files of evaluation sets. Out: conversations.parquet, rows of the table
`conversations` with source `teacher`, and answers.parquet, a row for each passage asked about: its
axes, what became of it and why, the judge's score and reason. Every passage has its row, so kept
and rejected add up. Answers are kept in the user's cache (`answer_cache`): a killed run goes on
without paying twice, and the same answers give the same bytes in whatever order they come.
"""

import collections
import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from pipeline.chat.conversation import Conversation, render, spans, to_row
from pipeline.curriculum.held_out import is_validation
from pipeline.filters.decontamination import NgramIndex, build_index
from pipeline.sft.conversations import ConversationRow
from pipeline.sft.documents import CorpusDocuments
from pipeline.sft.teacher import prompts, screening
from pipeline.sft.teacher.answer_cache import AnswerCache
from pipeline.sft.teacher.answering import Answering, ChatRequest
from pipeline.sft.teacher.axes import Axes, draw
from pipeline.sft.teacher.budget import NOTHING, Cost, billed, most
from pipeline.sft.teacher.chat_endpoint import ChatAnswer, ChatEndpoint
from pipeline.sft.teacher.chosen_passages import ShownPassage, choose
from pipeline.sft.teacher.config import TeacherConfig
from pipeline.sft.teacher.screening import JudgeScore, Screened
from pipeline.stage import Progress, Stage
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.manifest import PROVENANCE
from storage.schemas import CONVERSATIONS, TEACHER_ANSWERS
from storage.tables import table, write_table

SOURCE = "teacher"


class TeacherInputs(TypedDict):
    """Folders of artifacts, one each, and files."""

    corpus: list[Path]
    tokenizer: list[Path]
    benchmarks: NotRequired[list[Path]]


class TeacherStatistics(TypedDict):
    """Of a `teacher` artifact."""

    documents: int  # read
    held_out_passages: int  # left out of those looked at, for an entity in them
    passages: int  # asked about = conversations + rejected
    conversations: int
    rejected: dict[str, int]  # by reason
    scores: dict[str, int]  # conversations judged, by score
    validation: int  # of the conversations
    loss_tokens: int
    requests: int  # to teacher and judge
    prompt_tokens: int
    answer_tokens: int
    unmetered: int  # answers whose tokens the endpoint doesn't say: counted as the most
    money: float  # at the config's prices


@dataclasses.dataclass
class AskedPassage:
    """A passage and what has become of it so far."""

    passage: ShownPassage
    axes: Axes
    screened: Screened = dataclasses.field(default_factory=Screened)
    judged: JudgeScore | None = None
    cost: Cost = NOTHING
    conversation: Conversation | None = None
    loss_spans: list[list[int]] = dataclasses.field(default_factory=list)

    def reject(self, reason: str, detail: str = "") -> None:
        """It becomes no conversation; the first reason stays."""
        if not self.screened.reason:
            self.screened = dataclasses.replace(self.screened, reason=reason, detail=detail)


def build(
    out: Path,
    inputs: TeacherInputs,
    config: TeacherConfig,
    progress: Progress,
    scratch: Path,
) -> TeacherStatistics:
    """The `teacher` stage."""
    endpoint = ChatEndpoint.of(config.endpoint)
    documents = CorpusDocuments(inputs["corpus"][0], config.scanned_bytes)
    tokenizer = Tokenizer.load(inputs["tokenizer"][0]).with_conversation_tokens()
    files = inputs.get("benchmarks", [])
    benchmarks = build_index(files, config.decontamination) if files else None
    chosen = choose(
        documents,
        count=config.requests,
        characters=config.passage_characters,
        per_document=config.passages_per_document,
        held_out_fraction=config.held_out_fraction,
        seed=config.seed,
    )
    if len(chosen.passages) < config.requests:
        progress.note(
            f"teacher: the corpus has {len(chosen.passages):,} passages,"
            f" teacher.requests is {config.requests:,}"
        )
    cases = [AskedPassage(passage, draw(config, passage.name)) for passage in chosen.passages]
    answering = Answering(endpoint, AnswerCache(endpoint.url), config, progress.note)
    unmetered = write(cases, answering, config, progress)
    screen(cases, tokenizer, benchmarks, config)
    if config.min_score:
        unmetered += judge(cases, answering, config, progress)
    rows = [row for case in cases if (row := conversation_row(case, config)) is not None]
    rejected = collections.Counter(c.screened.reason for c in cases if c.screened.reason)
    by_reason = {reason: rejected[reason] for reason in screening.REASONS if rejected[reason]}
    told = ", ".join(f"{number:,} {reason}" for reason, number in by_reason.items()) or "none"
    spent = sum((case.cost for case in cases), NOTHING)
    progress.note(
        f"teacher: {len(rows):,} conversations of {len(cases):,} passages, rejected: {told};"
        f" {spent.requests:,} requests, {spent.prompt_tokens:,} + {spent.answer_tokens:,} tokens"
        + (f", {spent.money(config):,.2f} in money" if spent.money(config) else "")
        + f" ({answering.counters.cached:,} answers were paid for before)"
    )
    if not rows:
        raise UserError(
            f"teacher: none of {len(cases):,} answers became a conversation ({told}); the answers"
            " are kept: change what refuses them, or the model"
        )
    write_table(table(rows, CONVERSATIONS), out / "conversations.parquet")
    answered = [answer_row(number, case, config) for number, case in enumerate(cases)]
    write_table(table(answered, TEACHER_ANSWERS), out / "answers.parquet")
    _write_counters(out, answering)
    scores = collections.Counter(str(c.judged.score) for c in cases if c.judged and c.judged.score)
    return {
        "documents": documents.read,
        "held_out_passages": chosen.held_out,
        "passages": len(cases),
        "conversations": len(rows),
        "rejected": by_reason,
        "scores": dict(sorted(scores.items())),
        "validation": sum(row["split"] == "validation" for row in rows),
        "loss_tokens": sum(end - start for row in rows for start, end in row["loss_spans"]),
        "requests": spent.requests,
        "prompt_tokens": spent.prompt_tokens,
        "answer_tokens": spent.answer_tokens,
        "unmetered": unmetered,
        "money": spent.money(config),
    }


def write(
    cases: Sequence[AskedPassage], answering: Answering, config: TeacherConfig, progress: Progress
) -> int:
    """Have a conversation made for each case; gives how many answers are unmetered."""

    def request(case: AskedPassage) -> ChatRequest:
        text = case.passage.text
        body = prompts.encoded(prompts.write_request(text, case.axes, config))
        later = most_of_judging(text, config) if config.min_score else NOTHING
        return ChatRequest(body, most(body, config.max_answer_tokens), later)

    def is_of_use(index: int, answer: ChatAnswer) -> bool:
        return not screening.conversation(answer).reason

    requests = [request(case) for case in cases]
    tell = _teller(progress, answering, len(cases), "conversations")
    answers = answering.ask(requests, is_of_use, tell)
    for case, asked, answer in zip(cases, requests, answers):
        if answer is None:
            case.reject("cap", "teacher.max_… allows no more")
            continue
        case.cost += billed(answer, asked.bound)
        case.screened = screening.conversation(answer)
    return _unmetered(answers)


def most_of_judging(passage: str, config: TeacherConfig) -> Cost:
    """The most that judging a conversation costs that is not yet there."""
    empty = prompts.encoded(prompts.judge_request(passage, (), config))
    # Twice its tokens: for the quotes around each message, and for a judge's other tokenizer.
    bound = most(empty, config.max_judge_tokens)
    return dataclasses.replace(
        bound, prompt_tokens=bound.prompt_tokens + 2 * config.max_answer_tokens
    )


def screen(
    cases: Sequence[AskedPassage],
    tokenizer: Tokenizer,
    benchmarks: NgramIndex | None,
    config: TeacherConfig,
) -> None:
    """Reject what is too long, holds text of an evaluation set, or is like an earlier one."""
    seen = screening.SeenConversations(config.minhash)
    for number, case in enumerate(cases):
        if case.screened.reason:
            continue
        case.conversation = Conversation(case.screened.messages)
        ids, mask = render(case.conversation, tokenizer)
        case.loss_spans = spans(mask)
        text = screening.text_of(case.screened.messages)
        if len(ids) > config.max_tokens:
            case.reject("too_long", f"{len(ids)} tokens, teacher.max_tokens {config.max_tokens}")
        elif example := screening.contamination(text, benchmarks):
            case.reject("contaminated", example)
        elif (first := seen.first_like(number, text)) is not None:
            case.reject("duplicate", f"of answer {first}")


def judge(
    cases: Sequence[AskedPassage], answering: Answering, config: TeacherConfig, progress: Progress
) -> int:
    """Have the rest judged; gives how many judgements are unmetered."""
    left = [case for case in cases if not case.screened.reason]

    def request(case: AskedPassage) -> ChatRequest:
        text = case.passage.text
        body = prompts.encoded(prompts.judge_request(text, case.screened.messages, config))
        bound, held = most(body, config.max_judge_tokens), most_of_judging(text, config)
        tokens = min(bound.prompt_tokens, held.prompt_tokens)  # what was held back is enough
        return ChatRequest(body, dataclasses.replace(bound, prompt_tokens=tokens))

    requests = [request(case) for case in left]
    tell = _teller(progress, answering, len(left), "judgements")
    answers = answering.ask(requests, tell=tell)
    for case, asked, answer in zip(left, requests, answers):
        if answer is None:
            case.reject("cap", "teacher.max_… allows no judging")
            continue
        case.cost += billed(answer, asked.bound)
        case.judged = screening.judgement(answer)
        if case.judged.problem:
            case.reject("no_judgement", case.judged.problem)
        elif case.judged.score < config.min_score:
            case.reject("low_score", f"{case.judged.score}, teacher.min_score {config.min_score}")
    return _unmetered(answers)


def conversation_row(case: AskedPassage, config: TeacherConfig) -> ConversationRow | None:
    """Its row of the `conversations` table; None if it is rejected."""
    if case.screened.reason or case.conversation is None:
        return None
    validation = is_validation(f"document:{case.passage.document}", config.validation_fraction)
    return {
        **to_row(case.conversation),
        "id": id_of(case),
        "source": SOURCE,
        "loss_spans": case.loss_spans,
        "origin": case.passage.document,
        "split": "validation" if validation else "train",
    }


def answer_row(number: int, case: AskedPassage, config: TeacherConfig) -> dict[str, Any]:
    """Its row of TEACHER_ANSWERS."""
    judged = case.judged or JudgeScore()
    return {
        "number": number,
        "id": "" if case.screened.reason else id_of(case),
        "origin": case.passage.document,
        "passage": case.passage.text,
        **dataclasses.asdict(case.axes),
        "outcome": "rejected" if case.screened.reason else "kept",
        "reason": case.screened.reason,
        "detail": case.screened.detail,
        "score": judged.score or None,
        "judge_reason": judged.reason,
        "requests": case.cost.requests,
        "prompt_tokens": case.cost.prompt_tokens,
        "answer_tokens": case.cost.answer_tokens,
        "money": case.cost.money(config),
    }


def id_of(case: AskedPassage) -> str:
    """Of a conversation: 32 hex digits, by its passage and its words."""
    said = json.dumps([[m.role, m.content] for m in case.screened.messages], ensure_ascii=False)
    return hashlib.sha256(f"{SOURCE}:{case.passage.name}:{said}".encode()).hexdigest()[:32]


def _teller(
    progress: Progress, answering: Answering, total: int, unit: str
) -> Callable[[int], None]:
    def tell(done: int) -> None:
        money = answering.counters.paid.money(answering.config)
        progress.update(done, total, unit, **({"spent": money} if money else {}))

    return tell


def _unmetered(answers: Sequence[ChatAnswer | None]) -> int:
    given = [one for one in answers if one and one.problem not in ("refused", "no_completion")]
    return sum(one.prompt_tokens < 0 or one.answer_tokens < 0 for one in given)


def _write_counters(out: Path, answering: Answering) -> None:
    """What this run did of it, and earlier ones had done: of no bearing on the content."""
    path = out / PROVENANCE / "answers.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(dataclasses.asdict(answering.counters)))


STAGE = Stage("teacher", 2, TeacherConfig, build, data=("unicode",), aside=("endpoint",))
