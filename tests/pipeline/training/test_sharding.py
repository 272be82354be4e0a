"""FSDP and HSDP in gloo processes: one process' curve, also across a change of their number."""

import dataclasses
import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import cast

import pytest
import torch
import warm_ranks
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE_SECONDS, eventually
from worker_process import start_worker

from pipeline import model as models
from pipeline.config import to_dict
from pipeline.model import Transformer
from pipeline.stage import SILENT
from pipeline.training import checkpoint, distribution, sharded_checkpoint, sharding
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig, PretrainConfig
from pipeline.training.optimizers import build_optimizer
from pipeline.training.pretrain import STAGE, PretrainInputs, build
from pipeline.training.replicas import ReplicatedStore
from pipeline.training.run_records import CheckpointMeta
from pipeline.training.sharding import Piece, rows_of
from storage.errors import UserError
from storage.tables import read_table

# Rows that four processes can't share evenly (41 = 11 + 11 + 11 + 8), and fewer rows than that.
SHAPE = ModelShape(layers=2, width=18, heads=2, kv_heads=1, head_dim=8, ffn_width=41, context=32)
STEPS = 12
LOOP = LoopConfig(
    steps=STEPS,
    rows_per_step=8,
    micro_rows=1,
    warmup_steps=2,
    validate_every=6,
    validation_rows=8,
    checkpoint_steps=1,
    checkpoint_keep=100,
)
CONFIG = PretrainConfig(
    SHAPE, LOOP, OptimizerConfig(), "float32", threads=1, device="cpu", parallelism="fsdp"
)


def spec_of(artifacts: dict[str, Path], root: Path, config: PretrainConfig, processes: int) -> dict:
    """What a flow would have built below `root`, whose scratch may hold checkpoints."""
    (root / "out").mkdir(parents=True, exist_ok=True)
    return {
        "entry": STAGE.entry,
        "out": str(root / "out"),
        "inputs": {key: [str(path)] for key, path in artifacts.items()},
        "config": to_dict(config),
        "scratch": str(root / "scratch"),
        "processes": processes,
    }


def start(
    artifacts: dict[str, Path], root: Path, config: PretrainConfig, processes: int
) -> "subprocess.Popen[str]":
    return start_worker(root, spec_of(artifacts, root, config, processes))


def curve(
    artifacts: dict[str, Path], root: Path, config: PretrainConfig, processes: int
) -> list[float]:
    """Of so many processes, which torchrun need not start each time."""
    warm_ranks.build(root, spec_of(artifacts, root, config, processes))
    return read_table(root / "out" / "metrics.parquet")["loss"].to_pylist()


def alone(artifacts: dict[str, Path], root: Path, config: PretrainConfig) -> list[float]:
    """The same in this process, which is one alone."""
    out = root / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    inputs = PretrainInputs(tokens=[artifacts["tokens"]], tokenizer=[artifacts["tokenizer"]])
    build(out=out, inputs=inputs, config=config, progress=SILENT, scratch=root / "scratch")
    return read_table(out / "metrics.parquet")["loss"].to_pylist()


@pytest.fixture(scope="module")
def expected(
    artifacts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[float]]:
    """An undisturbed run of one process without sharding, and its losses."""
    root = tmp_path_factory.mktemp("alone")
    config = dataclasses.replace(CONFIG, parallelism="ddp")
    return root, alone(artifacts, root, config)


def test_sharded_processes_follow_one_process(artifacts, expected, tmp_path):
    root, losses = expected
    process = start(artifacts, tmp_path, CONFIG, 2)  # by torchrun, as a flow does
    _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, stderr
    found = read_table(tmp_path / "out" / "metrics.parquet")["loss"].to_pylist()
    assert found == pytest.approx(losses, abs=1e-4)
    plain, _ = models.load(root / "out")
    sharded, _ = models.load(tmp_path / "out")
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(sharded.state_dict()[name], tensor, atol=1e-3, rtol=0)
    # Every process wrote its own part, and no part holds everything.
    parts = sorted((tmp_path / "scratch").glob("checkpoint-000000005.*.safetensors"))
    assert [part.name.split(".")[1] for part in parts] == ["00000-of-00002", "00001-of-00002"]
    sizes = [part.stat().st_size for part in parts]
    assert max(sizes) < 0.75 * sum(sizes)


def test_it_resumes_on_other_numbers_of_processes(artifacts, expected, tmp_path):
    """1 process for 4 steps, 2 for 3, 4 for 2, and 1 again to the end: the same curve."""
    losses, scratch = expected[1], tmp_path / "scratch"
    for processes, reached in ((1, 4), (2, 7), (4, 9)):
        run = alone if processes == 1 else functools.partial(curve, processes=processes)
        run(artifacts, tmp_path, CONFIG)
        keep_until(scratch, reached)
        parts = list(scratch.glob(f"checkpoint-{reached:09d}.*-of-{processes:05d}.json"))
        assert len(parts) == processes
    older = {path.stat().st_mtime_ns for path in scratch.glob("checkpoint-000000009.*")}
    assert alone(artifacts, tmp_path, CONFIG) == pytest.approx(losses, abs=1e-4)
    assert {p.stat().st_mtime_ns for p in scratch.glob("checkpoint-000000009.*")} == older
    metrics = read_table(tmp_path / "out" / "metrics.parquet")
    assert metrics["step"].to_pylist() == list(range(1, STEPS + 1))


def test_two_replicas_of_two_processes_follow_one_process(artifacts, expected, tmp_path):
    """Begun by one process, gone on with by 2 x 2, which recompute activations; ended by 2."""
    (root, losses), scratch = expected, tmp_path / "scratch"
    loop = dataclasses.replace(LOOP, activation_checkpointing="layers")
    begun = dataclasses.replace(CONFIG, loop=loop)
    alone(artifacts, tmp_path, begun)
    keep_until(scratch, 3)
    hybrid = dataclasses.replace(begun, parallelism="hsdp", replicas=2)
    assert curve(artifacts, tmp_path, hybrid, 4) == pytest.approx(losses, abs=1e-4)
    plain, _ = models.load(root / "out")
    sharded, _ = models.load(tmp_path / "out")
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(sharded.state_dict()[name], tensor, atol=1e-3, rtol=0)
    # One replica wrote: two parts, of which none holds everything.
    parts = sorted(scratch.glob("checkpoint-000000007.*.safetensors"))
    assert [part.name.split(".")[1] for part in parts] == ["00000-of-00002", "00001-of-00002"]
    sizes = [part.stat().st_size for part in parts]
    assert max(sizes) < 0.75 * sum(sizes)
    keep_until(scratch, 7)
    assert curve(artifacts, tmp_path, begun, 2) == pytest.approx(losses, abs=1e-4)
    metrics = read_table(tmp_path / "out" / "metrics.parquet")
    assert metrics["step"].to_pylist() == list(range(1, STEPS + 1))


def keep_until(scratch: Path, reached: int) -> None:
    """As if the run had been killed after so many steps."""
    for step in range(reached + 1, STEPS + 1):
        for path in scratch.glob(f"checkpoint-{step:09d}.*"):
            path.unlink()


def test_replicas_must_fit_the_processes(make_model, monkeypatch):
    model = make_model()
    assert sharding.shard(model, 3) is model  # one process has nobody to share with
    monkeypatch.setattr(distribution, "world", lambda: 2)
    with pytest.raises(UserError, match=r"replicas is 3: 2 processes can't be divided so"):
        sharding.shard(model, 3)


def test_replicas_that_see_other_checkpoints_are_refused(make_model, monkeypatch, tmp_path):
    """As processes of two replicas would, of which one finds step 5 and this one nothing."""
    store = object.__new__(ReplicatedStore)
    store._group = None
    monkeypatch.setattr(distribution, "broadcast_number", lambda value, device: 5)
    optimizer = build_optimizer(make_model(), OptimizerConfig())
    with pytest.raises(UserError, match="storage that all nodes share"):
        store.restore(tmp_path, make_model(), optimizer, ["f"])


def test_speedrun_in_bfloat16_is_sharded_too(artifacts, tmp_path):
    """Rounded weights, gathered twice; n-gram tables with a rule of their own, by rows."""
    shape = dataclasses.replace(SHAPE, family="speedrun", ngram_rows=(51, 30), ngram_width=6)
    loop = dataclasses.replace(LOOP, steps=6)  # a CPU without bf16 takes a second for each
    config = dataclasses.replace(CONFIG, precision="bfloat16", shape=shape, loop=loop)
    one = alone(artifacts, tmp_path / "one", config)
    assert curve(artifacts, tmp_path / "two", config, 2) == pytest.approx(one, abs=2e-2)


@pytest.mark.parametrize("parallelism", ["ddp", "fsdp"])
def test_when_a_process_dies_all_end_soon(artifacts, tmp_path, parallelism):
    config = dataclasses.replace(
        CONFIG, parallelism=parallelism, loop=dataclasses.replace(LOOP, steps=100_000)
    )
    process = start(artifacts, tmp_path, config, 2)
    scratch = tmp_path / "scratch"
    eventually(lambda: list(scratch.glob("checkpoint-*.json")) or process.poll() is not None)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    os.kill(int(children[1]), signal.SIGKILL)
    process.communicate(timeout=PATIENCE_SECONDS)  # torchrun waits 30 s for those that don't listen
    assert process.returncode != 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@given(st.integers(1, 500), st.integers(1, 9))
def test_rows_are_cut_as_fsdp_cuts_them(total, world):
    cuts = [rows_of(total, rank, world) for rank in range(world)]
    chunks = torch.arange(total).chunk(world)
    assert [end - first for first, end in cuts if end > first] == [len(c) for c in chunks]
    assert [cut[0] for cut in cuts[: len(chunks)]] == [int(c[0]) for c in chunks]


@given(
    total=st.integers(1, 40), old=st.integers(1, 5), new=st.integers(1, 5), width=st.integers(1, 3)
)
def test_any_rows_are_read_from_any_cut(tmp_path_factory, total, old, new, width):
    folder = tmp_path_factory.mktemp("cuts")
    matrix = torch.arange(total * width, dtype=torch.float32).view(total, width)
    files = []
    for rank in range(old):
        first, end = rows_of(total, rank, old)
        tensors = {"m": matrix[first:end], "rows.m": torch.tensor([first, total])}
        files.append(folder / f"{rank}.safetensors")
        files[-1].write_bytes(b"".join(bytes(p) for p in checkpoint.serialized(tensors)))
    with sharded_checkpoint._TensorReader(files) as reader:
        assert reader.total("m") == total
        for rank in range(new):
            first, end = rows_of(total, rank, new)
            assert torch.equal(reader.read("m", first, end - first), matrix[first:end])


def save_one(folder: Path, model: Transformer, step: int, text: str = "") -> None:
    optimizer = build_optimizer(model, OptimizerConfig())
    tensors = sharded_checkpoint.snapshot(model, optimizer)
    meta = cast(CheckpointMeta, {"fingerprint": ["f"], "notes": {"text": text}})
    sharded_checkpoint.write(folder, step, tensors, meta, checkpoint.newest_two)


def test_a_torn_or_damaged_checkpoint_is_passed_over(make_model, tmp_path):
    for step in (10, 20, 30):
        save_one(tmp_path, make_model(step), step, str(step))
    assert not list(tmp_path.glob("checkpoint-000000010.*"))  # the newest two stay
    # A third one of which the second process' part never came, and damage in the second.
    (tmp_path / "checkpoint-000000040.00000-of-00002.json").write_text("{}")
    data = tmp_path / "checkpoint-000000030.00000-of-00001.safetensors"
    data.write_bytes(data.read_bytes()[:-1] + b"!")
    model = make_model(1)
    step, notes = sharded_checkpoint.restore(
        tmp_path, model, build_optimizer(model, OptimizerConfig()), ["f"]
    )
    assert (step, notes) == (20, {"text": "20"})
    for name, tensor in make_model(20).state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    # What came later must not be mixed with what will be written under its name.
    assert {path.name[:20] for path in tmp_path.iterdir()} == {"checkpoint-000000020"}


def test_another_run_s_checkpoint_is_refused(make_model, tmp_path):
    model = make_model()
    save_one(tmp_path, model, 5)
    with pytest.raises(UserError, match="other settings"):
        sharded_checkpoint.restore(
            tmp_path, model, build_optimizer(model, OptimizerConfig()), ["g"]
        )


def test_a_missing_part_of_a_tensor_is_said(tmp_path):
    tensors = {"m": torch.zeros(2, 2), "rows.m": torch.tensor([0, 5])}
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"".join(bytes(p) for p in checkpoint.serialized(tensors)))
    with (
        sharded_checkpoint._TensorReader([path]) as reader,
        pytest.raises(UserError, match="rows 2 to 5 of m"),
    ):
        reader.read("m", 0, 5)


def test_an_unknown_parallelism_is_one_line():
    with pytest.raises(UserError, match="'magic': one of ddp, fsdp, hsdp"):
        dataclasses.replace(CONFIG, parallelism="magic")


def test_a_piece_says_where_it_belongs(make_model):
    live = sharded_checkpoint._live(make_model(), build_optimizer(make_model(), OptimizerConfig()))
    piece = live["model.embed_tokens.weight"]
    assert isinstance(piece, Piece)
    assert (piece.first, piece.total) == (0, piece.tensor.shape[0])
