"""How many cores a process takes: those it may use, or its share of them."""

import os

from pipeline import cores as module


def test_cores_are_those_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert module.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert module.cores() == 7


def test_a_stage_beside_others_takes_its_share_of_the_cores():
    every = module.cores()
    try:
        module.share_cores(1)
        assert module.cores() == 1
        module.share_cores(10_000)
        assert module.cores() == every
    finally:
        module.share_cores(0)
    assert module.cores() == every
