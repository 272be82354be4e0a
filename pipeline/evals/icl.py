"""In-context questions: rows of a task become (context, continuation) pairs, scored by the model.

The formats, the few-shot prompts and what counts as right are those of DCLM's evaluation, which
runs llm-foundry's: examples joined by a newline, a choice's score is the *mean* log-probability of
its tokens, a continuation is right if greedy decoding gives exactly it. Two deviations: text is
tokenized whole and cut at the context's end (lm-evaluation-harness's rule, so that
log-probabilities equal its own), and a question's examples depend on its number alone (nanochat's
rule), not on how many were drawn before.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pipeline.model import Transformer
from pipeline.model.engine import Moved, unwatched
from pipeline.model.scoring import score
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

Kind = Literal["multiple_choice", "schema", "language_modelling"]
ORDER_SEED = 1337  # of the questions: which ones a limit takes
EXAMPLES_SEED = 1234  # plus the question's number: its examples


@dataclasses.dataclass(frozen=True)
class IclTask:
    """One task: its file, how rows become prompts, and the accuracy of guessing."""

    name: str
    file: str  # without .jsonl or .jsonl.gz
    kind: Kind
    shots: int
    baseline: float  # accuracy of guessing, 0..1
    delimiter: str = " "  # between question and answer
    separator: str = "\n"  # between examples
    by_category: bool = False  # examples of the row's own category; accuracy = mean over categories


@dataclasses.dataclass(frozen=True)
class Question:
    """(context, continuation) pairs to score."""

    pairs: tuple[tuple[str, str], ...]  # one a choice; a single one for language modelling
    gold: int  # the index of the right pair
    category: str


@dataclasses.dataclass(frozen=True)
class Answer:
    """The model's scores of a question's pairs."""

    log_probabilities: tuple[float, ...]  # of the whole continuation, nats
    tokens: tuple[int, ...]  # of each continuation
    greedy: tuple[bool, ...]  # whether greedy decoding gives exactly it
    cut: bool = False  # the prompt was longer than the model's context and lost its beginning

    @property
    def choice(self) -> int:
        """The index of the pair with the best mean log-probability a token, the first of equals."""
        means = [total / count for total, count in zip(self.log_probabilities, self.tokens)]
        return means.index(max(means))


def questions(task: IclTask, rows: Sequence[Mapping[str, Any]], limit: int = 0) -> list[Question]:
    """Rows as questions with their examples, in random order; at most `limit`, 0 = all."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    drawn = shuffled(rows)
    for row in drawn[:limit] if limit else drawn:
        groups.setdefault(row.get("category", "") if task.by_category else "", []).append(row)
    return [
        _question(task, group, number, category)
        for category, group in groups.items()
        for number in range(len(group))
    ]


def shuffled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows in random order (seed ORDER_SEED), their texts stripped of white space."""
    drawn = [
        {key: value.strip() if isinstance(value, str) else value for key, value in row.items()}
        for row in rows
    ]
    random.Random(ORDER_SEED).shuffle(drawn)
    return drawn


def examples(rows: int, number: int, shots: int) -> list[int]:
    """Indices of the rows that are shown as examples before a question.

    Args:
        rows: how many there are.
        number: the question's index.
        shots: how many examples are wanted; fewer are returned if there are no more rows.
    """
    others = [row for row in range(rows) if row != number]
    return random.Random(EXAMPLES_SEED + number).sample(others, min(shots, len(others)))


def answers(
    model: Transformer,
    tokenizer: Tokenizer,
    asked: Sequence[Question],
    *,
    document_start: bool = True,
    tokens_per_batch: int = 8192,
    moved: Moved = unwatched,
) -> list[Answer]:
    """Score all questions at once, so that batches are full and what they share is read once.

    Args:
        model: the model.
        tokenizer: the model's.
        asked: the questions.
        document_start: whether prompts begin with the document token.
        tokens_per_batch: read at once.
        moved: called at each batch.
    """
    pairs = [pair for question in asked for pair in question.pairs]
    start = [tokenizer.document_token] if document_start else []
    contexts, continuations = encode_pairs(tokenizer, pairs, start)
    cut, at = [], 0
    for question in asked:
        these = range(at, at + len(question.pairs))
        cut.append(_crop(contexts, continuations, these, model.config.max_context))
        at += len(question.pairs)
    scored = score(model, contexts, continuations, tokens_per_batch=tokens_per_batch, moved=moved)
    found, at = [], 0
    for question, was_cut in zip(asked, cut):
        part = scored[at : at + len(question.pairs)]
        lengths = [len(ids) for ids in continuations[at : at + len(question.pairs)]]
        at += len(question.pairs)
        totals, greedy = tuple(total for total, _ in part), tuple(same for _, same in part)
        found.append(Answer(totals, tuple(lengths), greedy, was_cut))
    return found


def is_right(task: IclTask, question: Question, answer: Answer) -> bool:
    """Whether an answer is right by DCLM's rules."""
    if task.kind == "language_modelling":
        return answer.greedy[question.gold]
    return answer.choice == question.gold


def encode_pairs(
    tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], start: list[int]
) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of contexts and of continuations, by lm-evaluation-harness's rule.

    White space at a context's end goes to the continuation, where a word's space belongs; both are
    encoded together and cut where the context alone would end.

    Args:
        tokenizer: the model's.
        pairs: contexts and continuations.
        start: token ids in front of every context.

    Raises:
        UserError: a context is empty and so is `start`.
    """
    stripped = []
    for context, continuation in pairs:
        stem = context.rstrip()
        stripped.append((stem, context[len(stem) :] + continuation))
    stems = list(dict.fromkeys(stem for stem, _ in stripped))
    alone = dict(zip(stems, tokenizer.encode_batch(stems)))
    whole = tokenizer.encode_batch([stem + continuation for stem, continuation in stripped])
    contexts: list[list[int]] = []
    continuations: list[list[int]] = []
    for (stem, continuation), ids in zip(stripped, whole):
        contexts.append([*start, *alone[stem]])
        if not contexts[-1]:
            raise UserError("a question without context needs evals.document_start=true")
        # If both merge into one token, nothing would be left to score: take its own tokens.
        continuations.append(ids[len(alone[stem]) :] or tokenizer.encode(continuation))
    return contexts, continuations


def _crop(
    contexts: list[list[int]], continuations: list[list[int]], these: range, max_context: int
) -> bool:
    """Cut a question's contexts on the left, all by as much as the longest pair needs.

    The last token of a continuation is predicted and never read, so it needs no room. A
    continuation that is still too long is scored by its last tokens.

    Returns:
        Whether anything was cut.
    """
    room = max_context + 1
    too_many = max(len(contexts[i]) + len(continuations[i]) for i in these) - room
    if too_many <= 0:
        return False
    for i in these:
        contexts[i] = contexts[i][min(too_many, len(contexts[i]) - 1) :]
        continuations[i] = continuations[i][-(room - len(contexts[i])) :]
    return True


def _question(
    task: IclTask, rows: Sequence[Mapping[str, Any]], number: int, category: str
) -> Question:
    shown = [_example(task, rows[i]) for i in examples(len(rows), number, task.shots)]
    row = rows[number]
    before = "".join(example + task.separator for example in shown)
    if task.kind == "schema":
        pairs = [
            (f"{before}{option}{task.delimiter}", row["continuation"])
            for option in row["context_options"]
        ]
    elif task.kind == "multiple_choice":
        pairs = [(f"{before}{row['query']}{task.delimiter}", choice) for choice in row["choices"]]
    else:
        pairs = [(f"{before}{row['context']}{task.delimiter}", row["continuation"])]
    # The delimiter's space goes to the answer; without a delimiter the answer gets one as well.
    spaced = tuple((context.rstrip(), f" {answer.lstrip(' ')}") for context, answer in pairs)
    return Question(spaced, int(row.get("gold", 0)), category)


def _example(task: IclTask, row: Mapping[str, Any]) -> str:
    """A row with its right answer, as an example."""
    if task.kind == "schema":
        question, answer = row["context_options"][row["gold"]], row["continuation"]
    elif task.kind == "multiple_choice":
        question, answer = row["query"], row["choices"][row["gold"]]
    else:
        question, answer = row["context"], row["continuation"]
    return f"{question}{task.delimiter}{answer}"
