"""Two nodes on one machine: a torchrun each, with gloo, that meet by node 0's address."""

import dataclasses
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
import torch
from patience import PATIENCE_SECONDS, eventually
from toy_artifacts import PostTraining, make_artifacts
from two_nodes import start_nodes

from pipeline.config import to_dict
from pipeline.stage import SILENT
from pipeline.training.config import LoopConfig, ModelShape, OptimizerConfig, PretrainConfig
from pipeline.training.pretrain import STAGE, PretrainInputs, build
from pipeline.worker import rendezvous
from pipeline.worker.rendezvous import LOST_PEER, Rendezvous
from storage.tables import read_table

SHAPE = ModelShape(layers=2, width=32, heads=2, kv_heads=2, head_dim=16, ffn_width=64, context=32)
LOOP = LoopConfig(
    steps=8,
    rows_per_step=8,
    warmup_steps=2,
    validate_every=4,
    validation_rows=8,
    checkpoint_steps=2,
)
CONFIG = PretrainConfig(SHAPE, LOOP, OptimizerConfig(), "float32", threads=1, device="cpu")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_artifacts(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def torch_as_it_was():
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(before[0])
    torch.set_deterministic_debug_mode(before[1])


def spec_of(toy: PostTraining, root: Path, config: PretrainConfig) -> dict:
    (root / "out").mkdir(parents=True, exist_ok=True)
    return {
        "entry": STAGE.entry,
        "out": str(root / "out"),
        "inputs": {"tokens": [str(toy.tokens)], "tokenizer": [str(toy.base)]},
        "config": to_dict(config),
        "scratch": str(root / "scratch"),
        "processes": 1,
    }


def test_two_nodes_follow_one_process(toy, tmp_path, torch_as_it_was):
    """A replica each, which hold half of the batch; node 0 alone speaks and writes."""
    alone = tmp_path / "alone"
    (alone / "out").mkdir(parents=True)
    inputs: PretrainInputs = {"tokens": [toy.tokens], "tokenizer": [toy.base]}
    build(alone / "out", inputs, CONFIG, SILENT, alone / "scratch")
    nodes = start_nodes(tmp_path, spec_of(toy, tmp_path, CONFIG))
    said = [node.communicate(timeout=PATIENCE_SECONDS) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    first, second = ([json.loads(line) for line in out.splitlines()] for out, _ in said)
    assert first[-1]["event"] == "done"
    assert first[-1]["statistics"]["processes"] == 2
    assert [event["event"] for event in second] == ["done"]
    one, two = (read_table(root / "out" / "metrics.parquet") for root in (alone, tmp_path))
    assert two["loss"].to_pylist() == pytest.approx(one["loss"].to_pylist(), abs=1e-4)


def test_a_node_that_dies_ends_the_other_and_a_try_can_be_made_again(toy, tmp_path):
    """Its processes and its torchrun at once, as when the machine goes: soon and by name."""
    endless = dataclasses.replace(CONFIG, loop=dataclasses.replace(LOOP, steps=100_000))
    nodes = start_nodes(tmp_path, spec_of(toy, tmp_path, endless))
    scratch = tmp_path / "scratch"
    eventually(lambda: list(scratch.glob("checkpoint-*.json")) or nodes[0].poll() is not None)
    os.killpg(nodes[1].pid, signal.SIGKILL)
    _, log = nodes[0].communicate(timeout=PATIENCE_SECONDS)
    nodes[1].communicate()
    assert nodes[0].returncode != 0
    codes = set(re.findall(r"exitcode\s*:\s*(-?\d+)", log))
    assert codes == {str(LOST_PEER)}, log  # flows.runner.workers knows: this one may be tried again
    assert any(scratch.glob("checkpoint-*.json"))  # from where the next try goes on


def test_what_torchrun_is_told():
    meeting = Rendezvous(3, 0, "localhost:29400", "try", 90)
    first, other = (dataclasses.replace(meeting, node_rank=rank).arguments for rank in (0, 2))
    assert first[:4] == [
        "--nnodes=3",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=localhost:29400",
        "--rdzv-id=try",
    ]
    assert first[4:] == [
        "--rdzv-conf=is_host=1,join_timeout=90,read_timeout=60",
        "--local-addr=localhost",
    ]
    assert other[4].startswith("--rdzv-conf=is_host=0,")
    assert other[5] in ("--local-addr=127.0.0.1", "--local-addr=::1")


def test_one_machine_stays_as_it_was(monkeypatch):
    called = []
    monkeypatch.setattr(os, "execv", lambda *arguments: called.append(arguments))
    rendezvous.become_torchrun(4, None, "pipeline.worker.child", "spec.json")
    ((program, command),) = called
    assert program == sys.executable == command[0]
    assert command[1:] == [
        *("-P", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"),
        *("-m", "pipeline.worker.child", "spec.json"),
    ]


def test_processes_are_numbered_by_their_node(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("RANK", "3")  # torchrun's, by who came first
    rendezvous.number_processes(Rendezvous(3, 2, "localhost:29400", "try"))
    assert os.environ["RANK"] == "11"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer"), True),
        (torch.distributed.DistBackendError("NCCL error"), True),
        (RuntimeError("shape '[3]' is invalid for input of size 4"), False),
        (KeyError("connection closed by peer"), False),
    ],
)
def test_which_errors_say_that_a_peer_is_gone(error, expected):
    assert rendezvous.lost_a_peer(error) is expected
