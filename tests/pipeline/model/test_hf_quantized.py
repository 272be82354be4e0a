"""Folders of 8-bit weights: the floats they stand for, or a refusal by name."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.integrations.finegrained_fp8 import _dequantize_fp8_weight

from pipeline.export import gguf_write, load
from pipeline.model import hf_quantized, save
from pipeline.model import load as load_folder
from storage.errors import UserError

FP8 = {"quant_method": "fp8", "weight_block_size": [16, 8], "activation_scheme": "dynamic"}
INT8 = {"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_threshold": 6.0}


def configure(folder, quantization):
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = quantization
    (folder / "config.json").write_text(json.dumps(config))


def is_matrix(name, tensor):
    """What these programs quantise: the layers' matrices, not embedding, head and norms."""
    return ".layers." in name and tensor.ndim == 2


def fp8(tensors, block):
    """Each block by its largest weight, as DeepSeek's and Qwen's folders hold it."""
    stored = {}
    for name, weight in tensors.items():
        if not is_matrix(name, weight):
            stored[name] = weight.bfloat16()
            continue
        rows, columns = block
        height, width = -(-weight.shape[0] // rows), -(-weight.shape[1] // columns)
        padded = torch.zeros(height * rows, width * columns)
        padded[: weight.shape[0], : weight.shape[1]] = weight
        scale = padded.view(height, rows, width, columns).abs().amax((1, 3)) / 448
        wide = scale.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
        stored[name] = (weight / wide[: weight.shape[0], : weight.shape[1]]).to(torch.float8_e4m3fn)
        stored[name.removesuffix("weight") + "weight_scale_inv"] = scale
    return stored


def int8(tensors):
    """Each row by its largest weight, as bitsandbytes stores it."""
    stored = {}
    for name, weight in tensors.items():
        stored[name] = weight
        if is_matrix(name, weight):
            largest = weight.abs().amax(1)
            stored[name] = (weight * (127 / largest)[:, None]).round().to(torch.int8)
            stem = name.removesuffix("weight")
            stored[stem + "SCB"] = largest
            stored[stem + "weight_format"] = torch.tensor(0, dtype=torch.uint8)
    return stored


@pytest.fixture(params=["qwen3", "llama"])
def folder(request, make_model, tokenizer, tmp_path):
    save(make_model(vocab_size=270, family=request.param), tokenizer, tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", [(16, 8), (128, 128), (5, 7)])
def test_fp8_blocks_are_what_transformers_makes_of_them(folder, block):
    file = folder / "model.safetensors"
    before = load_file(file)
    stored = fp8(before, block)
    save_file(stored, file)
    configure(folder, FP8 | {"weight_block_size": list(block), "modules_to_not_convert": ["a"]})
    model, _ = load_folder(folder)
    checked = 0
    for name, tensor in model.state_dict().items():
        theirs = stored.get(f"model.{name}", stored.get(name))
        scale = stored.get(f"model.{name.removesuffix('weight')}weight_scale_inv")
        if scale is not None:
            theirs = _dequantize_fp8_weight(theirs, scale, list(block), torch.float32)
            assert (tensor - before[f"model.{name}"]).abs().max() < 0.07 * scale.max() * 448
            checked += 1
        assert torch.equal(tensor, theirs.float())
    assert checked == 14


def test_int8_rows_are_bitsandbytes_formula(folder):
    """weight = code * SCB / 127 (functional.int8_vectorwise_dequant)."""
    file = folder / "model.safetensors"
    stored = int8(load_file(file))
    save_file(stored, file)
    configure(folder, INT8)
    model, _ = load_folder(folder)
    checked = 0
    for name, tensor in model.state_dict().items():
        scale = stored.get(f"model.{name.removesuffix('weight')}SCB")
        if scale is not None:
            codes = stored[f"model.{name}"].double()
            exact = codes * scale.double()[:, None] * 7.874015718698502e-3
            torch.testing.assert_close(tensor.double(), exact, rtol=3e-7, atol=0)
            checked += 1
    assert checked == 14


def test_scales_of_powers_of_two_and_of_a_whole_matrix():
    scheme = hf_quantized.Scheme("F8_E4M3", (2, 2))
    codes = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).to(torch.float8_e4m3fn)
    for scale in (torch.tensor([[0.5]]).to(torch.float8_e8m0fnu), torch.tensor(0.5)):
        found = scheme.dequantize("x", codes, scale)
        assert torch.equal(found, torch.tensor([[0.5, 1.0], [1.5, 2.0]]))


def test_gguf_is_written_of_the_floats(folder):
    file = folder / "model.safetensors"
    save_file(int8(load_file(file)), file)
    configure(folder, INT8)
    gguf_write.write(folder, folder / "x.gguf", "f32", "x")
    read, expected = load(folder / "x.gguf")[0].state_dict(), load_folder(folder)[0].state_dict()
    for name, tensor in expected.items():
        assert torch.equal(read[name], tensor)


def drop(end):
    return lambda tensors: {n: t for n, t in tensors.items() if not n.endswith(end)}


def halve(end):
    return lambda tensors: {n: t[:1] if n.endswith(end) else t for n, t in tensors.items()}


def turned(tensors):
    return {
        n: torch.tensor(2, dtype=torch.uint8) if n.endswith("format") else t
        for n, t in tensors.items()
    }


@pytest.mark.parametrize(
    ("quantization", "make", "damage", "said"),
    [
        (FP8, fp8, drop("weight_scale_inv"), "is quantised and has no model.layers.0.*scale_inv"),
        (FP8, fp8, halve("weight_scale_inv"), "has scales of shape"),
        (FP8 | {"weight_block_size": [128, 128]}, fp8, drop("none"), "has scales of shape"),
        (FP8 | {"weight_block_size": None}, fp8, drop("none"), "has scales of shape"),
        (FP8 | {"weight_block_size": [16]}, fp8, drop("none"), "not two whole numbers"),
        (FP8 | {"weight_block_size": [16, 0]}, fp8, drop("none"), "not two whole numbers"),
        (FP8 | {"fmt": "e5m2"}, fp8, drop("none"), "e5m2"),
        (FP8 | {"rotation": "hadamard"}, fp8, drop("none"), "'rotation'"),
        (INT8, int8, drop("SCB"), "is quantised and has no model.layers.0.*SCB"),
        (INT8, int8, halve("SCB"), "has scales of shape"),
        (INT8, int8, turned, "another layout"),
        (INT8 | {"load_in_4bit": True}, int8, drop("none"), "bitsandbytes.* in 4 bits"),
        ({"quant_method": "gptq", "bits": 4}, int8, drop("none"), "by 'gptq'"),
        ({"quant_method": "awq"}, fp8, drop("none"), "by 'awq'"),
        ({"quant_method": "compressed-tensors"}, fp8, drop("none"), "by 'compressed-tensors'"),
        ({"bits": 4}, fp8, drop("none"), "an unnamed method"),
        ("fp8", fp8, drop("none"), "no table"),
        (None, fp8, drop("none"), "is of type F8_E4M3"),
        (None, int8, drop("none"), "is of type I8|is of type U8"),
    ],
)
def test_what_is_not_understood_is_refused(folder, quantization, make, damage, said):
    file = folder / "model.safetensors"
    before = load_file(file)
    stored = fp8(before, (16, 8)) if make is fp8 else int8(before)
    save_file({n: t.clone() for n, t in damage(stored).items()}, file)
    configure(folder, quantization)
    with pytest.raises(UserError, match=said):
        load_folder(folder)


def test_gpt2s_matrices_lie_the_other_way_and_are_refused(make_model, tokenizer, tmp_path):
    save(make_model(vocab_size=270, family="gpt2", kv_heads=4), tokenizer, tmp_path)
    configure(tmp_path, INT8)
    with pytest.raises(UserError, match="qwen3 and llama alone"):
        load_folder(tmp_path)
