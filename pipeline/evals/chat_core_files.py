"""nanochat's ChatCORE: ARC-Easy, ARC-Challenge, MMLU, GSM8K and HumanEval, as far as files exist.

In: task files (llm-foundry's rows for ARC and MMLU, Hugging Face's for MMLU too, OpenAI's for
GSM8K) and a model that converses. Out: each task's accuracy and its mean, centred on chance, named
by the list of its tasks: only the mean of all five is nanochat's "ChatCORE". Choices are shown
before their letters, and the answer is the letter with the highest logit of those shown, as in
karpathy/nanochat (tasks/common.py at 0fb04c8). A reply to GSM8K is right if it ended by itself and
its last number is the answer's (nanochat looks for the number after "####"). HumanEval would run
code that a model wrote: it is left out until there is a sandbox for it.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import prompt, user
from pipeline.curriculum import numerals
from pipeline.evals import icl_files
from pipeline.evals.asking import Scores, Subject, ask_questions, fits, spread
from pipeline.evals.chat_core import add_mean
from pipeline.evals.core import accuracy_of, centre
from pipeline.evals.icl import IclTask, Question, shuffled
from pipeline.intervals import Z, wilson
from pipeline.model.scoring import score
from storage.errors import UserError

SUITE = "chat_core"
METRIC = "nanochat_chat_core"
LETTERS = "ABCDEFGHIJ"
# By nanochat's names; files as llm-foundry or their authors call them.
CHOICES = (
    IclTask("arc_easy", "arc_easy", "multiple_choice", 0, 0.25),
    IclTask("arc_challenge", "arc_challenge", "multiple_choice", 0, 0.25),
    IclTask("mmlu", "mmlu", "multiple_choice", 0, 0.25),
)
GSM8K = IclTask("gsm8k", "gsm8k", "language_modelling", 0, 0.0)
WITHOUT_SANDBOX = "humaneval"
NAMES = (*(task.name for task in CHOICES), GSM8K.name, WITHOUT_SANDBOX)
MOST_TOKENS = 512  # of a reply to GSM8K, as nanochat's
SAMPLES = 2  # rows of samples.parquet for each task


@dataclasses.dataclass(frozen=True)
class Problem:
    """A question with choices, or one whose answer is a number."""

    question: str
    choices: tuple[str, ...]  # none: the answer is a number
    answer: str  # a letter, or a number


def has_any(files: Sequence[Path]) -> bool:
    """Whether one of the files is a task's."""
    return any(icl_files.find(files, task) is not None for task in (*CHOICES, GSM8K))


def read(files: Sequence[Path]) -> dict[str, list[Problem]]:
    """The problems of every task that has a file, in random order; each row is checked.

    Raises:
        UserError: a row can't be asked.
    """
    found: dict[str, list[Problem]] = {}
    for task in CHOICES:
        file = icl_files.find(files, task)
        if file is not None:
            rows = shuffled(icl_files.read(file, task))
            found[task.name] = [_choice(row, file) for row in rows]
    file = icl_files.find(files, GSM8K)
    if file is not None:
        found[GSM8K.name] = [_sum(row, file) for row in shuffled(icl_files.objects(file, GSM8K))]
    return found


def measure(subject: Subject, files: Sequence[Path], scores: Scores) -> list[str]:
    """Add rows for every task that has a file, and their mean.

    Args:
        subject: the model under test; without conversation tokens it is asked nothing.
        files: the task files.
        scores: gets the rows and samples.

    Returns:
        The names of the tasks that were not asked.
    """
    if not subject.chats:
        return []
    limit = subject.config.core_questions
    found = read(files)
    each: dict[str, tuple[float, float]] = {}
    sizes: dict[str, int] = {}
    for name, problems in found.items():
        asked = problems[:limit] if limit else problems
        reply = letters if name != GSM8K.name else numbers
        said = reply(subject, asked, name, scores)
        right = [_is_right(problem, text) for problem, text in zip(asked, said)]
        chance = next((task.baseline for task in CHOICES if task.name == name), GSM8K.baseline)
        accuracy, variance = accuracy_of([Question((), 0, "")] * len(right), right)
        low, high = wilson(sum(right), len(right))
        scores.add(SUITE, name, "accuracy", accuracy, low, high, len(right))
        value, half = centre(accuracy, chance), Z * math.sqrt(variance) / (1 - chance)
        low, high = value - half, min(1.0, value + half)
        scores.add(SUITE, name, "centred_score", value, low, high, len(right))
        each[name], sizes[name] = (value, variance / (1 - chance) ** 2), len(right)
        for i in spread(range(len(asked)), SAMPLES):
            scores.sample(SUITE, shown(asked[i]), said[i], asked[i].answer, right[i])
    missing = [name for name in NAMES if name not in found]
    for name in missing if found else ():
        scores.add(SUITE, name, "centred_score", None, None, None, 0)
    if each:
        add_mean(scores, SUITE, each, sizes, METRIC)
    return missing


def shown(problem: Problem) -> str:
    """A problem as the user's turn: the letter after its choice, without a space between."""
    if not problem.choices:
        return problem.question
    lines = "".join(f"- {text}={letter}\n" for text, letter in zip(problem.choices, LETTERS))
    asked = f"Multiple Choice question: {problem.question}\n{lines}"
    return f"{asked}\nRespond only with the letter of the correct answer."


def letters(subject: Subject, problems: Sequence[Problem], name: str, scores: Scores) -> list[str]:
    """For each problem the letter that is likeliest as the reply's beginning.

    A prompt that is longer than the model's context loses its beginning.
    """
    tokenizer = subject.tokenizer
    ids = {letter: tokenizer.encode(letter) for letter in LETTERS}
    contexts: list[list[int]] = []
    continuations: list[list[int]] = []
    for problem in problems:
        asked = prompt([user(shown(problem))], tokenizer)
        for letter, _ in zip(LETTERS, problem.choices):
            contexts.append(asked)
            continuations.append(ids[letter])
    room = subject.model.config.max_context
    cut = [len(asked) > room for asked in contexts]
    scores.share(SUITE, f"{name}_cut_to_the_context", "share", cut)
    found = score(subject.model, contexts, continuations, moved=subject.moved)
    chosen, at = [], 0
    for problem in problems:
        part = [total for total, _ in found[at : at + len(problem.choices)]]
        chosen.append(LETTERS[part.index(max(part))])
        at += len(part)
    return chosen


def numbers(subject: Subject, problems: Sequence[Problem], name: str, scores: Scores) -> list[str]:
    """Replies to problems; "" where a reply didn't end or the problem doesn't fit the context."""
    fitting = [fits(subject, problem.question) for problem in problems]
    questions = [problem.question for problem, ok in zip(problems, fitting) if ok]
    replies = iter(ask_questions(subject, questions, MOST_TOKENS))
    scores.share(SUITE, f"{name}_too_long_for_the_context", "share", [not ok for ok in fitting])
    said = [next(replies) if ok else None for ok in fitting]
    return [reply.text if reply is not None and reply.stopped else "" for reply in said]


def _is_right(problem: Problem, said: str) -> bool:
    if problem.choices:
        return said == problem.answer
    return numerals.last(said) == numerals.whole(problem.answer)


def _choice(row: Mapping[str, Any], file: Path) -> Problem:
    choices = tuple(row["choices"])
    if len(choices) > len(LETTERS):
        raise UserError(f"{file}: a question has {len(choices)} choices, at most {len(LETTERS)}")
    question = re.sub(r"\AQuestion:\s*", "", row["query"])
    return Problem(question, choices, LETTERS[row["gold"]])


def _sum(row: Mapping[str, Any], file: Path) -> Problem:
    question, worked = row.get("question"), row.get("answer")
    if not isinstance(question, str) or not isinstance(worked, str) or "####" not in worked:
        raise UserError(f"{file}: a GSM8K row needs 'question' and 'answer' with #### before it")
    answer = worked.rpartition("####")[2].strip()
    if numerals.whole(answer) is None:
        raise UserError(f"{file}: a GSM8K answer is {answer!r}, and no number")
    return Problem(question, (), answer)
