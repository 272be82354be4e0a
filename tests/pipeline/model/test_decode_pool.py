"""The decoder's threads: kept between calls, made anew after a fork, one job at a time."""

import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE_SECONDS

from pipeline.model import ModelConfig, Transformer, native

ROOT = Path(__file__).parents[3]
SHAPE = (64, 2, 32, 1, 1, 32, 32, 64)
# In a process of its own: threads that wait for each other in C can't be interrupted.
BEGIN = f"""
import os, sys, threading
import torch
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine

def engine(seed=0, width=32):
    shape = list({SHAPE})
    shape[2] = width
    model = Transformer(ModelConfig(*shape)).init_weights(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return Engine(model, frozen=True)

PROMPTS = [[1 + row % 60, 5] for row in range(50)]

def made(engine, threads=2):
    torch.set_num_threads(threads)
    return [c[0].tokens for c in engine.generate(PROMPTS, max_new_tokens=30, seed=3)]

def native_threads():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
"""


def run(program: str) -> str:
    if native.kernels(Transformer(ModelConfig(*SHAPE))) is None:
        pytest.skip("the C kernels are not built")
    command = [sys.executable, "-c", BEGIN + program]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def test_threads_are_kept_and_their_number_may_change() -> None:
    run("""
one = engine()
expected = made(one, 1)
counts = []
for threads in (3, 2, 1, 4, 3):
    for _ in range(8):
        assert made(one, threads) == expected
    counts.append(native_threads())
assert counts[0] == counts[1] == counts[2], counts  # 3 of them, and none more for fewer
assert counts[3] == counts[4] == counts[0] + bool(counts[0]), counts
""")


def test_a_forked_process_has_threads_of_its_own() -> None:
    run("""
one = engine()
expected = made(one)
for _ in range(3):
    child = os.fork()
    if not child:
        for _ in range(4):
            if made(one) != expected:
                os._exit(1)
        grandchild = os.fork()
        if not grandchild:
            os._exit(made(one) != expected)
        os._exit(os.waitpid(grandchild, 0)[1] != 0)
    assert made(one) == expected
    assert os.waitpid(child, 0)[1] == 0
""")


def test_a_fork_waits_for_the_job_of_another_thread() -> None:
    """Else the child would have the locks of a thread that it has not."""
    run("""
one = engine()
expected = made(one)
on = True
def busily():
    while on:
        assert made(one) == expected
thread = threading.Thread(target=busily)
thread.start()
for _ in range(10):
    child = os.fork()
    if not child:
        os._exit(made(one) != expected)
    assert os.waitpid(child, 0)[1] == 0
on = False
thread.join()
""")


def test_callers_take_turns() -> None:
    """Buffers are one model's at a time: two of different sizes, and the larger one first."""
    run("""
engines = [engine(0, 64), engine(1, 32), engine(2, 32)]
expected = [made(one) for one in engines]
wrong = []
def often(number):
    for _ in range(8):
        if made(engines[number]) != expected[number]:
            wrong.append(number)
threads = [threading.Thread(target=often, args=(n % 3,)) for n in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not wrong, wrong
""")
