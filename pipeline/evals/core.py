"""DCLM's CORE: 22 in-context tasks, each accuracy centred on that of guessing, and their mean.

In: task files (arXiv 2406.11794; shots, delimiters and baselines from mlfoundations/dclm's
eval/heavy.yaml and eval/eval_meta_data.csv, version 2, at 361714b). A task without a file gets a
row without a value, and the mean's name says of how many tasks it is: only the mean of all 22 is
DCLM's "Core". The mean's interval takes the questions as a sample and the tasks as fixed.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.evals import icl, icl_files
from pipeline.evals.asking import ScoreRow, Scores, Subject, spread
from pipeline.evals.icl import Answer, IclTask, Kind, Question
from pipeline.intervals import Z, wilson
from pipeline.stage import SILENT, Progress
from storage.errors import UserError

CHOICE: Kind = "multiple_choice"
SCHEMA: Kind = "schema"
TEXT: Kind = "language_modelling"
CONTEXT_CHARACTERS = 300  # of a sample's prompt: its end, where the question is
ANSWER = "\nAnswer: "
TASKS = (
    IclTask("agi_eval_lsat_ar", "agi_eval_lsat_ar", CHOICE, 3, 0.25),
    IclTask("arc_challenge", "arc_challenge", CHOICE, 10, 0.25, ANSWER),
    IclTask("arc_easy", "arc_easy", CHOICE, 10, 0.25, ANSWER),
    IclTask("bigbench_cs_algorithms", "bigbench_cs_algorithms", TEXT, 10, 0.0),
    IclTask("bigbench_dyck_languages", "bigbench_dyck_languages", TEXT, 10, 0.0),
    IclTask(
        "bigbench_language_identification", "bigbench_language_identification", CHOICE, 10, 0.25
    ),
    IclTask("bigbench_operators", "bigbench_operators", TEXT, 10, 0.0),
    IclTask("bigbench_qa_wikidata", "bigbench_qa_wikidata", TEXT, 10, 0.0),
    IclTask("bigbench_repeat_copy_logic", "bigbench_repeat_copy_logic", TEXT, 10, 0.0),
    IclTask("boolq", "boolq", CHOICE, 10, 0.62, ANSWER),
    IclTask("commonsense_qa", "commonsense_qa", CHOICE, 10, 0.403),
    IclTask("copa", "copa", CHOICE, 0, 0.5),
    IclTask("coqa", "coqa", TEXT, 0, 0.0),
    IclTask("hellaswag", "hellaswag", CHOICE, 10, 0.25),
    IclTask("hellaswag_zeroshot", "hellaswag", CHOICE, 0, 0.25),
    IclTask("jeopardy", "jeopardy_all", TEXT, 10, 0.0, ANSWER, by_category=True),
    IclTask("lambada_openai", "lambada_openai", TEXT, 0, 0.0),
    IclTask("openbook_qa", "openbook_qa", CHOICE, 0, 0.25),
    IclTask("piqa", "piqa", CHOICE, 10, 0.5, ANSWER),
    IclTask("squad", "squad", TEXT, 10, 0.0),
    IclTask("winograd", "winograd_wsc", SCHEMA, 0, 0.5),
    IclTask("winogrande", "winogrande", SCHEMA, 0, 0.5),
)


def measure(
    subject: Subject, files: Sequence[Path], scores: Scores, progress: Progress = SILENT
) -> list[str]:
    """Add rows for every task that has a file, and their mean.

    Args:
        subject: the model under test.
        files: the task files.
        scores: gets the rows and samples.
        progress: is told of each task.

    Returns:
        The names of the tasks that have no file.

    Raises:
        UserError: no task has a file, or a row can't be asked.
    """
    config = subject.config
    centred: list[tuple[float, float, int]] = []
    cut: list[bool] = []
    rows_of = read(files)
    missing = [task.name for task in TASKS if task.name not in rows_of]
    for done, task in enumerate(TASKS):
        if task.name not in rows_of:
            continue
        asked = icl.questions(task, rows_of[task.name], config.core_questions)
        progress.update(done, len(TASKS), "tasks", task=task.name)
        found = icl.answers(
            subject.model,
            subject.tokenizer,
            asked,
            document_start=config.document_start,
            moved=subject.moved,
        )
        cut += [answer.cut for answer in found]
        right = [icl.is_right(task, q, a) for q, a in zip(asked, found)]
        accuracy, variance = accuracy_of(asked, right)
        half = Z * math.sqrt(variance)
        low, high = wilson(sum(right), len(right))
        if task.by_category:  # a mean of means: no count of successes
            low, high = max(0.0, accuracy - half), min(1.0, accuracy + half)
        scores.add("core", task.name, "accuracy", accuracy, low, high, len(right))
        value, low, high = (centre(x, task.baseline) for x in (accuracy, low, high))
        scores.add("core", task.name, "centred_accuracy", value, low, high, len(right))
        centred.append((value, variance / (1 - task.baseline) ** 2, len(right)))
        for i in spread(range(len(asked)), config.core_samples):
            _sample(task, asked[i], found[i], right[i], scores)
    for name in missing:
        scores.add("core", name, "centred_accuracy", None, None, None, 0)
    scores.rows.append(_mean(centred))
    scores.share("core", "prompts_cut_to_the_context", "share", cut)
    return missing


def has_any(files: Sequence[Path]) -> bool:
    """Whether one of the files is a task's."""
    return any(icl_files.find(files, task) is not None for task in TASKS)


def read(files: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """The rows of every task that has a file, by the task's name; each row is checked.

    Raises:
        UserError: no task has a file, or a row can't be asked.
    """
    found = {task.name: icl_files.find(files, task) for task in TASKS}
    rows = {t.name: icl_files.read(file, t) for t in TASKS if (file := found[t.name]) is not None}
    if not rows:
        raise UserError(
            "suite core: none of the task files given is one of CORE's"
            f" ({', '.join(dict.fromkeys(task.file for task in TASKS))}; .jsonl or .jsonl.gz)"
        )
    return rows


def centre(accuracy: float, baseline: float) -> float:
    """Accuracy rescaled: 0 is guessing, 1 is all right, worse than guessing is negative."""
    return (accuracy - baseline) / (1 - baseline)


def accuracy_of(asked: Sequence[Question], right: Sequence[bool]) -> tuple[float, float]:
    """The mean of the categories' accuracies, and that mean's variance.

    The variance is Agresti and Coull's (with two right and two wrong answers added), which is not
    zero when none or all are right.
    """
    groups: dict[str, list[bool]] = {}
    for question, ok in zip(asked, right):
        groups.setdefault(question.category, []).append(ok)
    shares, variances = [], []
    for marks in groups.values():
        share = (sum(marks) + 2) / (len(marks) + 4)
        shares.append(sum(marks) / len(marks))
        variances.append(share * (1 - share) / (len(marks) + 4))
    return sum(shares) / len(shares), sum(variances) / len(variances) ** 2


def _mean(centred: Sequence[tuple[float, float, int]]) -> ScoreRow:
    """The row of the mean over all tasks, each its centred accuracy, variance and questions."""
    count = len(centred)
    value = sum(value for value, _, _ in centred) / count
    half = Z * math.sqrt(sum(variance for _, variance, _ in centred)) / count
    return {
        "suite": "core",
        "task": "core" if count == len(TASKS) else f"mean_of_{count}_of_{len(TASKS)}_tasks",
        "metric": "centred_accuracy",
        "value": value,
        "low": value - half,
        "high": value + half,
        "n": sum(n for _, _, n in centred),
    }


def _sample(task: IclTask, question: Question, answer: Answer, right: bool, scores: Scores) -> None:
    """Add the question without its examples, and the choice that scored best."""
    if task.kind == TEXT:
        # Greedy decoding was compared, not carried out: only whether it agrees is known.
        said = question.pairs[0][1] if right else ""
        chosen = question.gold
    else:
        chosen = answer.choice
        said = question.pairs[chosen][1]
    context = question.pairs[chosen][0][-CONTEXT_CHARACTERS:]
    expected = question.pairs[question.gold]
    shown = expected[1] if task.kind != SCHEMA else expected[0][-CONTEXT_CHARACTERS:]
    scores.sample("core", context, said.strip(), shown.strip(), right)
