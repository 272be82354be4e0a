"""The training benchmark's own measure agrees with the pipeline's; its clock, table and drivers."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_artifacts import small_model

from pipeline.tokenizer import shard_files
from pipeline.training import bits_per_byte as pipelines
from tests.benchmarks import gpu_training, kinds, real_text, shakespeare_table, train_peers
from tests.benchmarks.our_training import laid_over, unsaved, window_nats
from tests.benchmarks.train_peers import Clock, HeldOut, bits_per_byte, last_line, measure

VOCABULARY = 61
CONTEXT = 16

# As much of nanoGPT as its driver takes hold of, written for this test.
FAKE_MODEL = """
import dataclasses, torch
@dataclasses.dataclass
class GPTConfig:
    vocab_size: int = 50304
class GPT(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.transformer = torch.nn.ModuleDict(dict(
            wpe=torch.nn.Embedding(4, 2), h=torch.nn.ModuleList([torch.nn.Linear(3, 3)])))
        self.lm_head = torch.nn.Linear(2, config.vocab_size, bias=False)
    def configure_optimizers(self, decay, rate, betas, device):
        return torch.optim.SGD(self.parameters(), lr=0.0)
    def forward(self, idx, targets=None):
        return torch.zeros(*idx.shape, self.config.vocab_size) + 0 * self.lm_head.weight.sum(), None
"""
FAKE_TRAIN = """
import sys, time, torch
from model import GPTConfig, GPT
real, jumped = time.perf_counter, [0]
time.perf_counter = lambda: real() + jumped[0]
given = dict(word[2:].split("=") for word in sys.argv[1:])
model = GPT(GPTConfig(vocab_size=50304))
optimizer = model.configure_optimizers(0.1, 0.1, (0.9, 0.95), "cpu")
for iteration in range(int(given["max_iters"]) + 1):
    if iteration % int(given["eval_interval"]) == 0:
        model.eval(); jumped[0] += 100_000; model.train()
        if iteration:
            torch.save(dict(iter_num=iteration, best_val_loss=torch.tensor(1.0)), "nowhere")
    logits, _ = model(torch.zeros(1, 4, dtype=torch.long))
    logits.sum().backward()
    optimizer.step()
"""


def documents(count: int = 5) -> list[np.ndarray]:
    generator = np.random.default_rng(3)
    lengths = generator.integers(5, 60, count)
    return [np.concatenate([[0], generator.integers(1, VOCABULARY, n)]) for n in lengths]


def held(texts: list[np.ndarray], most: int = 1000) -> HeldOut:
    lengths = np.array([0] + [1 + id % 3 for id in range(1, VOCABULARY)])
    return train_peers.document_windows(texts, lengths, CONTEXT, most)


def test_ours_measured_here_is_what_the_pipeline_measures() -> None:
    model, texts = small_model(VOCABULARY), documents()
    held_out = held(texts)
    nats = measure(lambda x, y: window_nats(model, x, y), held_out, rows=3)
    token_bytes = [b""] + [b"x" * (1 + id % 3) for id in range(1, VOCABULARY)]
    expected = pipelines.measure(model, texts, token_bytes, CONTEXT)
    assert bits_per_byte(nats, held_out) == pytest.approx(expected.bits_per_byte, rel=1e-5)
    assert train_peers.document_nats(nats, held_out) == pytest.approx(expected.nats, rel=1e-5)


def test_documents_are_cut_and_nothing_else_is_counted() -> None:
    texts = documents()
    held_out = held(texts, most=20)
    counted = held_out.targets[held_out.targets != train_peers.NOT_COUNTED]
    assert counted.tolist() == [id for text in texts for id in text[1:21].tolist()]


def test_windows_of_a_stream_lie_side_by_side(tmp_path: Path) -> None:
    held_out = train_peers.stream_windows(np.arange(50), CONTEXT)
    held_out.save(tmp_path / "windows.npz")
    again = HeldOut.load(tmp_path / "windows.npz")
    assert again.inputs.shape == (3, CONTEXT)
    assert again.inputs.ravel().tolist() == list(range(48))
    assert again.targets.ravel().tolist() == list(range(1, 49))


def test_uniform_guesses_cost_log2_of_the_vocabulary() -> None:
    held_out = held(documents())
    guess = torch.log(torch.tensor(float(VOCABULARY)))
    nats = measure(lambda x, y: guess.expand(y.shape), held_out)
    assert train_peers.mean_nats(nats, held_out) == pytest.approx(np.log(VOCABULARY), rel=1e-6)


def test_gain_on_the_same_documents_has_a_narrow_interval() -> None:
    held_out = held(documents(40))
    rng = np.random.default_rng(0)
    worse = rng.uniform(20, 60, len(held_out.inputs))
    low, high = real_text.interval(worse, held_out)
    assert low < bits_per_byte(worse, held_out) < high
    assert real_text.gain(worse, worse, held_out) == "—"
    said = real_text.gain(worse * 0.9, worse, held_out)
    number = bits_per_byte(worse, held_out) * 0.1
    assert said.startswith(f"{number:+.3f} (+")


def test_the_clock_stands_still_while_paused() -> None:
    clock = Clock()
    clock.run()
    clock.pause()
    before = clock.seconds
    clock.pause()
    assert clock.seconds == before > 0


def test_settings_are_laid_over_in_depth() -> None:
    config = laid_over(gpu_training.Size(1, 2, 3, 4), {"width": 7})
    assert config == gpu_training.Size(1, 7, 3, 4)
    from pipeline.training.config import PretrainConfig

    changed = laid_over(PretrainConfig(), {"shape": {"layers": 9}, "seed": 2})
    assert (changed.shape.layers, changed.seed) == (9, 2)
    assert changed.shape.width == PretrainConfig().shape.width
    assert unsaved(changed.loop, 12).steps == 12


def test_a_side_that_fails_says_why() -> None:
    with pytest.raises(SystemExit, match="ZeroDivisionError"):
        last_line(["-c", "1 / 0"], 1)


def test_without_a_card_no_table_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("kept")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = ["gpu_training", "--out", str(tmp_path), "--write", str(page)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu_training.main()
    assert page.read_text() == "kept"
    assert not (tmp_path / "table.md").exists()


def test_nanogpt_is_driven_and_its_evaluations_are_not_counted(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "model.py").write_text(FAKE_MODEL)
    (checkout / "train.py").write_text(FAKE_TRAIN)
    held_out = train_peers.stream_windows(np.arange(40) % 7, 4)
    held_out.save(tmp_path / "held_out.npz")
    said = last_line(
        [
            *("-m", "tests.benchmarks.peers.nanogpt_train", "--checkout", checkout),
            *("--data", tmp_path, "--vocabulary", 7, "--held-out", tmp_path / "held_out.npz"),
            *("--nats", tmp_path / "nats.npy", "--max_iters=6", "--eval_interval=3"),
        ],
        1,
    )
    assert [point["step"] for point in said["points"]] == [3, 6]
    assert said["points"][-1]["nats"] == pytest.approx(np.log(7), rel=1e-6)
    assert said["steps"] == 6
    assert 0 < said["seconds"] < 100_000  # for each of its evaluations the clock jumps so far
    assert np.load(tmp_path / "nats.npy").shape == (len(held_out.inputs),)


def test_our_side_runs_on_ready_tokens(tmp_path: Path) -> None:
    texts = documents(60)
    for split in ("train", "validation"):
        lengths = np.array([len(text) for text in texts])
        tokens = [text.astype(np.uint16) for text in texts]
        shard_files.save(tmp_path / f"{split}-00000.safetensors", tokens, lengths)
    held(texts).save(tmp_path / "held_out.npz")
    shape = {"layers": 1, "width": 16, "heads": 2, "kv_heads": 2, "head_dim": 8, "ffn_width": 32}
    settings = {"shape": {**shape, "context": CONTEXT}, "loop": {"rows_per_step": 4}}
    said = last_line(
        [
            *("-m", "tests.benchmarks.our_training", "--tokens", tmp_path, "--steps", 9),
            *("--vocabulary", VOCABULARY, "--held-out", tmp_path / "held_out.npz"),
            *("--nats", tmp_path / "nats.npy", "--settings", json.dumps(settings)),
        ],
        1,
    )
    nats = np.load(tmp_path / "nats.npy")
    assert said["bits_per_byte"] == pytest.approx(bits_per_byte(nats, held(texts)), rel=1e-9)
    assert said["nats"] < np.log(VOCABULARY) * 1.1
    assert said["batch_tokens"] == 4 * CONTEXT


def test_the_tables_are_made_of_what_the_sides_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = held(documents(30))
    generator = np.random.default_rng(1)
    nats = generator.uniform(20, 60, len(held_out.inputs))

    def side(
        setting: real_text.Setting,
        chosen: dict[str, float],
        kind: kinds.Kind,
        steps: int,
        windows: Path,
        out: Path,
    ) -> dict[str, object]:
        slower = 1.0 if kind.bf16 else 2.0
        np.save(out, nats * slower)
        said = {"steps": steps, "parameters": 3e6, "matrix_parameters": 2e6}
        bits = bits_per_byte(nats * slower, held_out)
        return {**said, "seconds": steps * 0.5 * slower, "bits_per_byte": bits}

    shown = [kinds.Kind("bf16", {}, "bfloat16"), kinds.Kind("ordinary", {}, "float32")]
    sides = tuple(real_text.Side(one.key, one.name, side) for one in real_text.SIDES)
    monkeypatch.setattr(real_text, "SIDES", sides)
    setting = real_text.Setting(tmp_path, tmp_path, VOCABULARY, tmp_path, 2, 100.0, held_out)
    text = real_text.table(setting, shown, "corpus")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[2:10]]
    assert [row[0] for row in rows] == [one.name for one in sides] * 2
    assert [row[1] for row in rows] == ["bf16"] * 4 + ["ordinary"] * 4
    tuned = real_text.tuned()
    tokens = tuned["bfloat16"]["sides"]["portable"]["chosen"]["rows"] * 256
    assert tuned["float32"]["sides"]["portable"]["chosen"]["rows"] * 256 == tokens
    assert rows[2][3].startswith(f"{bits_per_byte(nats, held_out):.3f} (")
    assert rows[6][3].startswith(f"{bits_per_byte(nats * 2, held_out):.3f} (")
    assert rows[6][4] == "+0.000 (+0.000 to +0.000)"  # against the nanochat of the same CPU
    assert rows[2][5:8] == [
        f"{tokens / 0.5:,.0f}",
        f"{tokens * 200 / 1e6:.2f}M",
        f"200 × {tokens:,}",
    ]
    assert rows[6][5:8] == [f"{tokens:,}", f"{tokens * 100 / 1e6:.2f}M", f"100 × {tokens:,}"]
    # each kind of CPU with what was tuned on it: nanoGPT's batch differs
    batches = [tuned[of]["sides"]["nanogpt"]["chosen"]["rows"] for of in ("bfloat16", "float32")]
    assert batches[0] != batches[1]
    assert [rows[0][7], rows[4][7]] == [f"{n} × {b * 256:,}" for n, b in zip((200, 100), batches)]


def test_seconds_are_the_processors_where_others_use_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(train_peers.time, "process_time", lambda: 10.0)
    monkeypatch.setattr(train_peers.time, "perf_counter", lambda: 7.0)
    monkeypatch.delenv(train_peers.BUSY, raising=False)
    assert train_peers.now() == 7.0
    monkeypatch.setenv(train_peers.BUSY, "1")
    assert train_peers.now() == 5.0


def test_seconds_to_a_loss_of_several_seeds() -> None:
    points = [{"seconds": 1.0, "nats": 2.0}, {"seconds": 2.0, "nats": 1.8}]
    assert shakespeare_table.seconds_to(1.88, points) == 2.0
    assert shakespeare_table.seconds_to(1.7, points) is None
    assert shakespeare_table.between([2.0, 1.0], 1) == "1.0 to 2.0"
    assert shakespeare_table.between([2.0, None], 1) == "2.0 (1 of 2 not)"
    assert shakespeare_table.between([None], 1) == "not reached"
