"""The kinds of CPU that tables show: this machine's own, and the one it is held back to."""

import subprocess
import sys

import pytest

from pipeline.model import instructions, precision
from tests.benchmarks import engine, kinds
from tests.benchmarks.train_peers import ROOT

ORDINARY = instructions.CEILINGS["avx512_vnni"]


def on(monkeypatch: pytest.MonkeyPatch, flags: frozenset[str]) -> list[kinds.Kind]:
    monkeypatch.setattr(instructions, "flags", lambda: flags)
    return kinds.kinds()


def test_a_cpu_with_bf16_is_shown_as_it_is_and_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    own, held_back = on(monkeypatch, ORDINARY | {"avx512_bf16"})
    assert (own.environment, own.precision, own.bf16) == ({}, "bfloat16", True)
    assert (held_back.precision, held_back.bf16) == ("float32", False)
    assert held_back.environment == kinds.HELD_BACK
    said = kinds.note([own, held_back])
    assert "forced" in held_back.name
    assert "forced, not another machine" in said
    assert "ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI" in said


@pytest.mark.parametrize("flags", [ORDINARY, frozenset[str]()])
def test_an_ordinary_cpu_is_shown_as_it_is(
    monkeypatch: pytest.MonkeyPatch, flags: frozenset[str]
) -> None:
    (own,) = on(monkeypatch, flags)
    assert (own.environment, own.precision) == ({}, "float32")
    assert "forced" not in own.name + kinds.note([own])


@pytest.mark.parametrize(
    ("flags", "widest", "where"),
    [
        (ORDINARY | {"avx512_bf16"}, "(avx512_bf16)", "a-table"),
        (ORDINARY, "(avx512_vnni)", "a-table-ordinary"),
        (instructions.AVX2, "(avx2)", "a-table-ordinary"),
        (frozenset[str](), "(portable)", "a-table-ordinary"),
    ],
)
def test_a_table_says_its_cpu_and_overwrites_none_of_another_kind(
    monkeypatch: pytest.MonkeyPatch, flags: frozenset[str], widest: str, where: str
) -> None:
    shown = on(monkeypatch, flags)
    assert widest in kinds.note(shown)
    assert kinds.marker("a-table") == where


def test_bf16_without_avx512_can_not_be_held_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [kind.precision for kind in on(monkeypatch, frozenset({"amx_bf16"}))] == ["bfloat16"]


def test_a_process_that_is_held_back_multiplies_float32() -> None:
    if ORDINARY - instructions.flags():
        pytest.skip("this processor has no AVX512 with VNNI")
    code = "from pipeline.model import precision; print(precision.resolve('auto'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", **kinds.HELD_BACK},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "float32"


@pytest.mark.parametrize(("best", "counted"), [("float32", 1), ("bfloat16", 2)])
def test_the_engine_counts_bf16_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, best: str, counted: int
) -> None:
    monkeypatch.setattr(precision, "resolve", lambda name, device="cpu": best)
    assert len(engine.precisions()) == counted
    assert "float32" in engine.precisions()
