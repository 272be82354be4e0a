"""The engine alone, with no server around it: ours, for beside llama.cpp's own benchmarks.

In: a model's folder. Out: tokens a second that it reads and writes, by number of rows. Ours samples
at temperature 1, theirs nothing; both are warm, and the median of some repeats counts of ours, the
mean (llama-bench) or a single run (llama-batched-bench) of theirs, as they say it.
"""

import dataclasses
import random
import statistics
import time
from pathlib import Path

import torch

from pipeline.model import load, native
from pipeline.model.engine import Engine
from tests.benchmarks.engine import PRECISIONS, precisions
from tests.benchmarks.llama_cpp import EngineSpeed

FEW_ROWS = 16  # fewer are repeated more often: they take some milliseconds


@dataclasses.dataclass(frozen=True)
class Rows:
    """A case: rows, and tokens of each."""

    rows: int
    prompt: int
    new: int


def formats() -> list[str]:
    """Those that this machine's kernels have: the fastest whole one, and int8."""
    return [[*precisions()][-1], "int8"]


def ours(folder: Path, format: str, case: Rows, repeats: int) -> EngineSpeed | None:
    """None where this machine has no such kernel."""
    engine = engine_of(folder, format)
    if engine is None:
        return None
    first = seconds(engine, case, 1, repeats)
    rest = seconds(engine, case, 1 + case.new, repeats) - first
    return EngineSpeed(
        case.rows, case.rows * case.prompt / first, case.rows * case.new / max(rest, 1e-9)
    )


def offline(folder: Path, case: Rows, repeats: int) -> float:
    """Tokens a second from prompts to the last token: what a server can at most pass on."""
    engine = engine_of(folder, formats()[0])
    assert engine is not None
    return case.rows * case.new / seconds(engine, case, case.new, repeats)


def engine_of(folder: Path, format: str) -> Engine | None:
    model, _ = load(folder)
    model.compute_dtype = PRECISIONS.get(format, torch.float32)
    if native.kernels(model) is None:
        return None
    return Engine(model, int8=format == "int8", frozen=True)


def seconds(engine: Engine, case: Rows, new: int, repeats: int) -> float:
    chance = random.Random(0)
    most = engine.model.config.vocab_size
    prompts = [[chance.randrange(most) for _ in range(case.prompt)] for _ in range(case.rows)]
    engine.generate(prompts[:1], max_new_tokens=4)
    took = []
    for _ in range(repeats * FEW_ROWS // min(FEW_ROWS, case.rows)):
        begun = time.perf_counter()
        engine.generate(prompts, max_new_tokens=new)
        took.append(time.perf_counter() - begun)
    return statistics.median(took)
