"""What the doctor says of the processor's kernels and of the machine's load."""

import argparse
import sqlite3
import sys

import pytest

from flows.cli import doctor
from pipeline.model import instructions
from pipeline.tools import fork_server
from pipeline.tools.sandbox.layers import LAYERS, LayerReport
from storage.errors import UserError


def test_kernels_are_named_for_each_format(monkeypatch):
    monkeypatch.setenv(instructions.VARIABLE, "portable")
    build = instructions.build_of("_decode")
    if build is None:
        pytest.skip("the C kernels are not built")
    state, found = doctor._kernels()
    assert state == "ok"
    for part in ("training by ", "float32 ", "bfloat16 ", "int8 "):
        assert part + build.INSTRUCTIONS in found
    assert found.endswith("CRAWL2CHAT_KERNELS=portable")


def test_a_switch_that_means_nothing_is_a_problem(monkeypatch):
    monkeypatch.setenv(instructions.VARIABLE, "turbo")
    state, found = doctor._kernels()
    assert state == "problem"
    assert "turbo" in found


def test_kernels_that_were_not_built_are_a_warning(monkeypatch):
    monkeypatch.setattr(instructions, "build_of", lambda kernel: None)
    state, found = doctor._kernels()
    assert state == "warning"
    assert "training by torch" in found


@pytest.mark.parametrize(("load", "state"), [(0.2, "ok"), (1.0, "ok"), (1.1, "warning")])
def test_a_busy_machine_is_a_warning(load, state, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert doctor._load()[0] == state


def test_it_says_no_secret_of_an_address(monkeypatch, capsys):
    monkeypatch.setenv("PREFECT_API_URL", "http://user:hunter2hunter2@127.0.0.1:9/api")
    lake = "s3://key:hunter2hunter2@bucket/lake"
    doctor.doctor(argparse.Namespace(lake=lake, json=True))
    said = capsys.readouterr()
    assert "no keys in an address" in said.out
    assert "hunter2" not in said.out + said.err


def test_what_runs_programs_here():
    pytest.importorskip("pydantic_monty")
    state, found = doctor._programs()
    assert state == "ok"
    assert found.startswith("by monty 1.")


def test_monty_that_is_missing_is_a_warning_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    state, found = doctor._programs()
    assert state == "warning"
    assert "pip install pydantic-monty" in found


@pytest.mark.parametrize(
    ("held", "absent", "state", "words"),
    [
        (LAYERS, {}, "ok", "cpython: environment, descriptors, "),
        (LAYERS[:-1], {"limits": "no"}, "warning", "(not limits: no)"),
        (("landlock",), {"seccomp": "refused"}, "warning", "needs 2 of namespaces"),
    ],
)
def test_layers_are_listed(held, absent, state, words, monkeypatch):
    report = LayerReport(held, absent)
    monkeypatch.setattr(fork_server, "layers_here", lambda config: report)
    found = doctor._sandbox()
    assert found[0] == state
    assert words in found[1]


def test_a_sqlite_without_search_is_a_problem(monkeypatch):
    state, found = doctor._search()
    assert state == "ok"
    assert "FTS5" in found
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 26, 0))
    state, found = doctor._search()
    assert state == "problem"
    assert "take another build of Python" in found


def test_no_sandbox_is_a_warning(monkeypatch):
    def refuse(config):
        raise UserError("needs Linux")

    monkeypatch.setattr(fork_server, "layers_here", refuse)
    assert doctor._sandbox() == ("warning", "needs Linux")
