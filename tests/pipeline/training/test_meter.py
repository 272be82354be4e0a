from typing import Any

import pytest
import torch

from pipeline.energy import ESTIMATED_WATTS_PER_CORE, JOULES_PER_KWH, Energy
from pipeline.training.matrix_rate import MatrixRate
from pipeline.training.meter import TrainingMeter, peak_memory

CPU = torch.device("cpu")


@pytest.fixture
def rapl(tmp_path):
    """Two packages, one with a part of its own that must not be counted twice."""

    def write(first: int, second: int) -> None:
        for name, value in (("0", first), ("1", second), ("0:0", 10**9)):
            folder = tmp_path / f"intel-rapl:{name}"
            folder.mkdir(exist_ok=True)
            (folder / "energy_uj").write_text(f"{value}\n")
            (folder / "max_energy_range_uj").write_text("1000000000\n")

    write(0, 0)
    return write


def test_energy_from_the_processors_counters(rapl, tmp_path):
    rapl(999_000_000, 5_000_000)
    energy = Energy(tmp_path)
    rapl(999_500_000, 7_000_000)
    assert energy.joules(1e9)[0] == pytest.approx(2.5)
    rapl(1_000_000, 8_000_000)  # the first counter came to its end and began again
    joules, method = energy.joules(1e9)
    assert joules == pytest.approx(2.5 + 1.5 + 1.0)
    assert method == "RAPL, whole machine"


def test_energy_is_estimated_where_nothing_counts_it(tmp_path):
    joules, method = Energy(tmp_path / "absent").joules(12.0)
    assert joules == 12.0 * ESTIMATED_WATTS_PER_CORE
    assert method.startswith("estimated")


class Driver:
    """Two GPUs that count millijoules, asked as NVML's library is; or one that can't say."""

    def __init__(self, counts: bool = True) -> None:
        self.counts, self.millijoules = counts, [5_000, 70_000]

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.millijoules)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = index + 1
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, value: Any) -> int:
        value._obj.value = self.millijoules[handle.value - 1]
        return 0 if self.counts else 3  # NVML_ERROR_NOT_SUPPORTED


def test_gpus_add_what_they_count(tmp_path, monkeypatch):
    driver = Driver()
    monkeypatch.setattr("pipeline.energy.ctypes.CDLL", lambda name: driver)
    energy = Energy(tmp_path)
    driver.millijoules = [6_000, 90_000]
    joules, method = energy.joules(2.0)
    assert joules == pytest.approx(2.0 * ESTIMATED_WATTS_PER_CORE + 21.0)
    assert method.endswith(" + NVML, whole GPUs")
    driver.counts = False
    assert "NVML" not in energy.joules(2.0)[1]


def test_rows_go_on_from_what_was_used_before():
    meter = TrainingMeter(CPU, MatrixRate(2e9), 1000, {"seconds": 50.0, "joules": 3.6e6})
    torch.randn(300, 300) @ torch.randn(300, 300)
    row = meter.row(7, 3000, 1e3)
    assert row["step"] == 7
    assert row["seconds"] > 50.0
    assert row["energy_kwh"] >= 1.0
    speed = row["tokens_per_second"]
    assert speed > 0
    assert row["mfu"] == pytest.approx(1e3 * speed / 2e9)
    assert row["peak_memory_bytes"] == peak_memory(CPU) > 10**7
    used = meter.used()
    assert used["seconds"] >= row["seconds"]
    assert used["joules"] / JOULES_PER_KWH >= row["energy_kwh"]
    assert meter.row(8, 3000, None)["mfu"] is None


def test_a_pause_and_a_rollback_count_in_no_speed(monkeypatch):
    meter = TrainingMeter(CPU, MatrixRate(2e9), 0, {})
    now = meter._start
    monkeypatch.setattr("pipeline.training.meter.time.perf_counter", lambda: now)
    now += 2.0
    with meter.paused():
        now += 100.0
    assert meter.used()["seconds"] == pytest.approx(2.0)
    assert meter.row(1, 100, None)["tokens_per_second"] == pytest.approx(50.0)
    now += 30.0  # reading an earlier checkpoint
    meter.went_back(20)
    now += 1.0
    assert meter.row(1, 120, None)["tokens_per_second"] == pytest.approx(100.0)
    assert meter.used()["seconds"] == pytest.approx(33.0)
