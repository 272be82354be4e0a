"""Adapters in PEFT's layout: its names and shapes, back again exactly, refused on another base."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lora_models import TOKENS, model_of, moved
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pipeline.lora_config import TARGETS, LoraConfig
from pipeline.model import Transformer, lora, peft_folder
from storage.errors import UserError


def adapted(family: str, folder: Path, **config: Any) -> Transformer:
    model = model_of(family)
    lora.attach(model, LoraConfig(**{"rank": 2, "alpha": 6.0} | config), [11, 12], 1)
    moved(model)
    peft_folder.save(model, folder, "../base")
    return model


def test_names_and_shapes_are_those_of_peft(tmp_path):
    """As `peft` 0.21 itself writes them for Qwen3ForCausalLM (tests/interop/test_peft.py)."""
    adapted("qwen3", tmp_path, targets=("k_proj", "down_proj"))
    layer = "base_model.model.model.layers.{}."
    expected = {}
    for number in (0, 1):
        module = layer.format(number)
        expected[f"{module}self_attn.k_proj.lora_A.weight"] = (2, 16)
        expected[f"{module}self_attn.k_proj.lora_B.weight"] = (8, 2)
        expected[f"{module}mlp.down_proj.lora_A.weight"] = (2, 24)
        expected[f"{module}mlp.down_proj.lora_B.weight"] = (16, 2)
    rows = "token_adapter.trainable_tokens_delta"
    expected[f"base_model.model.model.embed_tokens.{rows}"] = (2, 16)
    expected[f"base_model.model.lm_head.{rows}"] = (2, 16)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == expected
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["trainable_token_indices"] == {"embed_tokens": [11, 12], "lm_head": [11, 12]}
    assert (config["r"], config["lora_alpha"], config["fan_in_fan_out"]) == (2, 6, False)
    assert set(config["target_modules"]) == {"self_attn.k_proj", "mlp.down_proj"}


def test_gpt2s_joined_matrix_has_one_change_of_three_times_the_rank(tmp_path):
    adapted("gpt2", tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    joined = "base_model.model.transformer.h.1.attn.c_attn.lora_"
    assert tensors[f"{joined}A.weight"].shape == (6, 16)
    b = tensors[f"{joined}B.weight"]
    assert b.shape == (48, 6)
    assert [bool(block.any()) for part in b.chunk(3) for block in part.chunk(3, 1)] == [
        *(True, False, False),
        *(False, True, False),
        *(False, False, True),
    ]
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["rank_pattern"] == {"attn.c_attn": 6}
    assert config["alpha_pattern"] == {"attn.c_attn": 18}
    assert config["fan_in_fan_out"] is True
    assert config["trainable_token_indices"] == {"wte": [11, 12]}


@pytest.mark.parametrize("family", ["qwen3", "tied llama", "gpt2"])
@pytest.mark.parametrize("targets", [TARGETS, ("q_proj", "v_proj", "o_proj")])
def test_written_and_applied_to_the_base_it_computes_the_same(tmp_path, family, targets):
    trained = adapted(family, tmp_path, targets=targets)
    base = model_of(family)
    peft_folder.apply(base, tmp_path)
    assert torch.allclose(base(TOKENS), trained(TOKENS), atol=1e-5)
    assert base.state_dict().keys() == model_of(family).state_dict().keys()


def test_rows_that_the_base_lacks_are_added(tmp_path):
    model = model_of("qwen3")
    model.grow_vocabulary(15)
    lora.attach(model, LoraConfig(rank=2), [13, 14], 1)
    peft_folder.save(moved(model), tmp_path, "")
    base = model_of("qwen3")
    peft_folder.apply(base, tmp_path)
    tokens = torch.tensor([[1, 13, 14, 2]])
    assert torch.allclose(base(tokens), model(tokens), atol=1e-5)


def test_an_adapter_of_another_base_is_refused_in_one_line(tmp_path):
    adapted("qwen3", tmp_path)
    other = model_of("qwen3", seed=5)
    with pytest.raises(UserError, match=r"LoRA of another base: .* hash to") as refused:
        peft_folder.apply(other, tmp_path)
    assert "\n" not in str(refused.value)
    file = tmp_path / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file(tensors, file)  # as PEFT writes it: without the base's hash
    for family, what in (("tied llama", "lm_head"), ("gpt2", "this one has no")):
        with pytest.raises(UserError, match=f"LoRA of another base: .*{what}"):
            peft_folder.apply(model_of(family), tmp_path)
    name = "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight"
    save_file(tensors | {name: torch.zeros(2, 17)}, file)
    with pytest.raises(UserError, match=r"shape \(8, 17\), this base's is \(8, 16\)"):
        peft_folder.apply(model_of("qwen3"), tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("use_dora", True), ("bias", "all"), ("modules_to_save", ["lm_head"]), ("peft_type", "IA3")],
)
def test_more_than_a_plain_lora_is_refused(tmp_path, setting, value):
    adapted("qwen3", tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {setting: value}))
    with pytest.raises(UserError, match=setting):
        peft_folder.apply(model_of("qwen3"), tmp_path)


def changed(folder: Path, tensors: dict[str, torch.Tensor], **settings: Any) -> None:
    """An adapter with other tensors and settings, without our hash of the base: as PEFT writes."""
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    save_file(tensors, folder / "adapter_model.safetensors")


def test_rank_stabilized_scales_and_rows_of_the_embedding_alone_are_read(tmp_path):
    """PEFT's `use_rslora` (alpha / sqrt(rank)), and `trainable_token_indices` as a list."""
    trained = adapted("tied llama", tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    alpha = 6.0 / 2 * math.sqrt(2)  # the same factor, written for the other rule
    changed(tmp_path, tensors, use_rslora=True, lora_alpha=alpha, trainable_token_indices=[11, 12])
    base = model_of("tied llama")
    peft_folder.apply(base, tmp_path)
    assert torch.allclose(base(TOKENS), trained(TOKENS), atol=1e-5)


K_PROJ = "base_model.model.model.layers.0.self_attn.k_proj.lora_"
ROWS = "base_model.model.lm_head.token_adapter.trainable_tokens_delta"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({f"{K_PROJ}magnitude_vector": torch.ones(8)}, "magnitude_vector is of no plain LoRA"),
        ({f"{K_PROJ}A.weight": torch.ones(3, 16)}, r"has no model\.layers\.0\.self_attn\.k_proj"),
        ({ROWS: torch.ones(2, 17)}, "no rows of this width of lm_head"),
        ({ROWS: torch.ones(3, 16)}, "no rows of this width of lm_head"),
    ],
)
def test_tensors_that_do_not_belong_are_refused(tmp_path, other, message):
    adapted("qwen3", tmp_path)
    changed(tmp_path, load_file(tmp_path / "adapter_model.safetensors") | other)
    with pytest.raises(UserError, match=message):
        peft_folder.apply(model_of("qwen3"), tmp_path)


def test_an_adapter_that_changes_nothing_is_refused(tmp_path):
    adapted("qwen3", tmp_path)
    changed(tmp_path, {}, trainable_token_indices=None)
    with pytest.raises(UserError, match="holds no change at all"):
        peft_folder.apply(model_of("qwen3"), tmp_path)


def test_an_adapters_folder_is_known_and_names_its_base(tmp_path):
    adapter, base = tmp_path / "adapter", tmp_path / "base"
    adapted("qwen3", adapter)
    base.mkdir()
    assert peft_folder.is_adapter(adapter)
    with pytest.raises(UserError, match=r"LoRA without its base: .*'\.\./base'"):
        peft_folder.base_of(adapter)  # a folder, but no model is in it
    (base / "config.json").write_text("{}")
    assert peft_folder.base_of(adapter).samefile(base)
    (adapter / "config.json").write_text("{}")  # a model with an adapter beside it
    assert not peft_folder.is_adapter(adapter)
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": None}))
    with pytest.raises(UserError, match="names None"):
        peft_folder.base_of(adapter)


def test_the_fingerprint_is_that_of_the_frozen_layers(tmp_path):
    model = adapted("qwen3", tmp_path)
    assert peft_folder.fingerprint(model) == peft_folder.fingerprint(model_of("qwen3"))
    with safe_open(tmp_path / "adapter_model.safetensors", framework="pt") as file:
        assert file.metadata()["base_sha256"] == peft_folder.fingerprint(model)
    with torch.no_grad():
        model.blocks[1].mlp.up_proj.weight[3, 5] += 1e-6
    assert peft_folder.fingerprint(model) != peft_folder.fingerprint(model_of("qwen3"))
