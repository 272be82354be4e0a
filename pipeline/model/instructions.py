"""Which instructions the C kernels may use here: what the processor has, and a switch to use less.

In: the processor's flags and the environment variable CRAWL2CHAT_KERNELS. Out: the flags that count
and, of a kernel's builds, the widest one that runs. Each kernel asks only for what it needs itself:
512-bit float32 needs no bf16, nor does int8. The switch makes this processor act like an older one
(for a test, or to compare the results of two machines); workers inherit it.
"""

import importlib
import os
from types import ModuleType

import torch

from storage.errors import UserError

VARIABLE = "CRAWL2CHAT_KERNELS"
AVX2 = frozenset({"avx2", "fma3"})
AVX512 = AVX2 | {"avx512_f", "avx512_bw", "avx512_dq", "avx512_vl"}
# What each value of the switch allows; `portable` is SSE2 on x86 and NEON on ARM.
CEILINGS = {
    "portable": frozenset[str](),
    "avx2": AVX2,
    "avx512": AVX512,
    "avx512_vnni": AVX512 | {"avx512_vnni"},
    "avx512_bf16": AVX512 | {"avx512_vnni", "avx512_bf16", "amx_bf16"},
}
# Builds of a kernel, the widest first: the end of its module's name, what it says it was compiled
# for (a compiler may know no such instructions), and the flags it needs.
BUILDS = (
    ("512", ("avx512",), AVX512),
    ("256", ("avx2",), AVX2),
    ("128", ("neon", "portable"), frozenset[str]()),
)
# The instruction that multiplies a format; without it the format is multiplied by slower ones.
SPECIAL = {"bfloat16": "avx512_bf16", "int8": "avx512_vnni"}
KINDS = {"_fused": "training", "_decode": "decoding"}


def flags() -> frozenset[str]:
    """The processor's flags as torch names them, limited to what the switch allows.

    Raises:
        UserError: the switch has an unknown value, or asks for more than the processor has.
    """
    has = frozenset(name for name, value in torch.cpu.get_capabilities().items() if value is True)
    ceiling = os.environ.get(VARIABLE, "")
    if ceiling in ("", "auto"):
        return has
    if ceiling not in CEILINGS:
        raise UserError(f"{VARIABLE} is {ceiling!r}: use auto, {', '.join(CEILINGS)}")
    missing = CEILINGS[ceiling] - has - {"amx_bf16"}
    if missing:
        raise UserError(f"{VARIABLE} is {ceiling!r}, but this processor has no {min(missing)}")
    return has & CEILINGS[ceiling]


def build_of(kernel: str) -> ModuleType | None:
    """A kernel's widest build that runs here; None if none was built."""
    has = flags()
    for ending, names, needed in BUILDS:
        try:
            module = importlib.import_module(f"pipeline.model.{kernel}{ending}")
        except ImportError:  # a bare checkout, its extensions not built: torch does the work
            return None
        if module.INSTRUCTIONS in names and needed <= has:
            return module
    return None


def has_instruction(format: str) -> bool:
    """Whether the processor has an instruction of its own for a format's products."""
    return SPECIAL.get(format) in flags()


def described() -> str:
    """For people: the build of each kernel, and the products of each format."""
    parts = []
    for kernel, kind in KINDS.items():
        build = build_of(kernel)
        parts.append(f"{kind} by {'torch' if build is None else build.INSTRUCTIONS}")
    if (build := build_of("_decode")) is not None:
        own = {f: SPECIAL[f] if has_instruction(f) else build.INSTRUCTIONS for f in SPECIAL}
        parts[-1] += f" (float32 {build.INSTRUCTIONS}, bfloat16 {own['bfloat16']}, int8 "
        parts[-1] += f"{own['int8']})"
    forced = os.environ.get(VARIABLE, "auto")
    return ", ".join(parts) + ("" if forced in ("", "auto") else f"; {VARIABLE}={forced}")
