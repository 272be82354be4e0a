"""Fine-tuning learns to answer and to stop, keeps the base as it was, and resumes bit for bit."""

import dataclasses

import pytest

from pipeline import model as models
from pipeline.chat.conversation import STOP, prompt, user
from pipeline.model.engine import Engine
from pipeline.sft import train as sft
from pipeline.sft.config import SftConfig
from pipeline.stage import SILENT
from pipeline.training.config import LoopConfig
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = SftConfig(
    loop=LoopConfig(steps=60, rows_per_step=6, warmup_steps=3, validate_every=30),
    rate_factor=1.0,
    precision="float32",
    threads=1,
    device="cpu",
)


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    out.mkdir(exist_ok=True)
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    scratch.mkdir(exist_ok=True)
    inputs = {
        "base": [post_training.base],
        "conversations": [post_training.conversations],
        "tokens": [post_training.tokens],
    }
    return sft.build(out, inputs, config, progress, scratch)


@pytest.fixture(scope="module")
def trained(post_training, tmp_path_factory):
    out = tmp_path_factory.mktemp("sft") / "sft"
    return out, run(post_training, out)


def test_loss_falls_and_is_measured_on_unseen_conversations(trained):
    out, statistics = trained
    metrics = read_table(out / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in metrics]
    assert losses[-1] < 0.7 * losses[0]
    measured = [row["validation_bits_per_byte"] for row in metrics]
    assert [i + 1 for i, value in enumerate(measured) if value is not None] == [30, 60]
    assert measured[59] < measured[29]
    assert statistics["answer_bits_per_byte"] == measured[59]
    assert {row["stage"] for row in metrics} == {"sft"}
    assert (out / "provenance" / "timing.parquet").is_file()


def test_the_model_has_learned_to_stop(trained):
    model, tokenizer = models.load(trained[0])
    stop = tokenizer.special(STOP)
    prompts = [prompt([user(f"What is {n} + {n}?")], tokenizer) for n in range(8)]
    replies = Engine(model).generate(
        prompts, max_new_tokens=110, temperature=0.0, stop_tokens=(stop,)
    )
    assert sum(reply.stopped for (reply,) in replies) >= 4


def test_the_vocabulary_grows_after_the_old_ids(trained, post_training):
    base, old = models.load(post_training.base)
    model, new = models.load(trained[0])
    assert new.vocab_size == old.vocab_size + 6 == model.config.vocab_size
    assert new.token_bytes[: old.vocab_size] == old.token_bytes
    assert base.config.vocab_size == old.vocab_size


def test_a_killed_run_ends_in_the_same_bytes(trained, post_training, tmp_path, killed_after):
    loop = dataclasses.replace(CONFIG.loop, checkpoint_steps=4)
    config = dataclasses.replace(CONFIG, loop=loop)
    scratch = tmp_path / "scratch"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", config, killed_after(11), scratch)
    statistics = run(post_training, tmp_path / "out", config, SILENT, scratch)
    assert statistics == trained[1]
    for name in ("model.safetensors", "metrics.parquet", "tokenizer.json", "config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (trained[0] / name).read_bytes()
