"""Energy used from a moment on: read from the machine where it can be, else estimated and said so.

The processor's RAPL counters and the GPUs' own (NVML, asked through its C library) count the whole
machine, whoever used it. Without RAPL the processor's part is estimated from processor time.
"""

import contextlib
import ctypes
from pathlib import Path

RAPL = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
# A server core under load, its share of memory and power supply included (SPECpower).
ESTIMATED_WATTS_PER_CORE = 10.0
JOULES_PER_KWH = 3.6e6


class Energy:
    """Counts from its making on."""

    def __init__(self, rapl: Path = RAPL) -> None:
        self._packages = sorted(rapl.glob("intel-rapl:[0-9]*")) if rapl.is_dir() else []
        self._packages = [p for p in self._packages if p.name.count(":") == 1]  # not their parts
        self._last = self._counters()
        self._rapl_joules = 0.0
        self._gpus = _Gpus()
        self._gpu_start = self._gpus.joules()

    def joules(self, cpu_seconds: float) -> tuple[float, str]:
        """(joules so far, how they were found); `cpu_seconds` is for the estimate."""
        now = self._counters()
        if self._last is not None and now is not None:
            for package, before, after in zip(self._packages, self._last, now):
                wrapped = self._range(package) if after < before else 0
                self._rapl_joules += (after - before + wrapped) / 1e6
            self._last = now
            total, methods = self._rapl_joules, ["RAPL, whole machine"]
        else:
            total = cpu_seconds * ESTIMATED_WATTS_PER_CORE
            methods = [f"estimated: CPU seconds x {ESTIMATED_WATTS_PER_CORE:g} W"]
        gpu = self._gpus.joules()
        if self._gpu_start is not None and gpu is not None:
            total += gpu - self._gpu_start
            methods.append("NVML, whole GPUs")
        return total, " + ".join(methods)

    def _counters(self) -> list[int] | None:
        """Microjoules of each processor package; None where there is no leave to read them."""
        try:
            values = [int((p / "energy_uj").read_text()) for p in self._packages]
        except (OSError, ValueError):  # root alone may read them on many machines
            return None
        return values or None

    @staticmethod
    def _range(package: Path) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((package / "max_energy_range_uj").read_text())
        return 0


class _Gpus:
    """NVIDIA's GPUs of this machine, if there are any and their driver counts energy."""

    def __init__(self) -> None:
        self._library: ctypes.CDLL | None = None
        self._handles: list[ctypes.c_void_p] = []
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(NVML)
            count = ctypes.c_uint()
            if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
                return
            for index in range(count.value):
                handle = ctypes.c_void_p()
                if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
                    return
                self._handles.append(handle)
            self._library = library

    def joules(self) -> float | None:
        """Since the driver was loaded, all GPUs together; None if they can't say."""
        if self._library is None or not self._handles:
            return None
        total = 0
        for handle in self._handles:
            millijoules = ctypes.c_ulonglong()
            if self._library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)):
                return None
            total += millijoules.value
        return total / 1e3
