"""Weights of folders: what has no place, no known type or no scales is refused, never left out."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.export import gguf_write
from pipeline.model import load, save
from storage.errors import UserError


@pytest.fixture(params=["qwen3", "llama", "gpt2"])
def folder(request, make_model, tokenizer, tmp_path):
    shape = {"kv_heads": 4} if request.param == "gpt2" else {}
    save(make_model(vocab_size=270, family=request.param, **shape), tokenizer, tmp_path)
    return tmp_path


def change(folder, **tensors):
    """The folder with tensors added, replaced or (None) taken away."""
    file = folder / "model.safetensors"
    stored = load_file(file) | {n.replace("__", "."): t for n, t in tensors.items()}
    save_file({n: t.clone() for n, t in stored.items() if t is not None}, file)


def refused(folder, said):
    """By the loader, and by the writer of GGUF, which reads the tensors itself."""
    with pytest.raises(UserError, match=said):
        load(folder)
    with pytest.raises(UserError, match=said):
        gguf_write.write(folder, folder / "x.gguf", "f32", "x")


def prefix(folder):
    family = json.loads((folder / "config.json").read_text())["model_type"]
    return "transformer.h.0.attn" if family == "gpt2" else "model.layers.0.self_attn"


@pytest.mark.parametrize(
    "name",
    [
        "{0}.q_proj.bias",  # a Qwen2 folder that says llama
        "{0}.q_proj.lora_A.weight",  # an adapter's
        "{0}.q_proj.weight_scale",
        "{0}.sinks",
        "model.layers.2.self_attn.q_proj.weight",  # one layer more than the config says
        "transformer.h.2.attn.c_attn.weight",
        "score.weight",  # a classifier's head
        "model.mtp.norm.weight",
    ],
)
def test_a_tensor_without_a_place_is_refused(folder, name):
    name = name.format(prefix(folder))
    change(folder, **{name: torch.ones(4)})
    refused(folder, f"tensor .*{re.escape(name)} has no place")


def test_a_missing_tensor_is_refused(folder):
    change(folder, **{f"{prefix(folder)}.{last(folder)}": None})
    refused(folder, "is missing")


def last(folder):
    return "c_proj.weight" if "transformer" in prefix(folder) else "o_proj.weight"


def test_masks_and_tables_of_old_files_are_no_weights(folder):
    before = load(folder)[0].state_dict()
    change(
        folder,
        **{
            f"{prefix(folder)}.rotary_emb.inv_freq": torch.ones(4),
            "transformer.h.0.attn.bias": torch.ones(1, 1, 64, 64),
            "transformer.h.1.attn.masked_bias": torch.tensor(-1e4),
        },
    )
    for name, tensor in load(folder)[0].state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e4m3fn, torch.int64])
def test_a_type_that_is_no_weights_is_refused(folder, dtype):
    """Codes without their scales: read as numbers they are garbage."""
    name = f"{prefix(folder)}.{last(folder)}"
    weight = load_file(folder / "model.safetensors")[name]
    change(folder, **{name: weight.to(dtype)})
    refused(folder, f"tensor {re.escape(name)} is of type .*: weights are read as F64, F32")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_every_type_of_float_is_read(folder, dtype):
    before = load(folder)[0].state_dict()
    file = folder / "model.safetensors"
    save_file({n: t.to(dtype) for n, t in load_file(file).items()}, file)
    for name, tensor in load(folder)[0].state_dict().items():
        assert torch.equal(tensor, before[name].to(dtype).float())


def test_a_tied_head_may_be_stored_if_it_is_the_embedding(make_model, tokenizer, tmp_path):
    save(make_model(vocab_size=270, tie_embeddings=True), tokenizer, tmp_path)
    embedding = load_file(tmp_path / "model.safetensors")["model.embed_tokens.weight"]
    change(tmp_path, lm_head__weight=embedding)
    assert load(tmp_path)[0].lm_head is None
    change(tmp_path, lm_head__weight=embedding + 1)
    with pytest.raises(UserError, match="another matrix than the embedding"):
        load(tmp_path)


def test_a_tensor_in_two_files_is_refused(folder):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    save_file(tensors, folder / "b.safetensors")
    where = {name: f"{'ab'[i % 2]}.safetensors" for i, name in enumerate(tensors)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    refused(folder, "is in two of the files")


def test_a_name_with_and_without_its_prefix_is_refused(folder):
    top = "ln_f.weight" if "transformer" in prefix(folder) else "norm.weight"
    change(folder, **{top: torch.ones(32)})
    refused(folder, "with and without prefix")
