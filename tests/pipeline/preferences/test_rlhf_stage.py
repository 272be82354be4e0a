"""The stage: reward models and pairs from folders, tables and figures written, processes agree."""

import dataclasses
import io
import json

import pytest
import toy_rlhf
from toy_preferences import train_reward_model, write_toys
from toy_rlhf import CONFIG

from pipeline import model as models
from pipeline.preferences import rlhf
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.schemas import RLHF_STEPS, ROLLOUTS
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")
UNKNOWN = dataclasses.replace(
    CONFIG, true_reward="unknown", steps=3, reference_prompts=6, rehearsal_rows=0
)


@pytest.fixture(scope="module")
def preferred(post_training, tmp_path_factory):
    """Comparisons and a reward model that learned from them."""
    root = tmp_path_factory.mktemp("preferred")
    write_toys(root / "preferences", 80)
    train_reward_model(post_training.chat, root / "preferences", root / "reward")
    return root


def build(post_training, preferred, out, config=UNKNOWN, progress=SILENT, **changes):
    inputs = {
        "model": [post_training.chat],
        "preferences": [preferred / "preferences"],
        "reward_model": [preferred / "reward"],
        "conversations": [post_training.conversations],
        **changes,
    }
    scratch = out.with_name(f"{out.name}.scratch")
    for folder in (out, scratch):
        folder.mkdir(parents=True, exist_ok=True)
    inputs = {name: folders for name, folders in inputs.items() if folders}
    return rlhf.STAGE.build(out, inputs, config, progress, scratch)


def test_the_stage_writes_a_model_and_what_became_of_it(post_training, preferred, tmp_path):
    stream = io.StringIO()
    config = dataclasses.replace(UNKNOWN, rehearsal_rows=4)
    found = build(post_training, preferred, tmp_path / "out", config, Progress(stream))
    assert found["steps"] == 3
    assert found["prompts"] == 60
    assert found["pairs"] == 0
    assert (found["method"], found["regularizer"]) == ("policy_gradient", "chi2_exact")
    assert found["correlation_source"] == "validation pairs"
    assert 0 < found["correlation"] <= 1
    assert found["coefficient"] == pytest.approx(
        found["proxy_deviation"] * (1 - found["correlation"] ** 2) ** 0.5
    )
    assert found["gold_gain"] is found["guaranteed_gain"] is None
    assert found["end"]["proxy"] != found["start"]["proxy"]
    json.dumps(found, allow_nan=False)
    rollouts = read_table(tmp_path / "out" / "rollouts.parquet")
    assert rollouts.schema.equals(ROLLOUTS)
    assert rollouts.num_rows == 3 * 24
    assert rollouts["gold"].null_count == 3 * 24
    steps = read_table(tmp_path / "out" / "rlhf_steps.parquet")
    assert steps.schema.equals(RLHF_STEPS)
    assert steps["step"].to_pylist() == [1, 2, 3]
    assert read_table(tmp_path / "out" / "metrics.parquet")["stage"].to_pylist() == ["rlhf"] * 3
    assert (tmp_path / "out" / "provenance" / "timing.parquet").exists()
    _, tokenizer = models.load(tmp_path / "out")
    assert tokenizer.has_conversation_tokens
    notes = [e["text"] for e in map(json.loads, stream.getvalue().splitlines()) if "text" in e]
    assert any("by the validation pairs" in note for note in notes)


def test_with_a_known_taste_gain_and_guarantee_are_in_its_points(
    post_training, preferred, tmp_path
):
    config = dataclasses.replace(UNKNOWN, true_reward="taste", coefficient=0.3)
    found = build(post_training, preferred, tmp_path / "out", config)
    assert found["correlation_source"] == "true reward"
    assert found["coefficient"] == 0.3
    assert found["gold_gain"] == pytest.approx(found["end"]["gold"] - found["start"]["gold"])
    assert found["gold_gain_error"] > 0
    assert found["pooled_correlation"] is not None
    if found["correlation"] > 0:
        assert found["guaranteed_gain"] >= found["guaranteed_gain_theorem"]


def test_pairs_are_learned_without_a_reward_model(post_training, preferred, tmp_path):
    config = dataclasses.replace(UNKNOWN, method="dpo", measure_every=0)
    found = build(post_training, preferred, tmp_path / "out", config, reward_model=[])
    assert found["pairs"] == 48  # 60 of split train, a fifth of them ties
    assert found["regularizer"] == ""
    assert found["correlation"] is found["coefficient"] is None
    assert found["end"]["kl"] != 0.0
    assert read_table(tmp_path / "out" / "rollouts.parquet").num_rows == 0
    assert read_table(tmp_path / "out" / "rlhf_steps.parquet").num_rows == 0


def test_what_is_rehearsed_changes_the_model(post_training, preferred, tmp_path):
    def weights(name, config):
        build(post_training, preferred, tmp_path / name, config)
        return (tmp_path / name / "model.safetensors").read_bytes()

    rehearsed = dataclasses.replace(UNKNOWN, steps=2, rehearsal_rows=4)
    assert weights("a", rehearsed) != weights("b", dataclasses.replace(UNKNOWN, steps=2))


@pytest.mark.parametrize(
    ("changes", "given", "message"),
    [
        ({}, {"reward_model": []}, "needs a reward: name a reward model"),
        ({"max_new_tokens": 500}, {}, "leaves room for rlhf.max_new_tokens=500"),
    ],
)
def test_what_cannot_work_is_one_line(post_training, preferred, tmp_path, changes, given, message):
    config = dataclasses.replace(UNKNOWN, **changes)
    with pytest.raises(UserError, match=message) as caught:
        build(post_training, preferred, tmp_path / "out", config, **given)
    assert "\n" not in str(caught.value)


def test_a_base_model_is_refused(post_training, preferred, tmp_path):
    with pytest.raises(UserError, match="no chat model"):
        build(post_training, preferred, tmp_path / "out", model=[post_training.base])


def test_two_processes_learn_what_one_does(post_training, preferred, torchrun):
    """Slopes hang on chi2 and D of the whole batch, and KTO's point on all pairs."""
    alone, both = torchrun(toy_rlhf.__file__, str(post_training.chat), str(preferred))
    assert alone.keys() == both.keys() == {"policy_gradient", "kto"}
    for method, one in alone.items():
        two = both[method]
        assert (one.pop("processes"), two.pop("processes")) == (1, 2)
        for part in ("start", "end"):
            assert two.pop(part) == pytest.approx(one.pop(part), rel=0.02, abs=1e-3)
        assert two == pytest.approx(one, rel=1e-3)
        assert one["kl"] > 0
