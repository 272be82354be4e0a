"""Which keys a config.json may have, and what their values must be.

In: the parsed JSON. A key that changes the computation in a way that is not built here must not be
ignored, but nobody can list all such keys. So it is done the other way round: allowed are the keys
that are read and those known to change nothing. Any other key is refused by name, unless its value
turns it off (null, false, 0, empty).
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import math
from collections.abc import Iterable
from typing import Any

from storage.errors import UserError

_FREE = frozenset(
    # about the folder, the training and the program that wrote it
    "model_type architectures transformers_version dtype torch_dtype use_cache name task"
    " initializer_range initializer_factor attention_dropout attn_pdrop embd_pdrop resid_pdrop"
    " hidden_dropout dropout classifier_dropout gradient_checkpointing use_bfloat16 torchscript"
    " pretraining_tp output_attentions output_hidden_states output_router_logits return_dict"
    " output_past id2label label2id num_labels problem_type finetuning_task tf_legacy_loss"
    " chunk_size_feed_forward task_specific_params prefix tokenizer_class model_max_length"
    " auto_map is_decoder attn_implementation use_flash_attn use_flash_attention"
    " reorder_and_upcast_attn n_ctx max_sequence_length seq_length max_seq_len"
    " quantization_config is_llama_config cache_implementation resid_dropout license"
    # heads that a causal model doesn't have
    " summary_activation summary_first_dropout summary_proj_to_labels summary_type summary_use_proj"
    # ids, read by the tokenizer
    " bos_token_id eos_token_id pad_token_id unk_token_id sep_token_id cls_token_id mask_token_id"
    " decoder_start_token_id"
    # how to sample, which the caller decides
    " do_sample temperature top_k top_p min_p typical_p epsilon_cutoff eta_cutoff max_length"
    " min_length max_new_tokens min_new_tokens num_beams num_beam_groups num_return_sequences"
    " diversity_penalty length_penalty repetition_penalty encoder_no_repeat_ngram_size"
    " no_repeat_ngram_size early_stopping bad_words_ids suppress_tokens begin_suppress_tokens"
    " forced_bos_token_id forced_eos_token_id remove_invalid_values output_scores"
    " exponential_decay_length_penalty return_dict_in_generate".split()
)
_FREE_BEGINNINGS = ("_", "unsloth", "transformers.js")
# Factors that change nothing at one.
_ONE = frozenset(
    "partial_rotary_factor rotary_pct embedding_multiplier residual_multiplier logits_scaling"
    " logit_scale attention_multiplier scale_emb".split()
)


def check(data: dict[str, Any], read: Iterable[str], where: str = "config.json") -> None:
    """Refuse a key that is neither read nor known to change nothing.

    Args:
        data: the parsed JSON.
        read: the keys that the caller reads.
        where: the file, or the part of it, for the message.

    Raises:
        UserError: it names the key and its value.
    """
    known = _FREE | set(read)
    for key, value in data.items():
        if key in known or key.startswith(_FREE_BEGINNINGS) or not value:
            continue
        if key in _ONE and value == 1:
            continue
        raise UserError(
            f"{where} says {key} = {short(value)}, which is not known here and may change what the "
            "model computes: if it doesn't, take it out of the file"
        )


def whole(data: dict[str, Any], key: str, default: int | None = None) -> int:
    """A whole number of at least one; `default` for a key that is missing or null."""
    value = _given(data, key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UserError(f"config.json: {key} is {short(value)}, and no whole number from 1 on")
    return value


def number(data: dict[str, Any], key: str, default: float | None = None) -> float:
    """A finite number above zero."""
    value = _given(data, key, default)
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or value <= 0:
        raise UserError(f"config.json: {key} is {short(value)}, and no number above 0")
    return float(value)


def flag(data: dict[str, Any], key: str, default: bool) -> bool:
    """True or false; a text that says so is refused."""
    value = _given(data, key, default)
    if not isinstance(value, bool):
        raise UserError(f"config.json: {key} is {short(value)}, and neither true nor false")
    return value


def table(data: dict[str, Any], key: str) -> dict[str, Any]:
    """A JSON object; empty for a key that is missing or null."""
    value = _given(data, key, {})
    if not isinstance(value, dict):
        raise UserError(f"config.json: {key} is {short(value)}, and no table")
    return value


def short(value: Any) -> str:
    """A value as a message shows it: at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _given(data: dict[str, Any], key: str, default: Any) -> Any:
    value = data.get(key)
    if value is None:
        if default is None:
            raise UserError(f"config.json lacks {key!r}")
        return default
    return value
