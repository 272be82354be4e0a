"""Sets torch up for a reproducible run, and measures what the machine can do (provenance only).

The number of threads changes how sums are split and so the last bits of a result: it comes from
the recipe, never from the machine. Bitwise reproduction is promised on CPUs; on a GPU the
deterministic backward passes of attention and embedding would cost more than they are worth.
"""

import time

import torch

from pipeline.model import device as devices
from pipeline.model import precision as precisions
from pipeline.model import products as cpu_products
from pipeline.training import distribution
from pipeline.training.allocator import keep_freed_memory

# Rows and columns of the product by which a machine's peak rate is measured.
PEAK_SIZE_GPU, PEAK_SIZE_CPU = 8192, 1024


def prepare(
    device: str, precision: str, threads: int, products: str = "auto"
) -> tuple[torch.device, torch.dtype]:
    """Set threads, determinism and process group.

    Args:
        device: cpu, cuda or auto.
        precision: float32, bfloat16 or auto.
        threads: of torch.
        products: the CPU's reproducible mode, see `pipeline.model.products`.

    Returns:
        The device and the dtype of products.

    Raises:
        UserError: there is no such device, precision or mode.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    picked = devices.pick(device)
    cpu_products.resolve(products, picked)  # the recipe's, or this machine can't make it
    if devices.on_cpu(picked):
        cpu_products.check()
    # As use_deterministic_algorithms, which imports the compiler to tell it as well: two seconds.
    torch.set_deterministic_debug_mode("error" if devices.on_cpu(picked) else "default")
    # Filling fresh memory costs time and guards only against reading what was never written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    picked = distribution.init(picked)
    dtype = precisions.dtype(precisions.resolve(precision, picked))
    if devices.on_cuda(picked) and dtype == torch.bfloat16:
        # Where the recipe takes bfloat16, what is left in float32 may take TF32's finer products.
        torch.set_float32_matmul_precision("high")
    return picked, dtype


def measured_peak_flops(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    """FLOP/s of a large square matrix product on this machine, the best of `repeats`."""
    size = PEAK_SIZE_GPU if devices.on_cuda(device) else PEAK_SIZE_CPU
    generator = torch.Generator().manual_seed(0)  # the run's own random numbers stay untouched
    matrix = torch.randn(size, size, generator=generator).to(device, dtype)  # [size, size]
    best = float("inf")
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        torch.mm(matrix, matrix)
        if devices.on_cuda(device):
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best
