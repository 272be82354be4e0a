"""Sets torch up for a reproducible run, and measures what the machine can do (provenance only).

The number of threads changes how sums are split and so the last bits of a result: it comes from
the recipe, never from the machine.
"""

import os
import time

import torch

from pipeline.model import device as devices
from pipeline.model import precision as precisions
from pipeline.training import distribution
from storage.errors import UserError


def prepare(device: str, precision: str, threads: int) -> tuple[torch.device, torch.dtype]:
    """Threads, determinism, process group; the device and the compute dtype to use."""
    if threads < 1:
        raise UserError(f"threads is {threads}: give the number of torch threads, at least 1")
    torch.set_num_threads(threads)
    picked = devices.pick(device)
    if picked.type == "cuda":
        # cuBLAS is deterministic only with a fixed workspace, set before its first call.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory costs time and guards only against reading what was never written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    picked = distribution.init(picked)
    return picked, precisions.dtype(precisions.resolve(precision, picked))


def measured_peak_flops(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    """FLOP/s of a large square matrix product on this machine, the best of a few."""
    size = 8192 if device.type == "cuda" else 1024
    generator = torch.Generator().manual_seed(0)  # the run's own random numbers stay untouched
    matrix = torch.randn(size, size, generator=generator).to(device, dtype)
    best = float("inf")
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        torch.mm(matrix, matrix)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best
