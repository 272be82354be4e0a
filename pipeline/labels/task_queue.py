"""Who gets which task when: leases, tasks that several raters get, gold items, taking back.

A task that a rater was given is nobody else's until its lease ends or the rater lets go of it. An
answer that comes later still counts if nobody else has answered; else it is kept as `surplus` and
counted, but is no label. `now` is seconds since the epoch everywhere: several processes share the
wall clock and nothing else.
"""

import dataclasses
import sqlite3
from typing import Any

from pipeline.labels.labeling_task import LabelingTask, check_answer
from pipeline.labels.mixing import draw, is_gold_place
from pipeline.labels.task_store import TaskStore, task_from
from storage.errors import UserError

# The rater's own next ordinary task: open, never given to them, and with a place that no other's
# answer or running lease has taken.
_NEXT = """
    SELECT id, kind, body FROM tasks t
    WHERE gold = 0 AND done < raters
        AND NOT EXISTS (SELECT 1 FROM work w WHERE w.task = t.id AND w.rater = :rater)
        AND done + (SELECT count(*) FROM work w
            WHERE w.task = t.id AND w.state = 'leased' AND w.until > :now) < raters
    ORDER BY place LIMIT 1
"""


@dataclasses.dataclass(frozen=True)
class Assignment:
    """A task in a rater's hands. It doesn't say whether it is a gold one."""

    task: LabelingTask  # without what is expected
    swapped: bool  # of two answers b is shown first: half of the raters see either order
    until: float  # seconds since the epoch
    earlier: str | None = None  # the rater's own answer, where they came back to it

    def shown(self) -> tuple[str, ...]:
        """The answers in the order in which they are shown."""
        return self.task.answers[::-1] if self.swapped else self.task.answers

    def winner(self, choice: str) -> str:
        """`first`, `tie` or `second`, as shown, as the winner: a, tie or b."""
        if choice == "tie":
            return "tie"
        return "b" if (choice == "second") != self.swapped else "a"


def take(store: TaskStore, rater: str, now: float) -> Assignment | None:
    """What the rater works on next: what they came back to, what they had begun, or a new task.

    Args:
        store: an open one.
        rater: a name that it knows.
        now: seconds since the epoch.

    Returns:
        None: there is nothing for this rater (all is done, skipped, or in others' hands).
    """
    store.check_rater(rater)
    until = now + store.config.lease_seconds
    with store.step() as connection:
        current = _current(connection, rater)
        if current is not None:
            task, state, answer = current
            if state != "leased" or _has_place(connection, task, rater, now):
                connection.execute(
                    "UPDATE work SET given = ?, until = ? WHERE task = ? AND rater = ?",
                    (now, until, task, rater),
                )
                return _assignment(store, connection, task, rater, until, answer)
            _set_state(connection, task, rater, "lost")
        chosen = _choose(store, connection, rater, now)
        if chosen is None:
            return None
        connection.execute(
            "INSERT INTO work (task, rater, turn, kind, state, given, until)"
            " SELECT id, :rater,"
            " (SELECT coalesce(max(turn), 0) + 1 FROM work WHERE rater = :rater),"
            " kind, 'leased', :now, :until FROM tasks WHERE id = :task",
            {"task": chosen, "rater": rater, "now": now, "until": until},
        )
        return _assignment(store, connection, chosen, rater, until, None)


def held(store: TaskStore, rater: str, task: str) -> Assignment:
    """A task that is in a rater's hands, as they were shown it; nothing changes.

    Raises:
        UserError: they weren't given it, or have answered or skipped it.
    """
    with store.step() as connection:
        given = _given(connection, rater, task)
        _check_in_hand(given, task)
        until, earlier = given["until"], given["answer"]
        return _assignment(store, connection, task, rater, until, earlier)


def finish(store: TaskStore, rater: str, task: str, answer: str, now: float) -> bool:
    """Store an answer: of two raters who finish at once, one comes first.

    Args:
        store: an open one.
        rater: who was given the task.
        task: its id.
        answer: a text, or the winner (a, tie, b).
        now: seconds since the epoch.

    Returns:
        Whether it counts. An answer after the lease's end counts unless others have answered by
        then; one that doesn't is kept as surplus.

    Raises:
        UserError: the answer can't be one, or the rater wasn't given the task or has answered it.
    """
    with store.step() as connection:
        given = _given(connection, rater, task)
        _check_in_hand(given, task)
        answer = check_answer(task_from(given["body"], f"task {task}"), answer)
        state = given["state"]
        if state != "done":
            open_place = given["gold"] or given["done"] < given["raters"]
            state = "done" if open_place else "surplus"
            if state == "done":
                connection.execute("UPDATE tasks SET done = done + 1 WHERE id = ?", (task,))
        spent = now - given["given"]
        # Beyond the lease nobody knows how much of it was work; a clock set back says nothing.
        known = 0 <= spent <= store.config.lease_seconds
        if given["reopened"]:
            known, spent = known and given["seconds"] is not None, spent + (given["seconds"] or 0)
        connection.execute(
            "UPDATE work SET state = ?, reopened = 0, answer = ?, seconds = ?, finished = ?"
            " WHERE task = ? AND rater = ?",
            (state, answer, round(spent, 3) if known else None, now, task, rater),
        )
        return state == "done"


def skip(store: TaskStore, rater: str, task: str, now: float) -> None:
    """Leave a task to others for good; an earlier answer to it is withdrawn."""
    with store.step() as connection:
        given = _given(connection, rater, task)
        if given["state"] == "done":
            connection.execute("UPDATE tasks SET done = done - 1 WHERE id = ?", (task,))
        connection.execute(
            "UPDATE work SET state = 'skipped', reopened = 0, answer = NULL, seconds = NULL,"
            " finished = ? WHERE task = ? AND rater = ?",
            (now, task, rater),
        )


def back(store: TaskStore, rater: str, now: float) -> bool:
    """Come back to the task before the one in hand; `take` then gives it, with its answer.

    The earlier answer stands until another one takes its place.

    Returns:
        Whether there is one to come back to.
    """
    until = now + store.config.lease_seconds
    with store.step() as connection:
        current = _current(connection, rater)
        turn = 1 << 62
        if current is not None:
            (turn,) = connection.execute(
                "SELECT turn FROM work WHERE task = ? AND rater = ?", (current[0], rater)
            ).fetchone()
        before = connection.execute(
            "SELECT task, state FROM work WHERE rater = ? AND turn < ?"
            " AND state IN ('done', 'surplus', 'skipped') ORDER BY turn DESC",
            (rater, turn),
        ).fetchall()
        for task, state in before:
            if state == "skipped" and not _has_place(connection, task, rater, now):
                continue  # somebody else has it by now
            _let_go(connection, rater)
            connection.execute(
                "UPDATE work SET reopened = state <> 'skipped', given = :now, until = :until,"
                " state = iif(state = 'skipped', 'leased', state)"
                " WHERE task = :task AND rater = :rater",
                {"now": now, "until": until, "task": task, "rater": rater},
            )
            return True
        return False


def release(store: TaskStore, rater: str) -> None:
    """Let go of what is in the rater's hands: others may have it at once, answers stand."""
    with store.step() as connection:
        _let_go(connection, rater)


def _choose(store: TaskStore, connection: sqlite3.Connection, rater: str, now: float) -> str | None:
    """A task that the rater hasn't seen. Gold items come at their places, of the same kind."""
    found = connection.execute(_NEXT, {"rater": rater, "now": now}).fetchone()
    if found is None:
        return None
    task, kind, _ = found
    assert isinstance(task, str)
    config = store.config
    (place,) = connection.execute(
        "SELECT count(*) FROM work WHERE rater = ? AND kind = ?", (rater, kind)
    ).fetchone()
    if not is_gold_place(place, config.gold_share, config.seed, rater, kind):
        return task
    gold = connection.execute(
        "SELECT id FROM tasks t WHERE gold = 1 AND kind = ?"
        " AND NOT EXISTS (SELECT 1 FROM work w WHERE w.task = t.id AND w.rater = ?)",
        (kind, rater),
    ).fetchall()
    unseen: list[str] = [name for (name,) in gold]
    if not unseen:  # the place is lost: to make up for it later would put many in a row
        return task
    return min(unseen, key=lambda name: draw(config.seed, "which", rater, name))


def _current(connection: sqlite3.Connection, rater: str) -> tuple[str, str, str | None] | None:
    """What is in the rater's hands: its id, state and earlier answer."""
    found: tuple[str, str, str | None] | None = connection.execute(
        "SELECT task, state, answer FROM work"
        " WHERE rater = ? AND (state = 'leased' OR reopened = 1) ORDER BY reopened DESC LIMIT 1",
        (rater,),
    ).fetchone()
    return found


def _has_place(connection: sqlite3.Connection, task: str, rater: str, now: float) -> bool:
    """Whether others' answers and running leases leave one to this rater."""
    (has,) = connection.execute(
        "SELECT gold = 1 OR done + (SELECT count(*) FROM work w WHERE w.task = t.id"
        " AND w.rater <> :rater AND w.state = 'leased' AND w.until > :now) < raters"
        " FROM tasks t WHERE id = :task",
        {"task": task, "rater": rater, "now": now},
    ).fetchone()
    return bool(has)


def _given(connection: sqlite3.Connection, rater: str, task: str) -> dict[str, Any]:
    """The row of a task that the rater was given, with the task's own columns."""
    of_work = ("state", "reopened", "given", "until", "seconds", "answer")
    names = (*of_work, "gold", "done", "raters", "body")
    found = connection.execute(
        f"SELECT {', '.join(names)} FROM work JOIN tasks ON id = task WHERE task = ? AND rater = ?",
        (task, rater),
    ).fetchone()
    if found is None:
        raise UserError(f"task {task} was not given to {rater!r}")
    return dict(zip(names, found))


def _check_in_hand(given: dict[str, Any], task: str) -> None:
    if given["state"] not in ("leased", "lost") and not given["reopened"]:
        raise UserError(f"task {task} is {given['state']} already: go back to it to change it")


def _set_state(connection: sqlite3.Connection, task: str, rater: str, state: str) -> None:
    connection.execute(
        "UPDATE work SET state = ? WHERE task = ? AND rater = ?", (state, task, rater)
    )


def _let_go(connection: sqlite3.Connection, rater: str) -> None:
    connection.execute("UPDATE work SET reopened = 0 WHERE rater = ?", (rater,))
    connection.execute("DELETE FROM work WHERE rater = ? AND state = 'leased'", (rater,))


def _assignment(
    store: TaskStore,
    connection: sqlite3.Connection,
    task: str,
    rater: str,
    until: float,
    earlier: str | None,
) -> Assignment:
    (body,) = connection.execute("SELECT body FROM tasks WHERE id = ?", (task,)).fetchone()
    whole = dataclasses.replace(task_from(body, f"task {task}"), expected=())
    return Assignment(whole, is_swapped(store, task, rater), until, earlier)


def is_swapped(store: TaskStore, task: str, rater: str) -> bool:
    """Whether this rater sees a comparison's second answer first."""
    return draw(store.config.seed, "first", rater, task) < 0.5
