"""Configs of other projects: what would be computed otherwise is refused, by its name."""

import json
from typing import Any

import pytest
import transformers

from pipeline.model import hf_config
from storage.errors import UserError
from tests.helpers.hf_models import VARIANTS

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 300,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 128,
}
QWEN3 = LLAMA | {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 32}
GPT2 = {"model_type": "gpt2", "vocab_size": 300, "n_embd": 64, "n_layer": 3, "n_head": 4}
GPT2 |= {"n_positions": 128}
BASES = {"llama": LLAMA, "qwen3": QWEN3, "gpt2": GPT2}


@pytest.mark.parametrize("variant", VARIANTS)
def test_transformers_own_configs_are_understood(variant):
    """Every key that its classes write, defaults among them."""
    kind, settings = VARIANTS[variant]
    data = getattr(transformers, f"{kind}Config")(**json.loads(json.dumps(settings))).to_dict()
    assert hf_config.from_hf(data).family == kind.lower()


# What people's folders say, from reports: each changes what is computed, or may.
CHANGES = {
    "llama": {
        "partial_rotary_factor": 0.5,
        "rotary_dim": 16,
        "rotary_pct": 0.25,
        "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5},
        "rope_scaling": {"type": "linear", "factor": 2.0, "partial_rotary_factor": 0.25},
        "sliding_window": 64,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
        "logit_scale": 0.0625,
        "embedding_multiplier": 12.0,
        "residual_multiplier": 0.22,
        "use_qk_norm": True,
        "qk_layernorm": True,
        "num_local_experts": 8,
        "num_nextn_predict_layers": 1,
        "alibi": True,
        "position_embedding_type": "alibi",
        "layer_types": ["full_attention", "sliding_attention", "full_attention"],
        "no_rope_layers": [1, 1, 0],
        "attention_bias": True,
        "mlp_bias": True,
        "hidden_act": "gelu",
        "is_encoder_decoder": True,
        "pruned_heads": {"1": [0]},
        "architectures": ["MistralForCausalLM"],
        "attention_chunk_size": 8192,
        "norm_type": "layernorm",
    },
    "qwen3": {
        "use_sliding_window": True,
        "rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5},
        "rope_scaling": {"rope_type": "dynamic", "factor": 2.0},
        "rope_theta": 500.0,  # beside another one, below
        "dual_chunk_attention_config": {"chunk_size": 8192},
        "mrope_section": [16, 24, 24],
        "attn_output_gate": True,
    },
    "gpt2": {
        "scale_attn_by_inverse_layer_idx": True,
        "scale_attn_weights": False,
        "add_cross_attention": True,
        "activation_function": "relu",
        "position_embedding_type": "rotary",
        "n_kv_head": 1,
        "multi_query": True,
        "parallel_attn": True,
    },
}


@pytest.mark.parametrize(
    ("family", "key"), [(family, key) for family, keys in CHANGES.items() for key in keys]
)
def test_what_changes_the_computation_is_refused_by_name(family, key):
    data = BASES[family] | {key: CHANGES[family][key]}
    if (family, key) == ("qwen3", "rope_theta"):
        data["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6}
    inner = CHANGES[family][key]
    with pytest.raises(UserError) as raised:
        hf_config.from_hf(data)
    name = key
    if isinstance(inner, dict) and key.startswith("rope"):
        name = "partial_rotary_factor" if "partial_rotary_factor" in inner else "dynamic"
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_rotations_of_each_kind_of_layer_are_refused():
    """transformers 5 may keep one table for full and one for sliding attention."""
    rope = {"full_attention": {"rope_type": "default", "rope_theta": 1e6}}
    with pytest.raises(UserError, match="full_attention"):
        hf_config.from_hf(QWEN3 | {"rope_parameters": rope})


@pytest.mark.parametrize("family", BASES)
def test_what_changes_nothing_may_stand_there(family):
    more = {
        "transformers_version": "4.51.0",
        "torch_dtype": "bfloat16",
        "_name_or_path": "somewhere",
        "unsloth_version": "2025.1",
        "use_cache": False,
        "initializer_range": 0.01,
        "attention_dropout": 0.1,
        "pretraining_tp": 2,
        "bos_token_id": 1,
        "eos_token_id": [1, 2],
        "temperature": 0.6,
        "do_sample": True,
        "logit_scale": 1.0,
        "attn_logit_softcapping": None,
        "num_nextn_predict_layers": 0,
        "use_qk_norm": False,
        "quantization_config": None,
        "id2label": {"0": "LABEL_0"},
    }
    assert hf_config.from_hf(BASES[family] | more) == hf_config.from_hf(BASES[family])


def test_the_same_said_otherwise_is_understood():
    plain = hf_config.from_hf(LLAMA)
    for other in (
        {"hidden_act": "swish"},
        {"sliding_window": 128},  # as long as the context: no window
        {"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 1.0}},
        {"rope_scaling": {"type": "default"}, "rope_theta": 10_000},
        {"num_key_value_heads": None, "head_dim": None},
    ):
        assert hf_config.from_hf(LLAMA | other) == plain


# The keys of public folders' config.json that are no sizes: Llama 3.2, SmolLM2, Qwen3, GPT-2.
PUBLIC: dict[str, dict[str, Any]] = {
    "llama": {"attention_bias": False, "mlp_bias": False, "pretraining_tp": 1, "rope_scaling": None,
              "is_llama_config": True, "rope_interleaved": False, "eos_token_id": [1, 2, 3],
              "transformers.js_config": {"dtype": "q4"}, "bos_token_id": 1, "use_cache": True},
    "qwen3": {"max_window_layers": 28, "sliding_window": None, "use_sliding_window": False,
              "layer_types": ["full_attention"] * 3, "rope_theta": 1000000, "use_cache": True},
    "gpt2": {"n_ctx": 128, "summary_type": "cls_index", "summary_use_proj": True,
             "task_specific_params": {"text-generation": {"do_sample": True}}, "_num_labels": 1,
             "summary_first_dropout": 0.1, "resid_pdrop": 0.1, "reorder_and_upcast_attn": True},
}  # fmt: skip


@pytest.mark.parametrize("family", BASES)
def test_public_folders_are_understood(family):
    assert hf_config.from_hf(BASES[family] | PUBLIC[family]).family == family


def test_mlx_folders_are_refused():
    with pytest.raises(UserError, match="quantization"):
        hf_config.from_hf(LLAMA | {"quantization": {"group_size": 64, "bits": 4}})


WRONG = ["12", "", -1, 0, 1.5, True, [1], {"a": 1}, float("nan"), float("inf")]


def numbers(family):
    skip = ("model_type", "architectures", "rope_theta")
    more = ("rms_norm_eps", "rope_theta") if family != "gpt2" else ("layer_norm_epsilon", "n_inner")
    return [*(key for key in BASES[family] if key not in skip), *more]


@pytest.mark.parametrize("family", BASES)
def test_values_are_checked_where_they_are_read(family):
    """Every number of every family, given what can't be meant."""
    for key in numbers(family):
        for wrong in WRONG:
            if wrong == 1.5 and key in ("rms_norm_eps", "rope_theta", "layer_norm_epsilon"):
                continue
            with pytest.raises(UserError, match=key) as raised:
                hf_config.from_hf(BASES[family] | {key: wrong})
            assert "\n" not in str(raised.value)
    for wrong in ("false", 1, [True]):
        with pytest.raises(UserError, match="tie_word_embeddings"):
            hf_config.from_hf(BASES[family] | {"tie_word_embeddings": wrong})


@pytest.mark.parametrize("key", ["factor", "original_max_position_embeddings", "beta_fast",
                                 "attention_factor", "low_freq_factor", "rope_theta"])  # fmt: skip
@pytest.mark.parametrize("wrong", ["8", -1, float("nan"), True, [8]])
def test_values_of_the_rotation_are_checked(key, wrong):
    rope = {"rope_type": "yarn", "factor": 2.0, key: wrong}
    with pytest.raises(UserError, match=key):
        hf_config.from_hf(LLAMA | {"rope_scaling": rope})


@pytest.mark.parametrize("wrong", ["yarn", ["yarn"], 3])
def test_rotations_of_another_shape(wrong):
    for key in ("rope_scaling", "rope_parameters"):
        with pytest.raises(UserError, match=key):
            hf_config.from_hf(LLAMA | {key: wrong})


@pytest.mark.parametrize("wrong", [None, [], "Llama", "mistral", 3, {"a": 1}])
def test_other_kinds_are_refused(wrong):
    with pytest.raises(UserError, match="model_type"):
        hf_config.from_hf(LLAMA | {"model_type": wrong})
