"""The queue's rules one by one, and all of them at once under random use."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labeling import PLAIN, check_counts, compared, states, store_with, written

from pipeline.labels.config import QueueConfig
from pipeline.labels.labeling_task import LabelingTask
from pipeline.labels.task_queue import back, finish, release, skip, take
from pipeline.labels.task_store import TaskStore
from storage.errors import UserError

LEASE = PLAIN.lease_seconds


def taken(store: TaskStore, rater: str, now: float) -> LabelingTask:
    given = take(store, rater, now)
    assert given is not None
    return given.task


def test_tasks_come_in_their_order_and_are_nobody_elses(tmp_path: Path) -> None:
    tasks = [written(n) for n in range(3)]
    with store_with(tmp_path / "s", tasks, raters=["mara", "tom", "eve", "zoe"]) as store:
        assert [taken(store, rater, 0) for rater in ("mara", "tom", "eve")] == tasks
        assert take(store, "zoe", LEASE - 1) is None
        assert taken(store, "zoe", LEASE) == tasks[0]  # mara's lease is over
        with pytest.raises(UserError, match="no rater 'bob'"):
            take(store, "bob", 0)


def test_what_was_begun_comes_again_with_a_new_lease(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(n) for n in range(2)]) as store:
        assert taken(store, "mara", 0) == written(0)
        assert taken(store, "mara", LEASE - 1) == written(0)
        assert taken(store, "tom", LEASE + 1) == written(1)
        assert taken(store, "mara", 5 * LEASE) == written(0)  # over, but nobody took it
        assert taken(store, "tom", 9 * LEASE) == written(1)
        assert finish(store, "tom", written(1).id, "x", 9 * LEASE)
        assert taken(store, "tom", 9 * LEASE) == written(0)
        assert take(store, "mara", 9 * LEASE) is None  # taken meanwhile
        assert states(store, written(0).id) == {"mara": "lost", "tom": "leased"}


def test_a_late_answer_counts_unless_somebody_else_has_answered(tmp_path: Path) -> None:
    one, two = written(1).id, written(2).id
    with store_with(tmp_path / "s", [written(1), written(2)]) as store:
        taken(store, "mara", 0)
        assert taken(store, "tom", LEASE + 1) == written(1)
        assert finish(store, "mara", one, "late", LEASE + 2)
        assert not finish(store, "tom", one, "second", LEASE + 3)
        assert states(store, one) == {"mara": "done", "tom": "surplus"}
        row = "SELECT seconds FROM work WHERE task = ? AND rater = ?"
        assert store.connection.execute(row, (one, "mara")).fetchone() == (None,)  # nobody knows
        assert taken(store, "tom", 1000) == written(2)
        assert finish(store, "tom", two, "in time", 1000 + LEASE)
        assert store.connection.execute(row, (two, "tom")).fetchone() == (LEASE,)
        check_counts(store)


def test_a_lost_task_may_still_be_answered_once_and_by_its_rater_alone(tmp_path: Path) -> None:
    one = written(1).id
    with store_with(tmp_path / "s", [written(1)], raters=["mara", "tom", "eve"]) as store:
        taken(store, "mara", 0)
        taken(store, "tom", LEASE)
        assert take(store, "mara", LEASE + 1) is None
        assert finish(store, "mara", one, "late", LEASE + 2)
        with pytest.raises(UserError, match="done already"):
            finish(store, "mara", one, "twice", LEASE + 2)
        with pytest.raises(UserError, match="not given to 'eve'"):
            finish(store, "eve", one, "x", 0)
        with pytest.raises(UserError, match="not given to 'mara'"):
            finish(store, "mara", "no such task", "x", 0)
        with pytest.raises(UserError, match="empty"):
            finish(store, "tom", one, " ", 0)
        assert states(store, one)["tom"] == "leased"


def test_overlap_tasks_go_to_as_many_raters_and_no_more(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    task = written(1)
    with store_with(tmp_path / "s", [task], names, overlap_share=1, overlap_raters=3) as store:
        assert [taken(store, name, 0) for name in names[:3]] == [task] * 3
        assert take(store, "d", 0) is None
        for name in names[:2]:
            assert finish(store, name, task.id, name, 1)
        assert take(store, "a", 1) is None
        assert taken(store, "d", LEASE + 1) == task
        assert finish(store, "d", task.id, "d", LEASE + 1)
        assert not finish(store, "c", task.id, "c", LEASE + 1)
        check_counts(store)


def test_skipped_tasks_are_for_others(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(1), written(2)]) as store:
        skip(store, "mara", taken(store, "mara", 0).id, 0)
        assert taken(store, "mara", 0) == written(2)
        assert taken(store, "tom", 0) == written(1)
        with pytest.raises(UserError, match="skipped already"):
            finish(store, "mara", written(1).id, "x", 0)


def test_going_back_keeps_the_answer_until_there_is_another(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(n) for n in range(4)]) as store:
        assert not back(store, "mara", 0)
        for n in range(3):
            assert taken(store, "mara", n * 10) == written(n)
            assert finish(store, "mara", written(n).id, f"answer {n}", n * 10 + 4)
        assert taken(store, "mara", 30) == written(3)
        assert back(store, "mara", 30)
        assert taken(store, "tom", 30) == written(3)  # let go of
        assert back(store, "mara", 30)
        given = take(store, "mara", 31)
        assert given is not None
        assert (given.task, given.earlier) == (written(1), "answer 1")
        assert states(store, written(1).id) == {"mara": "done"}
        check_counts(store)
        assert finish(store, "mara", written(1).id, "better", 33)
        row = store.connection.execute(
            "SELECT answer, seconds FROM work WHERE task = ? AND rater = 'mara'", (written(1).id,)
        ).fetchone()
        assert row == ("better", 6.0)  # 4 and 2
        assert back(store, "mara", 40)
        assert take(store, "mara", 40).earlier == "answer 2"  # type: ignore[union-attr]
        release(store, "mara")
        assert states(store, written(2).id) == {"mara": "done"}
        assert take(store, "mara", 40) is None
        check_counts(store)


def test_going_back_to_a_skipped_task_unless_others_have_it(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(n) for n in range(3)]) as store:
        for _ in range(2):
            skip(store, "mara", taken(store, "mara", 0).id, 0)
        assert taken(store, "tom", 0) == written(0)
        assert back(store, "mara", 0)
        assert taken(store, "mara", 0) == written(1)
        assert finish(store, "mara", written(1).id, "after all", 1)
        assert back(store, "mara", 1)
        assert taken(store, "mara", 1) == written(1)
        assert not back(store, "mara", 1)  # tom has the other one
        skip(store, "mara", written(1).id, 2)  # withdrawn
        check_counts(store)
        finish(store, "tom", written(0).id, "x", 2)
        assert taken(store, "tom", 2) == written(1)


def test_who_lets_go_leaves_the_task_to_others_at_once(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(1)]) as store:
        taken(store, "mara", 0)
        release(store, "mara")
        assert taken(store, "tom", 0) == written(1)


def test_a_clock_that_is_set_back_gives_no_seconds(tmp_path: Path) -> None:
    with store_with(tmp_path / "s", [written(1)]) as store:
        taken(store, "mara", 1000)
        assert finish(store, "mara", written(1).id, "x", 900)
        assert store.connection.execute("SELECT seconds FROM work").fetchone() == (None,)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_gold_is_mixed_in_at_its_share_and_looks_like_the_rest(
    tmp_path: Path, share: float
) -> None:
    ordinary = [f(n) for n in range(100) for f in (written, compared)]
    gold = [written(1000 + n, expected="x") for n in range(150)]
    gold += [compared(1000 + n, expected="a") for n in range(150)]
    ids = {task.id for task in gold}
    seen: dict[str, list[str]] = {}
    with store_with(tmp_path / "s", [*gold, *ordinary], gold_share=share) as store:
        for rater, wanted in (("mara", 100), ("tom", 80)):
            seen[rater] = []
            for number in range(wanted):
                given = take(store, rater, number)
                assert given is not None
                assert given.task.expected == ()
                seen[rater].append(given.task.id)
                answer = "a" if given.task.kind == "compare" else "x"
                assert finish(store, rater, given.task.id, answer, number)
        kinds = dict(store.connection.execute("SELECT id, kind FROM tasks").fetchall())
        check_counts(store)
    for rater, tasks in seen.items():
        assert len(set(tasks)) == len(tasks)
        for kind in ("write", "compare"):
            of_kind = [task in ids for task in tasks if kinds[task] == kind]
            for n in range(1, len(of_kind) + 1):
                assert share * n - 1 < sum(of_kind[:n]) < share * n + 1 + 1e-9, (rater, kind, n)
    assert [t for t in seen["mara"] if t in ids] != [t for t in seen["tom"] if t in ids]


def test_gold_that_ran_out_is_not_made_up_for(tmp_path: Path) -> None:
    tasks = [*(written(n) for n in range(40)), written(99, expected="x")]
    with store_with(tmp_path / "s", tasks, gold_share=0.5) as store:
        for n in range(30):
            finish(store, "mara", taken(store, "mara", n).id, "x", n)
        store.add([written(200 + n, expected="x") for n in range(20)], "test")
        more = []
        for n in range(10):
            more.append(taken(store, "mara", n).id)
            finish(store, "mara", more[-1], "x", n)
        gold = {written(200 + n).id for n in range(20)}
        assert 4 <= sum(task in gold for task in more) <= 6


def test_nothing_but_gold_left_is_nothing_to_do(tmp_path: Path) -> None:
    tasks = [written(1), *(written(n, expected="x") for n in range(2, 9))]
    with store_with(tmp_path / "s", tasks, gold_share=0.5) as store:
        given = [taken(store, "mara", 0)]
        while given[-1] != written(1):
            finish(store, "mara", given[-1].id, "x", 0)
            given.append(taken(store, "mara", 0))
        finish(store, "mara", written(1).id, "x", 0)
        assert len(given) <= 2
        assert take(store, "mara", 0) is None


def test_sides_change_by_task_and_rater_and_the_winner_is_the_answers(tmp_path: Path) -> None:
    tasks = [compared(n) for n in range(200)]
    swapped = []
    with store_with(tmp_path / "s", tasks, overlap_share=1, overlap_raters=2) as store:
        for rater in ("mara", "tom"):
            sides = []
            for task in tasks:
                given = take(store, rater, 0)
                assert given is not None
                first, second = given.shown()
                assert {first, second} == {*task.answers}
                letter = {task.answers[0]: "a", task.answers[1]: "b"}
                assert given.winner("first") == letter[first]
                assert given.winner("second") == letter[second]
                assert given.winner("tie") == "tie"
                sides.append(given.swapped)
                finish(store, rater, given.task.id, "a", 0)
            swapped.append(sides)
    assert all(70 < sum(sides) < 130 for sides in swapped)
    assert 70 < sum(a == b for a, b in zip(*swapped)) < 130


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["take", "finish", "finish", "skip", "back", "release", "wait", "add"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 4),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(ACTIONS, st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.3]), st.integers(0, 9))
def test_whatever_raters_do(
    tmp_path_factory: pytest.TempPathFactory,
    actions: list[tuple[str, str, int]],
    overlap: float,
    gold: float,
    seed: int,
) -> None:
    config = QueueConfig(10, overlap_share=overlap, overlap_raters=2, gold_share=gold, seed=seed)
    tasks = [written(n, **({"expected": "x"} if n % 4 == 0 else {})) for n in range(8)]
    path = tmp_path_factory.mktemp("queue") / "s"
    now, added, answers = 0.0, 8, 0
    hands: dict[str, tuple[str, float]] = {}  # rater -> what they were last given, until when
    with store_with(path, tasks, raters=["a", "b", "c"], config=config) as store:
        wanted = dict(store.connection.execute("SELECT id, raters FROM tasks").fetchall())
        is_gold = {task.id: task.is_gold for task in tasks}
        for action, rater, number in actions:
            mine = hands.get(rater)
            if action == "wait":
                now += number * 3
            elif action == "take":
                given = take(store, rater, now)
                if given is not None:
                    task = given.task.id
                    others = [
                        name
                        for name, (held, until) in hands.items()
                        if held == task
                        and until > now
                        and name != rater
                        and states(store, task).get(name) == "leased"
                    ]
                    new = states(store, task)[rater] == "leased"
                    if new and not is_gold[task]:
                        done = [s for s in states(store, task).values() if s == "done"]
                        assert len(others) + len(done) < wanted[task]
                    hands[rater] = (task, given.until)
            elif action == "finish" and mine is not None:
                try:
                    answers += finish(store, rater, mine[0], f"{number}", now)
                except UserError:
                    assert states(store, mine[0]).get(rater) != "leased"
                del hands[rater]
            elif action == "skip" and mine is not None and rater in states(store, mine[0]):
                skip(store, rater, mine[0], now)
                del hands[rater]
            elif action == "back":
                hands.pop(rater, None)
                back(store, rater, now)
            elif action == "release":
                release(store, rater)
                hands.pop(rater, None)
            elif action == "add":
                store.add([written(added)], "test")
                is_gold[written(added).id] = False
                wanted = dict(store.connection.execute("SELECT id, raters FROM tasks").fetchall())
                added += 1
            check_counts(store)
            for task, raters in wanted.items():
                held = [*states(store, task).values()]
                assert is_gold[task] or held.count("done") <= raters
            leased = store.connection.execute(
                "SELECT rater, count(*) FROM work WHERE state = 'leased' OR reopened GROUP BY rater"
            ).fetchall()
            assert all(count == 1 for _, count in leased)
        # Nothing is lost: whoever goes on finds every task that still wants an answer.
        for rater in ("a", "b", "c"):
            release(store, rater)
        later = now + 1000
        store.add_raters(["d", "e"])
        for rater in ("d", "e"):
            while (given := take(store, rater, later)) is not None:
                assert finish(store, rater, given.task.id, "x", later)
        for task, raters in wanted.items():
            held = [*states(store, task).values()]
            assert is_gold[task] or held.count("done") == raters
        check_counts(store)


def test_a_queue_of_many_tasks_stays_quick(tmp_path: Path) -> None:
    """Steps of SQLite's machine, not seconds: the done ones are not looked at again."""
    config = dataclasses.replace(PLAIN, gold_share=0.05)
    with store_with(tmp_path / "s", [written(n) for n in range(3000)], config=config) as store:
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        def cost() -> int:
            nonlocal steps
            given = take(store, "mara", 0)
            assert given is not None
            store.connection.set_progress_handler(count, 10)
            steps = 0
            finish(store, "mara", given.task.id, "x", 0)
            take(store, "mara", 0)
            store.connection.set_progress_handler(None, 0)
            return steps

        first = cost()
        with store.step() as connection:
            connection.execute("INSERT INTO raters VALUES ('x', 0)")
            connection.execute(
                "INSERT INTO work (task, rater, turn, kind, state, given, until, answer)"
                " SELECT id, 'x', place, kind, 'done', 0, 0, 'x' FROM tasks"
                " WHERE place BETWEEN 10 AND 2990"
            )
            connection.execute("UPDATE tasks SET done = 1 WHERE place BETWEEN 10 AND 2990")
        for _ in range(8):
            cost()
        assert cost() < 3 * first + 100
