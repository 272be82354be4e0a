"""Suite horizon: turns judged by what the model said itself, horizons by hand, errors planted."""

import dataclasses
import io
import itertools
import math
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scripted_model import ScriptedEngine

from pipeline import model as models
from pipeline.chat.conversation import assistant, check, prompt, render
from pipeline.curriculum.held_out import problem_split
from pipeline.curriculum.running_sums import RunningSum
from pipeline.evals import horizon_suite
from pipeline.evals.asking import Reply, Scores, Subject
from pipeline.evals.config import ALL_SUITES, DETAIL_SUITES, NO_COUNTS, SUITES, EvalsConfig
from pipeline.evals.horizon_suite import Played, horizon, problems, with_errors
from pipeline.intervals import wilson
from pipeline.sft import running_sum_talks
from pipeline.stage import Progress

CONFIG = EvalsConfig(
    suites=("horizon",), horizon_problems=3, horizon_turns=4, horizon_history=2, threads=1
)
PROBLEM = RunningSum(
    (("oak", 4), ("tide", -7)), (("oak",), ("tide",), ("oak",)), "{values} {words}", worked=False
)


@pytest.fixture
def subject(chat_model):
    model, tokenizer = chat_model
    model.stretch(600, model.config.rope_theta, None)
    return Subject(model.eval(), tokenizer, CONFIG)


def of(scores: Scores, task: str, metric: str, suite: str = "horizon") -> Any:
    (row,) = [
        r for r in scores.rows if (r["suite"], r["task"], r["metric"]) == (suite, task, metric)
    ]
    return row


@pytest.mark.parametrize(
    ("said", "right"),
    [
        (("4", "-3", "1"), [True, True, True]),
        (("5", "-2", "2"), [False, True, True]),  # right from what was said, from then on
        (("4", "-3", "-3"), [True, True, False]),
        (("4", "no idea", "1"), [True, False, False]),  # nothing to go on from
        (("4",), [True, False, False]),
        ((), [False, False, False]),
        (("oak = 4: 0 + 4 = 4", "tide = -7: 4 - 7 = -3", "oak = 4: -3 + 4 = 1"), [True] * 3),
    ],
)
def test_a_turn_is_right_if_it_adds_rightly_to_what_was_said_last(said, right):
    assert Played(PROBLEM, said).right == right


def test_the_horizon_is_how_far_task_accuracy_holds():
    whole = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    assert horizon(whole, 0.5) == 3  # 100%, 75%, 50%, 25%
    assert horizon(whole, 0.8) == 1
    assert horizon(whole, 0.25) == 4  # never below: all turns
    assert horizon(~whole[:, :1], 0.5) == 0


def test_rows_by_hand():
    played = [
        Played(PROBLEM, ("4", "-3", "1")),
        Played(PROBLEM, ("4", "-3", "0")),
        Played(PROBLEM, ("5", "-2", "2")),
    ]
    scores = Scores()
    horizon_suite.report("direct", played, scores, 200, 0)
    row = of(scores, "direct", "turn_accuracy")
    assert (row["value"], row["n"]) == (pytest.approx(7 / 9), 3)
    assert row["low"] < 7 / 9 < row["high"]
    row = of(scores, "direct", "task_accuracy")
    assert (row["value"], row["low"], row["high"]) == (pytest.approx(1 / 3), *wilson(1, 3))
    row = of(scores, "direct", "horizon_50")
    assert (row["value"], row["low"], row["high"]) == (2, 0, 3)
    assert of(scores, "direct", "horizon_80")["value"] == 0
    assert of(scores, "direct", "turns")["value"] == 3
    even = of(scores, "direct", "even_horizon_50")["value"]
    assert even == pytest.approx(math.log(0.5) / math.log(7 / 9))
    tasks, turns = (
        [of(scores, f"direct_{n:02d}", m, "horizon_by_turn")["value"] for n in (1, 2, 3)]
        for m in ("task_accuracy", "turn_accuracy")
    )
    assert tasks == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert turns == pytest.approx([2 / 3, 1, 2 / 3])
    assert {row["metric"] for row in scores.rows if row["metric"] != "task_accuracy"} - {
        *NO_COUNTS
    } == set()


def test_intervals_draw_problems_not_turns():
    """Turns of one problem hang together: twenty of them are no twenty observations."""
    long = dataclasses.replace(PROBLEM, asked=(("oak",),) * 20)
    right = Played(long, long.replies)
    wrong = Played(long, tuple(str(5 * (n + 1)) for n in range(20)))
    scores = Scores()
    horizon_suite.report("direct", [right, wrong] * 4, scores, 500, 0)
    row = of(scores, "direct", "turn_accuracy")
    assert row["high"] - row["low"] > 0.5  # Wilson's of 160 turns would be 0.15


def test_errors_are_planted_in_that_share_of_the_turns_and_carried_on():
    (problem,) = problems(1, 13, False, False, 0)
    for share in (0.0, 0.25, 0.5):
        talk, before = with_errors(problem, 12, share, random.Random(3))
        check(talk)
        assert [said.role for said in talk] == ["user", "assistant"] * 12 + ["user"]
        assert [said.content for said in talk[::2]] == list(problem.messages)
        said = [0, *(int(reply.content) for reply in talk[1::2])]
        off = [b - a - problem.added(turn) for turn, (a, b) in enumerate(itertools.pairwise(said))]
        assert sum(error != 0 for error in off) == round(12 * share)
        assert all(abs(error) <= 9 for error in off)
        assert before == said[-1]


def play(subject: Subject, replies: Sequence[Sequence[str]], asked: Sequence[RunningSum]) -> Any:
    rows = [[assistant(text) for text in row] for row in replies]
    engine = ScriptedEngine(subject.tokenizer, rows, 600)
    scripted: Any = SimpleNamespace(
        engine=engine, tokenizer=subject.tokenizer, config=CONFIG, chats=True, model=subject.model
    )
    return horizon_suite.play(scripted, asked)


def test_a_talk_is_what_the_user_says_and_what_the_model_replied(subject):
    said = [["4", "-3", "1"], ["5", "what?", "1"]]
    assert [one.said for one in play(subject, said, [PROBLEM] * 2)] == [tuple(s) for s in said]


def test_what_broke_off_is_no_reply(subject):
    many = "9" * 3 * horizon_suite.REPLY_TOKENS
    (one, other) = play(subject, [["4", many, "1"], ["4", "-3", "1"]], [PROBLEM] * 2)
    assert one.said == ("4",)
    assert other.said == ("4", "-3", "1")


def test_turns_that_have_room_are_those_whose_right_replies_fit(subject):
    (problem,) = problems(1, 30, True, False, 0)
    third = running_sum_talks.talk(horizon_suite.cut(problem, 3))
    exact = len(render(third, subject.tokenizer)[0]) - 1  # which leaves no room for one more
    for context in (exact, exact + 1, 300, 10_000):
        subject.model.stretch(context, subject.model.config.rope_theta, None)
        turns = horizon_suite.room(subject, problem)
        for more, fits in ((0, True), (1, False)):
            if turns + more > 30:
                continue
            talk = running_sum_talks.talk(horizon_suite.cut(problem, turns + more))
            # as far as a model reads: without the line break after the last turn
            assert (len(render(talk, subject.tokenizer)[0]) - 1 < context) == fits
    assert turns == 30
    subject.model.stretch(exact, subject.model.config.rope_theta, None)
    assert horizon_suite.room(subject, problem) == 2


def test_all_modes_and_both_sorts_of_wordings_are_asked(subject, monkeypatch):
    seen: list[tuple[str, int]] = []

    def perfect(subject, asked):
        seen.append((asked[0].wording, len(asked[0].asked)))
        return [Played(one, one.replies) for one in asked]

    def answer(subject, talks, most):
        seen.append(("talks", len(talks[0])))
        return [Reply("7", True) for _ in talks]

    monkeypatch.setattr(horizon_suite, "play", perfect)
    monkeypatch.setattr(horizon_suite, "ask", answer)
    scores, stream = Scores(), io.StringIO()
    horizon_suite.measure(subject, scores, Progress(stream))
    names = ["direct", "worked", "direct_new_wordings", "worked_new_wordings"]
    for name in names:
        assert of(scores, name, "task_accuracy")["value"] == 1.0
        assert of(scores, name, "horizon_50")["value"] == 4
        assert of(scores, name, "even_horizon_50")["value"] is None
    assert [length for wording, length in seen if wording == "talks"] == [5] * 6
    for mode in ("direct", "worked"):
        for share in (0, 25, 50):
            assert of(scores, f"{mode}_errors_{share}", "accuracy")["n"] == 3
    assert not stream.getvalue()
    assert len(scores.samples) >= 4
    assert all(row["correct"] for row in scores.samples)


def test_what_has_no_room_is_said_and_what_has_is_asked(subject, monkeypatch):
    asked: list[set[int]] = []
    real = horizon_suite.play

    def noted(subject, drawn):
        asked.append({len(one.asked) for one in drawn})
        return real(subject, drawn)

    monkeypatch.setattr(horizon_suite, "play", noted)
    said = []
    for context in (200, 100):
        subject.model.stretch(context, subject.model.config.rope_theta, None)
        scores, stream = Scores(), io.StringIO()
        horizon_suite.measure(subject, scores, Progress(stream))
        said.append(stream.getvalue())
        rows = [row for row in scores.rows if row["metric"] == "turns"]
        assert [{row["value"]} for row in rows] == asked
        assert bool(asked) == (context == 200)
        assert all(turns <= {1, 2, 3} for turns in asked)
        assert any("_errors_" in row["task"] for row in scores.rows) == (context == 200)
        asked.clear()
    assert "turns fit 200 tokens of context, not 4" in said[0]
    assert "0 turns fit 100 tokens of context, not 4" in said[1]
    assert "a history of 2 turns has no room, none is asked" in said[1]


def test_a_problem_whose_history_has_no_room_with_some_errors_is_asked_with_none(
    subject, monkeypatch
):
    """Else the shares would be compared on different problems."""
    drawn = problems(12, 3, False, False, 0)
    lengths = {}
    for share in horizon_suite.ERROR_SHARES:
        rng = random.Random(f"{CONFIG.seed}:horizon:errors:{share}")
        talks = [with_errors(one, 2, share, rng)[0] for one in drawn]
        lengths[share] = [len(prompt(talk, subject.tokenizer)) for talk in talks]
    longest = [max(each) for each in zip(*lengths.values())]
    fits = sorted(longest)[6]
    subject.model.stretch(fits + horizon_suite.REPLY_TOKENS, subject.model.config.rope_theta, None)
    scores = Scores()
    horizon_suite.conditioned(subject, "direct", drawn, scores, Progress(io.StringIO()))
    counts = {row["n"] for row in scores.rows}
    assert counts == {sum(length <= fits for length in longest)}
    assert counts <= set(range(7, 12))
    by_message = {one.messages[0]: one for one in drawn}

    def right(subject, talks, most):
        said = [(by_message[talk[0].content], int(talk[-2].content)) for talk in talks]
        return [Reply(one.reply(before, 2), True) for one, before in said]

    monkeypatch.setattr(horizon_suite, "ask", right)
    scores = Scores()
    horizon_suite.conditioned(subject, "direct", drawn, scores, Progress(io.StringIO()))
    assert {row["value"] for row in scores.rows} == {1.0}  # each judged by its own problem


def test_accuracy_after_errors_is_judged_by_the_sum_that_stands_there(subject, monkeypatch):
    drawn = problems(3, 4, False, False, 0)

    def right(subject, talks, most):
        replies = []
        for talk, problem in zip(talks, drawn):
            assert prompt(talk, subject.tokenizer)
            before = int(talk[-2].content)
            replies.append(Reply(problem.reply(before, 2), stopped=problem is not drawn[0]))
        return replies

    monkeypatch.setattr(horizon_suite, "ask", right)
    scores = Scores()
    horizon_suite.conditioned(subject, "direct", drawn, scores, Progress(io.StringIO()))
    for share in (0, 25, 50):
        row = of(scores, f"direct_errors_{share}", "accuracy")
        assert (row["value"], row["n"]) == (pytest.approx(2 / 3), 3)  # one did not end by itself


def test_a_base_model_gets_a_page_and_a_line_for_each_turn(post_training, monkeypatch):
    model, tokenizer = models.load(post_training.base)
    subject = Subject(model.eval(), tokenizer, CONFIG)
    pages: list[list[str]] = []

    def answer(subject, texts, most, *, one_line):
        assert one_line
        pages.append(list(texts))
        return [Reply(f" {len(pages)}", True) for _ in texts]

    monkeypatch.setattr(horizon_suite, "complete", answer)
    (played,) = horizon_suite.play(subject, [PROBLEM])
    assert played.said == ("1", "2", "3")
    assert [page for (page,) in pages] == [
        "oak = 4, tide = -7 oak\n",
        "oak = 4, tide = -7 oak\n1\ntide\n",
        "oak = 4, tide = -7 oak\n1\ntide\n2\noak\n",
    ]
    monkeypatch.undo()
    scores = Scores()
    horizon_suite.measure(subject, scores, Progress(io.StringIO()))
    assert not any("errors" in row["task"] for row in scores.rows)
    assert {row["n"] for row in scores.rows} == {3}  # however long its lines are, all are asked
    assert {row["suite"] for row in scores.rows} <= {"horizon", "horizon_by_turn"}


def test_the_suite_is_asked_by_name_alone():
    assert "horizon" in ALL_SUITES
    assert "horizon" not in SUITES
    assert "horizon_by_turn" in DETAIL_SUITES
    drawn = problems(20, 4, False, False, 0)
    assert {problem_split(one.name) for one in drawn} == {"evaluation"}
    assert problems(3, 4, False, False, 0) == drawn[:3]
    assert problems(3, 4, False, False, 0) != problems(3, 4, False, False, 1)
