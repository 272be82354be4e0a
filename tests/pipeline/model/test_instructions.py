import sys

import pytest
import torch

from pipeline.model import instructions, precision
from storage.errors import UserError

# What these processors have, in torch's names (Intel's instruction set reference, table 1-3).
WIDE = {"avx2", "fma3", "avx512_f", "avx512_bw", "avx512_dq", "avx512_vl", "avx512_cd"}
PROCESSORS = {
    "Nehalem": {"sse4_2"},
    "Haswell": {"avx2", "fma3"},
    "Alder Lake": {"avx2", "fma3", "avx_vnni"},
    "Skylake-SP": WIDE,
    "Cascade Lake": WIDE | {"avx512_vnni"},
    "Cooper Lake": WIDE | {"avx512_vnni", "avx512_bf16"},
    "Sapphire Rapids": WIDE | {"avx512_vnni", "avx512_bf16", "amx_bf16"},
}
NARROW = {"Nehalem": "128", "Haswell": "256", "Alder Lake": "256"}


def act_like(monkeypatch, flags):
    capabilities = dict.fromkeys(flags, True) | {
        "cpu_name": "test",
        "l2_cache_size": 1,
        "sha": False,
    }
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)


@pytest.mark.skipif(sys.platform != "linux", reason="builds for x86 by GCC")
@pytest.mark.parametrize("kernel", instructions.KINDS)
@pytest.mark.parametrize("name", PROCESSORS)
def test_the_widest_build_that_a_processor_runs(kernel, name, monkeypatch):
    act_like(monkeypatch, PROCESSORS[name])
    build = instructions.build_of(kernel)
    if build is None:
        pytest.skip("the C kernels are not built")
    if build.INSTRUCTIONS == "neon":
        pytest.skip("ARM")
    assert build.__name__ == f"pipeline.model.{kernel}{NARROW.get(name, '512')}"


@pytest.mark.parametrize(
    ("name", "int8", "bfloat16"),
    [
        ("Haswell", False, False),
        ("Skylake-SP", False, False),
        ("Cascade Lake", True, False),
        ("Cooper Lake", True, True),
        ("Sapphire Rapids", True, True),
    ],
)
def test_formats_are_judged_by_their_own_instruction(name, int8, bfloat16, monkeypatch):
    act_like(monkeypatch, PROCESSORS[name])
    assert instructions.has_instruction("int8") is int8
    assert instructions.has_instruction("bfloat16") is bfloat16
    assert not instructions.has_instruction("float32")
    assert precision.resolve("auto", "cpu") == ("bfloat16" if bfloat16 else "float32")


def test_the_switch_makes_a_processor_act_like_a_lesser_one(monkeypatch):
    act_like(monkeypatch, PROCESSORS["Sapphire Rapids"])
    monkeypatch.setenv(instructions.VARIABLE, "avx512_vnni")
    assert precision.resolve("auto", "cpu") == "float32"
    assert instructions.has_instruction("int8")
    assert "avx512_cd" not in instructions.flags()
    monkeypatch.setenv(instructions.VARIABLE, "auto")
    assert precision.resolve("auto", "cpu") == "bfloat16"


def test_what_a_processor_lacks_cannot_be_forced(monkeypatch):
    act_like(monkeypatch, PROCESSORS["Haswell"])
    monkeypatch.setenv(instructions.VARIABLE, "avx512")
    with pytest.raises(UserError, match="no avx512_"):
        instructions.flags()
    monkeypatch.setenv(instructions.VARIABLE, "fast")
    with pytest.raises(UserError, match="use auto, portable, avx2"):
        instructions.flags()


def test_what_runs_is_said_for_each_format(monkeypatch):
    if instructions.build_of("_decode") is None or "avx512_f" not in instructions.flags():
        pytest.skip("no AVX-512 here, or the kernels are not built")
    act_like(monkeypatch, PROCESSORS["Cascade Lake"])
    said = instructions.described()
    assert said == (
        "training by avx512, decoding by avx512 (float32 avx512, bfloat16 avx512, int8 avx512_vnni)"
    )
    monkeypatch.setenv(instructions.VARIABLE, "avx2")
    assert said.replace("avx512_vnni", "avx2").replace("avx512", "avx2") in instructions.described()
    assert instructions.described().endswith("; CRAWL2CHAT_KERNELS=avx2")
