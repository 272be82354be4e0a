"""`crawl2chat label`: a labeler's queue in the terminal, and what fills it and is read off it.

The store is one file, by default in the lake's folder; `crawl2chat run labels` makes tables of what
is finished.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.cli.rater_terminal import asking, screen
from flows.labeling_store import store_path
from pipeline.labels.config import LabelsConfig, QueueConfig
from pipeline.labels.finished_work import finished, store_counts
from pipeline.labels.labeling_task import LabelingTask
from pipeline.labels.rater_figures import RaterFigures, Share, figures
from pipeline.labels.task_files import (
    FROM_CONVERSATIONS,
    conversation_tasks,
    read_tasks,
    write_tasks,
)
from pipeline.labels.task_store import opened, tasks_of
from storage import Lake
from storage.errors import UserError


def label(chosen: argparse.Namespace) -> int:
    """Do what is asked for; without an action, label."""
    actions = {"answer": answer, "add": add, "raters": raters, "status": status, "export": export}
    return actions[chosen.action](chosen)


def answer(chosen: argparse.Namespace) -> int:
    """Give tasks to a rater."""
    from flows.cli.labeling_session import work

    if not chosen.rater or chosen.names:
        raise UserError("label: say who you are: --rater NAME")
    with opened(_path(chosen)) as store:
        store.check_rater(chosen.rater)
        done = work(store, chosen.rater, asking(chosen.json), screen(chosen.json))
    if chosen.json:
        output.document(done)
        return 0
    more = "the rest waits for you" if done["left"] else "there is nothing more for you now"
    aside = f", {done['surplus']} kept aside" if done["surplus"] else ""
    print(f"{done['answered']} answered, {done['skipped']} skipped{aside}; {more}.")
    return 0


def add(chosen: argparse.Namespace) -> int:
    """Add tasks: of files, of the lake's conversations, or with a model's answers."""
    if bool(chosen.names) == bool(chosen.conversations):
        raise UserError("label add: name files of tasks, or --conversations N")
    lake = Lake(chosen.lake)
    path, settings = _path(chosen), _settings(chosen.set)
    if settings and path.exists():
        raise UserError(f"{path} is there, with its settings: --set is for a new store")
    batches = _batches(chosen, lake)  # all are read before the store is touched
    left_out: dict[str, int] = {}
    if chosen.model:
        batches = _answered(chosen, lake, batches, left_out)
    totals = dict.fromkeys(("new", "known", "gold", "overlap"), 0)
    with opened(path, create=QueueConfig(**settings)) as store:
        for source, tasks in batches:
            for name, count in store.add(tasks, source)._asdict().items():
                totals[name] += count
    if chosen.json:
        output.document({"store": str(path), **totals, **left_out})
        return 0
    print(
        f"{totals['new']} tasks added to {path} ({totals['gold']} gold, {totals['overlap']} for"
        f" several raters), {totals['known']} were there"
        + "".join(f", {count} prompts {why.replace('_', ' ')}" for why, count in left_out.items())
    )
    return 0


def raters(chosen: argparse.Namespace) -> int:
    """Let people label, and list who may."""
    with opened(_path(chosen)) as store:
        store.add_raters(chosen.names)
        names = store.raters()
    if chosen.json:
        output.document(names)
    else:
        output.said("\n".join(names) or "no raters yet: crawl2chat label raters NAME …")
    return 0


def status(chosen: argparse.Namespace) -> int:
    """Where the store stands, and how far its raters can be trusted."""
    with opened(_path(chosen)) as store:
        counts, rows = store_counts(store), list(finished(store))
    found = figures(rows, LabelsConfig())
    if chosen.json:
        output.document({"counts": counts, **found})
        return 0
    seconds = found["seconds"]
    body = [
        [kind, tasks, tasks - counts["open"][kind], counts["open"][kind], seconds.get(kind)]
        for kind, tasks in counts["tasks"].items()
    ]
    output.rows(["tasks", "all", "answered", "open", "seconds an item"], body)
    print(
        f"{counts['answers']} answers, {counts['skipped']} skipped, {counts['surplus']} kept aside,"
        f" {counts['leased']} in hand; {counts['overlap']} tasks for several raters,"
        f" {counts['gold']} gold"
    )
    head = ["rater", "answers", "seconds an item", "right on gold", "first one won"]
    output.rows(head, [_rater_cells(rater) for rater in found["raters"]])
    agreed = found["agreement"]
    if agreed["alpha"] is None:
        print("agreement: no comparisons by several raters yet, or all have one winner")
    else:
        between = (
            f"{agreed['low']:.2f} to {agreed['high']:.2f}"
            if agreed["low"] is not None
            else "unknown"
        )
        print(
            f"agreement: Krippendorff's alpha {agreed['alpha']:.2f} (95%: {between}),"
            f" {agreed['items']} comparisons, {agreed['answers']} answers"
        )
    return 0


def export(chosen: argparse.Namespace) -> int:
    """Write the tasks as a file that `label add` reads."""
    if len(chosen.names) != 1:
        raise UserError("label export: name one file to write, FILE.jsonl")
    target = Path(chosen.names[0])
    with opened(_path(chosen)) as store:
        count = write_tasks(tasks_of(store), target)
    if chosen.json:
        output.document({"path": str(target), "tasks": count})
    else:
        print(f"{target}: {count} tasks")
    return 0


def _path(chosen: argparse.Namespace) -> Path:
    return store_path(Lake(chosen.lake), chosen.store or "")


def _settings(changes: Sequence[str]) -> dict[str, Any]:
    from flows.config import parse_change

    if not changes:
        return {}
    known = {field.name: field.type for field in dataclasses.fields(QueueConfig)}
    found: dict[str, Any] = {}
    for change in changes:
        key, value = parse_change(change)
        if key not in known:
            raise UserError(f"--set {key}: a labelers' store has {', '.join(known)}")
        whole = known[key] is int
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise UserError(f"--set {key}: {value!r} is no {'whole ' if whole else ''}number")
        found[key] = value
    return found


def _batches(chosen: argparse.Namespace, lake: Lake) -> list[tuple[str, list[LabelingTask]]]:
    """Tasks with where they are from. A model's answers are for bare prompts."""
    kind = "write" if chosen.model else chosen.kind or ""
    if chosen.names:
        return [(Path(name).name, read_tasks(Path(name), kind)) for name in chosen.names]
    digest = lake.heads().get("conversations")
    if digest is None:
        raise UserError(f"no conversations in lake {lake.url} yet: `crawl2chat run sft`")
    table = lake.local("conversations", digest) / "conversations.parquet"
    tasks = conversation_tasks(table, kind or "write", chosen.conversations, chosen.seed)
    return [(f"{FROM_CONVERSATIONS} {digest[:16]}", tasks)]


def _answered(
    chosen: argparse.Namespace,
    lake: Lake,
    batches: Sequence[tuple[str, list[LabelingTask]]],
    left_out: dict[str, int],
) -> list[tuple[str, list[LabelingTask]]]:
    from flows.cli.models import find_model
    from pipeline.export import load
    from pipeline.labels.sampled_answers import AnswerSampling, sampled_tasks

    model, tokenizer = load(find_model(lake, chosen.model))
    sampling = AnswerSampling(chosen.max_tokens, chosen.temperature, chosen.top_k, chosen.seed)
    found = []
    for source, tasks in batches:
        prompts = [task.prompt for task in tasks]
        kind = chosen.kind or "compare"
        sampled = sampled_tasks(model, tokenizer, prompts, kind, sampling)
        found.append((f"{source}, answered by {chosen.model}", sampled.tasks))
        for why, count in (("too_long", sampled.too_long), ("answered_alike", sampled.alike)):
            left_out[why] = left_out.get(why, 0) + count
    return found


def _rater_cells(rater: RaterFigures) -> list[Any]:
    shares = [_share(rater["gold"]), _share(rater["first"])]
    return [rater["rater"], rater["answers"], rater["seconds"], *shares]


def _share(share: Share) -> str:
    if share["share"] is None:
        return ""
    return f"{share['share']:.0%} ({share['low']:.0%} to {share['high']:.0%}) of {share['n']}"
