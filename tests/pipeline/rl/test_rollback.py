"""RL that goes wrong goes back, draws other prompts, says so, and does all of it alike again."""

import math
import random

import pytest
import upset_rl
from upset_rl import STEPS, UPSETS, Killed, Run

from pipeline import model as models
from pipeline.curriculum.tasks import draw
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

FILES = ("model.safetensors", "metrics.parquet", "rollouts.parquet")


def metrics_of(out):
    return read_table(out / "metrics.parquet").to_pylist()


def test_a_slope_that_is_not_finite_is_gone_around(post_training, tmp_path):
    run = Run(post_training.chat, {7: "nan"})
    statistics = run.build(tmp_path / "out", tmp_path / "scratch")
    # step 8 went wrong; the newest anchor at least half of rollback_steps before it is 4
    redone = [(step, step + 4) for step in range(4, STEPS)]
    assert run.drawn == [*((step, step) for step in range(8)), *redone]
    (note,) = run.went_back()
    assert "rl: loss " in note
    assert "and gradient norm nan at step 8: back to step 4" in note
    assert "past the 4 batches since (rollback 1 of 3)" in note
    metrics = metrics_of(tmp_path / "out")
    assert [row["step"] for row in metrics] == list(range(1, STEPS + 1))
    assert [row["rollbacks"] for row in metrics] == [0] * 4 + [1] * (STEPS - 4)
    assert all(math.isfinite(row["loss"]) and math.isfinite(row["grad_norm"]) for row in metrics)
    model, _ = models.load(tmp_path / "out")
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    # The answers that are kept are those that were learned from.
    rollouts = read_table(tmp_path / "out" / "rollouts.parquet").to_pylist()
    assert len(rollouts) == statistics["answers"] == STEPS * 16
    for row, number in zip(metrics, [*range(4), *range(8, STEPS + 4)], strict=True):
        of = [answer for answer in rollouts if answer["step"] == row["step"]]
        tasks = draw(4, ("sum:1-2=1",), random.Random(f"0:rl:{number}"))
        assert [answer["prompt"] for answer in of[::4]] == [task.prompt for task in tasks]
        assert sum(answer["reward"] for answer in of) / 16 == row["reward"]
        assert sum(answer["length"] for answer in of) / 16 == row["length"]
    assert statistics["start"]["reward"] == metrics[0]["reward"]
    assert statistics["tokens"] == metrics[-1]["tokens"] == sum(a["length"] for a in rollouts)


def test_what_goes_wrong_before_the_first_anchor_goes_back_to_the_start(post_training, tmp_path):
    run = Run(post_training.chat, {1: "nan"})
    statistics = run.build(tmp_path / "out", tmp_path / "scratch")
    assert run.drawn == [(0, 0), (1, 1), *((step, step + 2) for step in range(STEPS))]
    assert len([note for note in run.notes if "before training" in note]) == 1
    assert statistics["start"]["reward"] == metrics_of(tmp_path / "out")[0]["reward"]


def test_a_gradient_norm_that_stays_huge_is_gone_around(post_training, tmp_path):
    run = Run(post_training.chat, {17: "huge", 18: "huge", 19: "huge"})
    run.build(tmp_path / "out", tmp_path / "scratch")
    # begun at step 18, believed at 20: the newest anchor at least 2 before is 12
    assert run.drawn == [
        *((step, step) for step in range(20)),
        *((step, step + 8) for step in range(12, STEPS)),
    ]
    (note,) = run.went_back()
    assert "rl: gradient norm " in note
    assert "for 3 steps at step 20: back to step 12" in note
    norms = [row["grad_norm"] for row in metrics_of(tmp_path / "out")]
    assert 0.0 < max(norms) < 10.0


def test_one_huge_gradient_and_a_loss_of_any_size_do_no_harm(post_training, tmp_path):
    run = Run(post_training.chat, {17: "huge"})
    run.build(tmp_path / "out", tmp_path / "scratch")
    assert run.went_back() == []
    row = metrics_of(tmp_path / "out")[17]
    assert row["grad_norm"] > 1e3
    assert [row["rollbacks"] for row in metrics_of(tmp_path / "out")] == [0] * STEPS


def test_it_gives_up_in_one_line(post_training, tmp_path):
    run = Run(post_training.chat, dict.fromkeys(range(9, 60), "nan"))
    with pytest.raises(
        UserError, match=r"^rl: .* after 3 rollbacks: training diverges; lower"
    ) as e:
        run.build(tmp_path / "out", tmp_path / "scratch")
    assert "\n" not in str(e.value)
    assert [note.split(": ")[2].split(",")[0] for note in run.went_back()] == [
        "back to step 4",
        "back to step 0",
        "back to step 0",
    ]


def test_without_rollbacks_it_ends_at_the_first(post_training, tmp_path):
    run = Run(post_training.chat, {7: "nan"})
    with pytest.raises(
        UserError, match=r"^rl: .* at step 8: training diverges; lower the learning"
    ):
        run.build(tmp_path / "out", tmp_path / "scratch", rollback_steps=0)


@pytest.fixture(scope="module")
def undisturbed(post_training, tmp_path_factory):
    """One run through all upsets, for every test that is killed on the way: folder, statistics."""
    root = tmp_path_factory.mktemp("undisturbed")
    run = Run(post_training.chat, UPSETS)
    statistics = run.build(root / "out", root / "scratch")
    assert len(run.went_back()) == 2
    return root / "out", statistics


@pytest.mark.parametrize(
    ("kills", "seconds"),
    [
        ([8, 3], 0.0),  # at the step that goes wrong, and among those that are made again
        ([10, 9], 1e9),  # after the way back, from anchors alone
        ([23, 2, 2], 1e9),
    ],
)
def test_killed_anywhere_it_goes_back_alike(undisturbed, post_training, tmp_path, kills, seconds):
    whole, expected = undisturbed
    again = Run(post_training.chat, UPSETS)
    for kill in kills:
        with pytest.raises(Killed):
            again.build(
                tmp_path / "out", tmp_path / "killed", kill_at=kill, checkpoint_seconds=seconds
            )
    assert not list((tmp_path / "out").iterdir())
    assert again.build(tmp_path / "out", tmp_path / "killed") == expected
    assert any("rl: resumed at step" in note for note in again.notes)
    for name in FILES:
        ours, theirs = tmp_path / "out" / name, whole / name
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_another_recipes_checkpoint_is_refused(post_training, tmp_path):
    run = Run(post_training.chat, {})
    with pytest.raises(Killed):
        run.build(tmp_path / "out", tmp_path / "scratch", kill_at=6)
    with pytest.raises(UserError, match="other settings"):
        run.build(tmp_path / "out", tmp_path / "scratch", temperature=0.9)


def test_two_processes_go_back_together(post_training, torchrun):
    one, two = torchrun(upset_rl.__file__, str(post_training.chat))
    assert max(one["rollbacks"]) == 2
    for name in ("rollbacks", "drawn", "answers"):
        assert two[name] == one[name], name
    assert [note.split(": ")[2] for note in two["notes"]] == [
        note.split(": ")[2] for note in one["notes"]
    ]
