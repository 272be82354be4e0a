from typing import cast

import pytest
import torch

from pipeline.stage import SILENT
from pipeline.training import matrix_rate, next_token
from pipeline.training.checkpoint_manager import CheckpointManager
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import Batch
from pipeline.training.matrix_rate import MatrixRate, judged
from pipeline.training.optimizers import build_optimizer

TOKENS = torch.arange(6 * 17).view(6, 17) % 300
BATCH = Batch(TOKENS[:, :-1], TOKENS[:, 1:], torch.ones(6, 16, dtype=torch.long), None)


def test_on_a_quiet_machine_the_clock_decides():
    """Two threads, 1 second each time and once 1.2: the best one, and all of the time was ours."""
    rate = judged([(1.2, 2.3), (1.0, 1.98), (1.0, 1.96)], 2, 100.0)
    assert rate.flops == pytest.approx(100.0)
    assert rate.share == pytest.approx(6.24 / 6.4)
    assert not rate.busy
    assert rate.warning() == ""


def test_on_a_busy_machine_processor_time_decides_and_a_line_says_so(monkeypatch):
    """Beside an equal load each product takes twice as long, but no more processor time."""
    monkeypatch.setattr("os.getloadavg", lambda: (9.64, 5.0, 5.0))
    rate = judged([(2.0, 2.1), (2.2, 2.0), (1.9, 2.0)], 2, 100.0)
    assert rate.flops == pytest.approx(100.0)
    assert rate.share == pytest.approx(6.1 / 12.2)
    assert "load average 9.6 on" in rate.warning()
    assert "2 threads got 50% of the processor time" in rate.warning()
    assert "\n" not in rate.warning()


def test_one_thread_that_waits_for_nobody_has_all_of_its_time():
    assert judged([(1.0, 1.01)], 1, 5.0) == MatrixRate(cast(float, pytest.approx(5.0)), 1.0, 1)


def test_measured_here():
    rate = matrix_rate.measure(torch.device("cpu"), torch.float32)
    assert rate.flops > 1e8
    assert 0 < rate.share <= 1


def test_the_rate_is_measured_before_the_run_has_threads(tiny_model, tmp_path, monkeypatch):
    """The first checkpoint is written by a thread while training begins."""
    order, noted = [], []

    def measured(*_):
        order.append("rate")
        return MatrixRate(1e9, 0.5, 2)

    resume = CheckpointManager.resume

    def resumed(manager):
        order.append("resume")
        return resume(manager)

    monkeypatch.setattr(matrix_rate, "measure", measured)
    monkeypatch.setattr(CheckpointManager, "resume", resumed)
    monkeypatch.setattr(type(SILENT), "note", lambda self, text: noted.append(text))
    optimizer = build_optimizer(tiny_model, OptimizerConfig())
    _, timing = next_token.train(
        tiny_model,
        optimizer,
        lambda step: BATCH,
        LoopConfig(steps=1, rows_per_step=6),
        stage="pretrain",
        scratch=tmp_path,
        progress=SILENT,
    )
    assert order == ["rate", "resume"]
    assert any("this machine is busy" in text for text in noted)
    speed = timing["tokens_per_second"][-1].as_py()
    assert timing["mfu"][-1].as_py() == pytest.approx(
        tiny_model.config.flops_per_token(16) * speed / 1e9
    )


def test_the_rate_is_the_products_operations_over_the_best_time():
    assert judged([(0.5, 0.5), (0.25, 0.25)], 1, 100.0).flops == pytest.approx(400.0)
    # Half of the time was others': 4 threads took 0.8 s of processor time, 0.2 s each.
    assert judged([(0.4, 0.8)], 4, 100.0).flops == pytest.approx(500.0)


@pytest.mark.parametrize(("share", "busy"), [(0.79, True), (0.8, False)])
def test_a_machine_is_busy_below_four_fifths(share, busy):
    assert judged([(1.0, share)], 1, 1.0).busy is busy
