import pytest
import torch

from pipeline.model import device, precision
from storage.errors import UserError


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_auto_is_decided_by_capability(monkeypatch, flags, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert precision.resolve("auto", "cpu") == expected


@pytest.mark.parametrize(("major", "expected"), [(7, "float32"), (8, "bfloat16"), (9, "bfloat16")])
def test_auto_on_a_gpu(monkeypatch, major, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (major, 0))
    assert precision.resolve("auto", "cuda") == expected


def test_named_precision_is_kept_and_unknown_refused():
    assert precision.resolve("float32", "cpu") == "float32"
    assert precision.dtype("bfloat16") == torch.bfloat16
    with pytest.raises(UserError, match="float16"):
        precision.resolve("float16", "cpu")
    with pytest.raises(UserError):
        precision.dtype("auto")


def test_device():
    assert device.pick("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match="unknown device"):
        device.pick("tpu9")
    if not torch.cuda.is_available():
        assert device.pick("auto") == torch.device("cpu")
        with pytest.raises(UserError, match="no GPU"):
            device.pick("cuda")
