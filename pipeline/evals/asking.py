"""How a model is asked, and what a suite returns.

`complete` continues a page. `ask` asks a question: a model that has the conversation tokens gets it
as a conversation; a base model gets a page with the question on a line of its own, and the next
line is its answer. All prompts of a suite are one batch.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import TypedDict, TypeVar

from pipeline.chat.conversation import STOP, Conversation, Message, prompt, system, user
from pipeline.evals.config import EvalsConfig
from pipeline.intervals import wilson
from pipeline.model import Transformer
from pipeline.model.engine import Engine, Moved, unwatched
from pipeline.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class Subject:
    """The model under test."""

    model: Transformer
    tokenizer: Tokenizer
    config: EvalsConfig
    moved: Moved = unwatched  # called at each piece of the model's work, for a watchdog

    @property
    def chats(self) -> bool:
        """Whether the model was taught to converse: its tokenizer has the conversation tokens."""
        return self.tokenizer.has_conversation_tokens

    @property
    def engine(self) -> Engine:
        """An engine that generates with the model."""
        return Engine(self.model, moved=self.moved)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the model generated, without its stop token."""

    text: str
    stopped: bool
    log_probability: float = 0.0  # of the whole reply with its stop token, nats


class ScoreRow(TypedDict):
    """A row of storage.schemas.EVALS, without model, stage and seed."""

    suite: str
    task: str
    metric: str
    value: float | None  # None where there was nothing to measure it on, or no such value
    low: float | None  # 95% interval
    high: float | None
    n: int


class SampleRow(TypedDict):
    """A row of storage.schemas.SAMPLES, without the model."""

    suite: str
    prompt: str
    completion: str
    expected: str  # "" where nothing is
    correct: bool | None  # None where nothing is checked


class FactRow(TypedDict):
    """A row of storage.schemas.FACTS: what the sample web's pages teach."""

    entity: str
    kind: str
    attribute: str
    value: str
    frequency: str  # often, once or never
    mentions: int
    prompt: str
    question: str
    asked: bool
    split: str


Item = TypeVar("Item")


@dataclasses.dataclass
class Scores:
    """What a suite found: rows of the evals table and of the samples table."""

    rows: list[ScoreRow] = dataclasses.field(default_factory=list)
    samples: list[SampleRow] = dataclasses.field(default_factory=list)

    def add(
        self,
        suite: str,
        task: str,
        metric: str,
        value: float | None,
        low: float | None,
        high: float | None,
        n: int,
    ) -> None:
        """Add a row.

        Args:
            suite: by whose name people ask for it.
            task: of the suite.
            metric: the unit, or what is counted.
            value: None: there was nothing to measure it on, or there is no such value.
            low: of the 95% interval; None: nothing was drawn.
            high: likewise.
            n: what was drawn.
        """
        self.rows.append(
            {
                "suite": suite,
                "task": task,
                "metric": metric,
                "value": value,
                "low": low,
                "high": high,
                "n": n,
            }
        )

    def share(self, suite: str, task: str, metric: str, marks: Sequence[bool]) -> None:
        """Add a row: the share of successes with its Wilson interval. Without marks, no row."""
        if not marks:
            return
        low, high = wilson(sum(marks), len(marks))
        self.add(suite, task, metric, sum(marks) / len(marks), low, high, len(marks))

    def sample(
        self, suite: str, prompt: str, completion: str, expected: str, correct: bool | None
    ) -> None:
        """Add a prompt and the model's reply, for people to read."""
        self.samples.append(
            {
                "suite": suite,
                "prompt": prompt,
                "completion": completion,
                "expected": expected,
                "correct": correct,
            }
        )


def ask(
    subject: Subject, conversations: Sequence[Sequence[Message]], max_new_tokens: int
) -> list[Reply]:
    """Replies to conversations, each of which ends with the user's turn."""
    prompts = [asked_tokens(messages, subject.tokenizer) for messages in conversations]
    return _generate(subject, prompts, max_new_tokens, reply_stops(subject.tokenizer))


def asked_tokens(messages: Sequence[Message], tokenizer: Tokenizer) -> list[int]:
    """A conversation that ends with the user's turn, as `ask` puts it to a tokenizer's model."""
    if tokenizer.has_conversation_tokens:
        return prompt(messages, tokenizer)
    return [tokenizer.document_token, *tokenizer.encode(f"{messages[-1].content}\n")]


def reply_stops(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens that end a reply in `ask`: the turn's end, or a base model's end of line."""
    if tokenizer.has_conversation_tokens:
        return (tokenizer.special(STOP),)
    return _line_stops(tokenizer)


def ask_questions(subject: Subject, questions: Sequence[str], max_new_tokens: int) -> list[Reply]:
    """`ask` for single questions."""
    return ask(subject, [[user(question)] for question in questions], max_new_tokens)


def fits(subject: Subject, question: str, instruction: str = "") -> bool:
    """Whether a question leaves room in the model's context for an answer.

    Args:
        subject: the model.
        question: of the user.
        instruction: the system message before it, for models that converse; "": none.
    """
    if subject.chats:
        before = [system(instruction)] if instruction else []
        ids = prompt([*before, user(question)], subject.tokenizer)
    else:
        ids = [subject.tokenizer.document_token, *subject.tokenizer.encode(f"{question}\n")]
    return len(ids) < subject.model.config.max_context


def fits_call(subject: Subject, question: str, definitions: tuple[str, ...]) -> bool:
    """Whether a question and what the tools are leave half of the longest reply's tokens, enough
    to call.

    Args:
        subject: the model.
        question: of the user.
        definitions: of the tools.
    """
    stated = Conversation((user(question),), definitions)
    needed = len(prompt(stated, subject.tokenizer)) + subject.config.max_new_tokens // 2
    return fits(subject, question) and needed < subject.model.config.max_context


def complete(
    subject: Subject, texts: Sequence[str], max_new_tokens: int, *, one_line: bool = False
) -> list[Reply]:
    """Continuations of pages; with `one_line` each ends at the end of its line."""
    tokenizer = subject.tokenizer
    stops = _line_stops(tokenizer) if one_line else tuple(sorted(tokenizer.stop_tokens))
    prompts = [[tokenizer.document_token, *tokenizer.encode(text)] for text in texts]
    return _generate(subject, prompts, max_new_tokens, stops)


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items at even distances, so that samples come from every task."""
    if len(items) <= count:
        return list(items)
    return [items[index * len(items) // count] for index in range(count)]


def _line_stops(tokenizer: Tokenizer) -> tuple[int, ...]:
    ends = [id for id, text in enumerate(tokenizer.token_bytes) if b"\n" in text]
    return tuple(sorted([*tokenizer.stop_tokens, *ends]))


def _generate(
    subject: Subject, prompts: list[list[int]], max_new_tokens: int, stops: tuple[int, ...]
) -> list[Reply]:
    config, tokenizer = subject.config, subject.tokenizer
    found = subject.engine.generate(
        prompts,
        max_new_tokens=max_new_tokens,
        temperature=config.temperature,
        stop_tokens=stops,
        seed=config.seed,
    )
    replies = []
    for (completion,) in found:
        tokens = completion.tokens[:-1] if completion.stopped else completion.tokens
        total = math.fsum(completion.logprobs)
        replies.append(Reply(tokenizer.decode(tokens), completion.stopped, total))
    return replies
