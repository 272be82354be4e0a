"""Which kinds of CPU a benchmark's tables show side by side.

In: what the machine can do. Out: the machine as it is, and, where it multiplies bf16, the same one
held back to what ordinary servers have (AVX512 with VNNI, float32 products). Held back is not real:
the clock and the caches stay this machine's, and every table says so. Each side gets the same
environment, and bf16 where the kind multiplies it and nowhere else.
"""

import dataclasses
import platform
from collections.abc import Mapping
from pathlib import Path

from pipeline.model import instructions, precision

HELD_BACK = {instructions.VARIABLE: "avx512_vnni", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A column's heading, and how a process is made to be of that kind."""

    name: str
    environment: Mapping[str, str]
    precision: str  # of products: float32 or bfloat16

    @property
    def bf16(self) -> bool:
        return self.precision == "bfloat16"


def kinds() -> list[Kind]:
    """This machine's own kind first."""
    own = precision.resolve("auto")
    if own != "bfloat16":
        return [Kind("ordinary", {}, own)]
    found = [Kind("bf16", {}, own)]
    if instructions.CEILINGS["avx512_vnni"] <= instructions.flags():
        found.append(Kind("ordinary (forced)", HELD_BACK, "float32"))
    return found


def marker(table: str) -> str:
    """Where this machine's table stands: one without bf16 overwrites none that has it."""
    return table if kinds()[0].bf16 else f"{table}-ordinary"


def note(shown: list[Kind]) -> str:
    """A sentence on what the kinds are."""
    own = f"CPU: {processor()}"
    forced = [kind for kind in shown if kind.environment]
    if not forced:
        return f"{own}, which multiplies {shown[0].precision}."
    switches = " ".join(f"{name}={value}" for name, value in forced[0].environment.items())
    return (
        f"{own}. Ordinary is forced, not another machine: the same one for all sides with"
        f" {switches}, hence {forced[0].precision} products."
    )


def processor() -> str:
    """Its name, as the system says it, and the widest of the instructions that our kernels know."""
    has = instructions.flags() | {"amx_bf16"}  # few have it, and it alone makes no kind
    widest = [name for name, needed in instructions.CEILINGS.items() if needed <= has][-1]
    return f"{_name()} ({widest})"


def _name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.processor() or platform.machine()
