"""Which library multiplies on a CPU, in which mode, so that every run gives the same bytes.

Unless told otherwise, MKL picks a kernel by the memory alignment of its arrays, so float32 products
differed between two runs of one recipe. Its "conditional numerical reproducibility" (MKL_CBWR)
prevents that; MKL reads the variable once, at its first product. Importing `pipeline.model` sets
it: in this process and, since children inherit it, in all that are started from here. A mode that
is already in the environment is kept. OpenBLAS and Accelerate have no such switch; none is known to
be needed.
"""

import ctypes
import functools
import os
import re
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.model import device as devices
from pipeline.model import instructions
from storage.errors import UserError

VARIABLE = "MKL_CBWR"
# What MKL's AVX-512 branch needs; all of Intel's server CPUs since Skylake have it.
AVX512 = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
_BRANCH, _OFF = 1, 1  # mkl_cbwr_get's question, and its answer where no mode is in force


def mode_for(vendor: str, flags: frozenset[str]) -> str:
    """MKL's mode for a CPU of this vendor and these flags: the widest that is reproducible."""
    if vendor == "GenuineIntel":
        # Named, so that two CPUs of different width have different names for different bytes.
        # STRICT assumes nothing about the alignment of arrays.
        if flags >= AVX512:
            return "AVX512,STRICT"
        if "avx2" in flags:
            return "AVX2,STRICT"
    # On other makers' CPUs MKL knows no branch but this one; COMPATIBLE (SSE2) is far slower.
    return "AUTO"


def require() -> None:
    """Set this CPU's mode in the environment, unless one is set."""
    if not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = mode_for(*_cpu())


def resolve(name: str, device: torch.device | str = "cpu") -> str:
    """The name of what multiplies on this machine; "" for a device other than the CPU.

    Args:
        name: `auto`, or what a recipe names.
        device: where products run.

    Raises:
        UserError: the recipe names something else than this machine has.
    """
    if not devices.on_cpu(torch.device(device)):
        return ""  # no promise is made for other devices
    if name not in ("auto", (here := _here())):
        raise UserError(f"products are {name!r} in the recipe, but this machine's are {here!r}")
    return here


def check() -> None:
    """Check that MKL read its mode before its first product.

    Raises:
        UserError: it did not, so that results would not be reproducible.
    """
    if _branch() == _OFF:
        raise UserError(
            "MKL was at work before pipeline.model was imported, so products would differ from run"
            f" to run: import it first, or set {VARIABLE}={mode_for(*_cpu())} in the environment"
        )


def _here() -> str:
    """The library, its mode, and the width by which torch's own loops and the kernels sum."""
    width = torch.backends.cpu.get_cpu_capability()
    if (forced := os.environ.get(instructions.VARIABLE, "auto")) not in ("", "auto"):
        width += f" with {forced} kernels"
    if torch.backends.mkl.is_available():
        return f"mkl {os.environ.get(VARIABLE, 'OFF')} on {width}"
    return f"{_library()} on {width}"


def _library() -> str:
    found = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    name = found[1].lower() if found else "blas"
    return {"open": "openblas", "veclib": "accelerate"}.get(name, name)


def _cpu() -> tuple[str, frozenset[str]]:
    """The CPU's vendor and flags; empty where the system doesn't list them (it is not Linux)."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "", frozenset()
    vendor = re.search(r"^vendor_id\s*:\s*(\S+)", text, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.*)", text, re.MULTILINE)
    return vendor[1] if vendor else "", frozenset(flags[1].split() if flags else ())


def _branch() -> int | None:
    """The mode in force in this process, as MKL reports it; None if it can't be asked."""
    ask = _question()
    return None if ask is None else ask(_BRANCH)


@functools.cache
def _question() -> Callable[[int], int] | None:
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        loaded = ctypes.CDLL(str(library))
    except OSError:
        return None
    for name in ("mkl_serv_cbwr_get", "MKL_CBWR_Get"):  # linked into torch, or beside it (conda)
        if hasattr(loaded, name):
            found: Callable[[int], int] = getattr(loaded, name)
            return found
    return None
