"""Products that come out alike wherever their arrays lie, and the name of the mode that does it."""

import json
import os
import subprocess
import sys

import pytest
import torch

from pipeline.model import products
from pipeline.training import runtime
from storage.errors import UserError

SERVER = "fpu sse2 avx avx2 fma avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni"
CODES = {"AUTO": 2, "AVX2,STRICT": 10 | 1 << 16, "AVX512,STRICT": 12 | 1 << 16}  # mkl_types.h
has_mkl = pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch without MKL")

# Sums of one or few rows are where MKL asks how arrays lie: at some of these shapes two results or
# more on an EPYC, unless it is told not to.
PROGRAM = """
import ctypes, hashlib, json, pathlib
from pipeline.model import products
import torch

torch.set_num_threads(2)
draw = torch.Generator().manual_seed(0)

def at(x, floats):
    room = torch.empty(x.numel() + 2048)
    start = -(room.data_ptr() // 4) % 1024 + floats
    return room[start : start + x.numel()].view(x.shape).copy_(x)

differ = []
for m, k, n in [(1, 128, 310), (7, 96, 33), (16, 16, 8), (1, 64, 1000), (384, 33, 1), (3, 257, 3),
                (2, 100, 384), (1000, 16, 8), (192, 64, 192)]:
    a, b = torch.randn(m, k, generator=draw), torch.randn(n, k, generator=draw)
    results = {
        hashlib.sha256((at(a, i) @ at(b, j).T).numpy().tobytes()).hexdigest()
        for i in (0, 1, 4, 8, 15, 1000) for j in (0, 1, 4, 7, 8, 13, 512)
    }
    if len(results) > 1:
        differ.append([m, k, n])
library = ctypes.CDLL(str(pathlib.Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
code = library.mkl_serv_cbwr_get(-1) if torch.backends.mkl.is_available() else None
print(json.dumps({"differ": differ, "code": code, "name": products.resolve("auto")}))
"""


def python(program: str, **environment: str) -> str:
    """What a process of its own prints, which has no mode but what is given here."""
    clean = {key: value for key, value in os.environ.items() if key != products.VARIABLE}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def untold():
    """What a process finds that nobody has told a mode."""
    return json.loads(python(PROGRAM))


def test_a_product_does_not_depend_on_where_its_arrays_lie(untold):
    assert untold["differ"] == []


@has_mkl
def test_mkl_is_in_the_mode_of_this_cpu_and_named(untold):
    mode = products.mode_for(*products._cpu())
    assert untold["code"] == CODES[mode]
    assert untold["name"].startswith(f"mkl {mode} on ")


@has_mkl
def test_a_mode_that_the_user_has_set_stays_and_is_named():
    found = json.loads(python(PROGRAM, MKL_CBWR="COMPATIBLE"))
    assert found["code"] == 3
    assert found["name"].startswith("mkl COMPATIBLE on ")
    assert found["differ"] == []


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv(products.VARIABLE, "")
    products.require()
    assert os.environ[products.VARIABLE] == products.mode_for(*products._cpu())


@pytest.mark.parametrize(
    ("vendor", "flags", "mode"),
    [
        ("GenuineIntel", SERVER, "AVX512,STRICT"),
        ("GenuineIntel", "sse2 avx2 fma", "AVX2,STRICT"),
        ("GenuineIntel", "sse2 avx2 avx512f avx512cd avx512er", "AVX2,STRICT"),  # Xeon Phi
        ("GenuineIntel", "sse2", "AUTO"),
        ("AuthenticAMD", SERVER, "AUTO"),
        ("", "", "AUTO"),
    ],
)
def test_the_mode_follows_from_the_cpu(vendor, flags, mode):
    assert products.mode_for(vendor, frozenset(flags.split())) == mode


def test_another_machines_products_are_refused():
    here = products.resolve("auto")
    assert products.resolve(here) == here
    with pytest.raises(UserError, match="this machine's are"):
        runtime.prepare("cpu", "float32", 1, "mkl AVX,STRICT on DEFAULT")


@has_mkl
def test_a_process_that_multiplied_too_soon_is_refused():
    late = """
import torch
torch.ones(3, 3) @ torch.ones(3, 3)
from pipeline.training import runtime
try:
    runtime.prepare("cpu", "float32", 1)
except Exception as error:
    print(type(error).__name__, error)
"""
    assert python(late).startswith("UserError MKL was at work before pipeline.model was imported")


def test_a_gpu_has_no_such_promise():
    assert products.resolve("auto", "cuda") == ""
