"""Several processes at one queue: no task twice within its lease, none lost, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from labeling import PLAIN, check_counts, states, store_with, written
from patience import PATIENCE_SECONDS, eventually

from pipeline.labels.labeling_task import LabelingTask
from pipeline.labels.task_queue import finish, take
from pipeline.labels.task_store import opened

# Takes and finishes until nothing is left; says each task when it has it and when it lets go of it,
# by a clock that all processes of a machine share. Some tasks are skipped, some let go of. After
# its first task each waits for a line, or one alone might have done them all.
WORKER = """
import json, random, sys, time
from pathlib import Path
from pipeline.labels.task_queue import back, finish, release, skip, take
from pipeline.labels.task_store import opened

path, rater = Path(sys.argv[1]), sys.argv[2]
chance = random.Random(rater)
with opened(path) as store:
    print(json.dumps("ready"), flush=True)
    begun = not sys.stdin.readline()
    while (given := take(store, rater, time.time())) is not None:
        task, has = given.task.id, time.monotonic()
        lets_go, counts = time.monotonic(), False
        what = chance.random()
        if what < 0.1:
            release(store, rater)
        else:
            counts = finish(store, rater, task, rater, time.time())
        print(json.dumps([task, rater, has, lets_go, counts]), flush=True)
        if not begun:
            begun = bool(sys.stdin.readline())
"""


def start(path: Path, rater: str, program: str = WORKER) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path), rater],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def said(worker: subprocess.Popen[str]) -> Any:
    assert worker.stdout is not None
    return json.loads(worker.stdout.readline())


def test_processes_at_one_queue_share_every_task_once(tmp_path: Path) -> None:
    path, names = tmp_path / "s", ["a", "b", "c"]
    tasks = [written(n) for n in range(150)]
    config: dict[str, Any] = {
        "lease_seconds": 10 * PATIENCE_SECONDS,
        "overlap_share": 0.2,
        "overlap_raters": 2,
    }
    with store_with(path, tasks, names, **config):
        pass
    workers = [start(path, name) for name in names]
    for worker in workers:
        assert said(worker) == "ready"
    for worker in workers:
        go(worker)
    held: list[list[Any]] = [said(worker) for worker in workers]
    for worker in workers:
        go(worker)
    for worker in workers:
        text, _ = worker.communicate(timeout=PATIENCE_SECONDS)
        assert worker.returncode == 0
        held += [json.loads(line) for line in text.splitlines()]
    with opened(path) as store:
        wanted = dict(store.connection.execute("SELECT id, raters FROM tasks").fetchall())
        check_counts(store)
        assert all(
            [*states(store, task).values()].count("done") == raters
            for task, raters in wanted.items()
        )
    finished = Counter(task for task, _, _, _, counts in held if counts)
    assert finished == wanted
    assert len({rater for _, rater, *_ in held}) == 3
    for task, raters in wanted.items():
        # Whoever had it: at no moment more than were to get it, those who are done among them.
        spans = sorted((has, goes, counts) for name, _, has, goes, counts in held if name == task)
        for at, _, _ in spans:
            now = [s for s in spans if s[0] <= at and (s[2] or s[1] >= at)]
            assert len(now) <= raters, (task, spans)


# Two who have the same task (the first one's lease was over) finish it at the same moment.
FINISHER = """
import json, sys, time
from pathlib import Path
from pipeline.labels.task_queue import finish
from pipeline.labels.task_store import opened

path, rater = Path(sys.argv[1]), sys.argv[2]
with opened(path) as store:
    tasks = [task for (task,) in store.connection.execute("SELECT id FROM tasks ORDER BY place")]
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    counts = [finish(store, rater, task, rater, time.time()) for task in tasks]
    print(json.dumps(counts), flush=True)
"""


def test_of_two_who_finish_at_once_one_counts(tmp_path: Path) -> None:
    path, tasks = tmp_path / "s", [written(n) for n in range(60)]
    with store_with(path, tasks) as store, store.step() as connection:
        for turn, task in enumerate(tasks):  # both were given all of them
            connection.executemany(
                "INSERT INTO work (task, rater, turn, kind, state, given, until)"
                " VALUES (?, ?, ?, 'write', 'leased', 0, 0)",
                [(task.id, "mara", turn), (task.id, "tom", turn)],
            )
    workers = [start(path, name, FINISHER) for name in ("mara", "tom")]
    for worker in workers:
        assert said(worker) == "ready"
    for worker in workers:
        go(worker)
    mara, tom = (said(worker) for worker in workers)
    assert [worker.wait(PATIENCE_SECONDS) for worker in workers] == [0, 0]
    assert [a + b for a, b in zip(mara, tom)] == [1] * len(tasks)
    with opened(path) as store:
        check_counts(store)
        for task, first in zip(tasks, mara):
            names = ("mara", "tom") if first else ("tom", "mara")
            assert states(store, task.id) == {names[0]: "done", names[1]: "surplus"}


# Dies at the n-th write of a transaction, which then is in the file by half, or waits to begin.
KILLED = """
import json, os, signal, sqlite3, sys
from pathlib import Path
from pipeline.labels.task_queue import finish, take
from pipeline.labels.task_store import opened

path, last = Path(sys.argv[1]), int(sys.argv[2])
with opened(path) as store:
    given = take(store, "mara", 0.0)
    steps = 0
    def step(statement):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
    store.connection.set_trace_callback(step)
    finish(store, "mara", given.task.id, "x", 1.0)
    print(json.dumps("saved"), flush=True)
"""


def test_a_kill_at_any_statement_of_an_answer_leaves_it_whole_or_away(tmp_path: Path) -> None:
    outcomes = []
    for last in range(1, 20):
        path = tmp_path / f"{last}"
        with store_with(path, [written(1), written(2)]):
            pass
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(last)], capture_output=True, text=True
        )
        with opened(path) as store:
            found = states(store, written(1).id)
            check_counts(store)
            assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if done.returncode == 0:
                assert found == {"mara": "done"}
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            outcomes.append(found["mara"])
            # Its lease still runs; then others have it.
            if found["mara"] == "leased":
                second, later = (take(store, "tom", PLAIN.lease_seconds * n) for n in (0.5, 9))
                assert second is not None
                assert later is not None
                assert (second.task, later.task) == (written(2), written(2))
                assert finish(store, "tom", written(2).id, "x", PLAIN.lease_seconds * 9)
                third = take(store, "tom", PLAIN.lease_seconds * 9)
                assert third is not None
                assert third.task == written(1)
    else:
        raise AssertionError("it never ended by itself")
    assert "leased" in outcomes
    assert len(outcomes) >= 4


HOLDER = """
import json, sys, time
from pathlib import Path
from pipeline.labels.task_store import opened

with opened(Path(sys.argv[1])) as store, store.step() as connection:
    connection.execute("DELETE FROM work")
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
"""


def test_a_killed_process_in_the_middle_of_a_step_frees_the_store(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with store_with(path, [written(1)]) as store:
        take(store, "mara", 0)
    holder = start(path, "mara", HOLDER)
    assert said(holder) == "ready"
    os.kill(holder.pid, signal.SIGKILL)
    eventually(lambda: holder.poll() is not None)
    with opened(path) as store:
        assert states(store, written(1).id) == {"mara": "leased"}
        second = take(store, "tom", time.time())
        assert second is not None
        assert isinstance(second.task, LabelingTask)
