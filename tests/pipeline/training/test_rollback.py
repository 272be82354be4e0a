"""Training that goes wrong goes back, takes other batches, says so, and does all of it alike again.

What upsets the run is done to the weights when a certain batch is drawn: NaN, or a head that
shouts. Kills are exceptions at a chosen draw; the checkpoint rhythm is drawn too.
"""

import math

import pytest
import torch
import upset_training
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from upset_training import STEPS, Killed, Run

from storage.errors import UserError


def test_a_number_that_is_none_is_gone_around(make_model, tmp_path):
    run = Run(make_model(), {20: "nan"})
    metrics, timing = run.train(tmp_path)
    # step 21 went wrong; the newest anchor at least half of rollback_steps before it is 16
    assert run.drawn == [*range(21), *range(21, 45)]
    assert metrics["step"].to_pylist() == list(range(1, STEPS + 1))
    assert metrics["rollbacks"].to_pylist() == [0] * 16 + [1] * 24
    assert metrics["tokens"].to_pylist() == [64 * step for step in range(1, STEPS + 1)]
    assert timing["step"].to_pylist() == metrics["step"].to_pylist()
    seconds = timing["seconds"].to_pylist()
    assert seconds == sorted(seconds)
    assert all(math.isfinite(loss) for loss in metrics["loss"].to_pylist())
    [note] = [note for note in run.notes if "back to step" in note]
    assert note.startswith("pretrain: loss nan and gradient norm nan at step 21: back to step 16")
    assert "past the 5 batches since (rollback 1 of 3)" in note


def test_live_curves_are_told_where_it_goes_back_to(make_model, tmp_path):
    run = Run(make_model(), {20: "nan"})
    metrics, _ = run.train(tmp_path)
    rows: list[dict] = []
    told = []
    for event in run.events:
        if event["event"] == "history":
            told.append([row["step"] for row in rows])
            rows = []
        elif event["event"] == "metric":
            rows.append(event)
    assert told == [[], [*range(1, 21)]]
    assert [row["step"] for row in rows if row.get("past")] == [*range(1, 17)]
    assert [row["step"] for row in rows] == metrics["step"].to_pylist()
    assert [row["loss"] for row in rows] == metrics["loss"].to_pylist()
    assert [row["rollbacks"] for row in rows] == metrics["rollbacks"].to_pylist()


def test_a_lasting_spike_is_gone_around(make_model, tmp_path):
    run = Run(make_model(), {29: "shout"})
    metrics, _ = run.train(tmp_path)
    # seen at step 30, believed at 31, begun at 30: the anchor is 24
    assert run.drawn == [*range(31), *range(31, 47)]
    assert metrics["rollbacks"].to_pylist() == [0] * 24 + [1] * 16
    assert max(metrics["loss"].to_pylist()[24:]) < 7.0
    assert any("for 2 steps at step 31: back to step 24" in note for note in run.notes)


def test_the_state_gone_back_to_is_the_undisturbed_one(make_model, tmp_path):
    run = Run(make_model(), {20: "nan"})
    run.train(tmp_path / "a")
    calm = Run(make_model(), {})
    numbers = [*range(16), *range(21, 45)]
    plain = calm.batch_of
    calm.batch_of = lambda number: plain(numbers[number])
    calm.train(tmp_path / "b")
    for name, tensor in calm.weights().items():
        assert torch.equal(tensor, run.weights()[name]), name


def test_rates_can_fall_with_each_rollback(make_model, tmp_path):
    upsets = {20: "nan", 30: "nan"}
    plain, _ = Run(make_model(), upsets).train(tmp_path / "a")
    lower, _ = Run(make_model(), upsets).train(tmp_path / "b", rollback_rate_factor=0.5)
    counts = lower["rollbacks"].to_pylist()
    assert counts == plain["rollbacks"].to_pylist()
    assert sorted(set(counts)) == [0, 2] or sorted(set(counts)) == [0, 1, 2]
    for row, other in zip(plain.to_pylist(), lower.to_pylist()):
        assert other["lr"] == row["lr"] * 0.5 ** row["rollbacks"]


def test_it_gives_up_in_one_line(make_model, tmp_path):
    run = Run(make_model(), dict.fromkeys(range(20, 60), "nan"))
    with pytest.raises(UserError, match=r"after 3 rollbacks: training diverges; lower") as caught:
        run.train(tmp_path)
    assert "\n" not in str(caught.value)
    # a rollback that did not help lands further back the next time
    assert [note.split(": ")[2].split(",")[0] for note in run.notes if "back to" in note] == [
        "back to step 16",
        "back to step 8",
        "back to step 0",
    ]


def test_without_rollbacks_a_spike_is_left_alone(make_model, tmp_path):
    run = Run(make_model(), {29: "shout"})
    metrics, _ = run.train(tmp_path, rollback_steps=0)
    assert run.drawn == list(range(STEPS))
    assert max(metrics["loss"].to_pylist()) > 7.0
    assert not list(tmp_path.iterdir())


@given(
    kills=st.lists(st.integers(1, 45), min_size=1, max_size=3),
    rhythm=st.integers(1, 15),
    nan=st.integers(3, 38),
    shout=st.integers(12, 36),
)
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking would train for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_killed_anywhere_it_goes_back_alike(
    make_model, tmp_path_factory, kills, rhythm, nan, shout
):
    upsets = {shout: "shout", nan: "nan"}
    whole = Run(make_model(), upsets)
    expected, _ = whole.train(tmp_path_factory.mktemp("whole"), validate_every=7)
    scratch = tmp_path_factory.mktemp("killed")
    every = {"validate_every": 7, "checkpoint_steps": rhythm}
    for kill in kills:
        # the weights come from the checkpoint, once there is one
        run = Run(make_model(seed=7 if list(scratch.iterdir()) else 0), upsets)
        try:
            run.train(scratch, kill_at=kill, **every)
        except Killed:
            continue
    last = Run(make_model(seed=8), upsets)
    metrics, _ = last.train(scratch, **every)
    assert metrics.equals(expected)
    for name, tensor in last.weights().items():
        assert torch.equal(tensor, whole.weights()[name]), name


def test_two_processes_go_back_together(torchrun):
    one, two = torchrun(upset_training.__file__)
    assert max(one["rollbacks"]) == 2
    assert two["rollbacks"] == one["rollbacks"]
    assert two["loss"] == pytest.approx(one["loss"], abs=0.02)
    assert [n.split(": ")[2] for n in two["notes"] if "back to" in n] == [
        n.split(": ")[2] for n in one["notes"] if "back to" in n
    ]
