"""LoRA adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors.

`peft.PeftModel.from_pretrained` loads what `save` writes, on the base that
`transformers` loads and whose embeddings were resized to the adapter's vocabulary; trained rows are
PEFT's trainable tokens. `apply` reads it back, and any plain LoRA of the same base by PEFT. In
GPT-2 q, k and v are one matrix: their three changes are one of three times the rank there, block by
block.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.model import hf_tensors, lora
from pipeline.model.hf_weights import Tensors
from pipeline.model.transformer import Transformer
from storage.errors import UserError
from storage.json_object import read_object

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
ROWS = "token_adapter.trainable_tokens_delta"  # the rows themselves, despite the name
BASE = "base_sha256"  # of the base's layers, in the metadata of the file of weights
JOINED = ("q_proj", "k_proj", "v_proj")  # in GPT-2's c_attn, in this order
SAMPLED = 1024  # elements of a matrix that its fingerprint looks at
# Settings of PEFT under which an adapter is more than what is read here, and their harmless values.
PLAIN = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    "use_dora": (False,),
    "modules_to_save": ([],),
    "layer_replication": ([],),
    "target_parameters": ([],),
}


class Factors(NamedTuple):
    """The change of one matrix under its name in Hugging Face's class: alpha / rank * B A."""

    name: str
    a: Tensor  # [rank, in]
    b: Tensor  # [out, rank]
    alpha: float


def fingerprint(model: Transformer) -> str:
    """SHA-256 of the layers' weights: names, shapes, and an even sample of each one's elements.

    Embedding and head are left out: conversation tokens have rows there that the base lacks.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(model.layers.named_parameters()):
        if lora.ADAPTER in name.split("."):
            continue
        flat = weight.detach().reshape(-1)
        sample = flat[:: max(1, flat.numel() // SAMPLED)].to("cpu", torch.float32)
        digest.update(f"{name} {tuple(weight.shape)}\n".encode())
        digest.update(sample.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save(model: Transformer, folder: Path, base: str) -> None:
    """Write the adapters of a model that `lora.attach` gave some.

    Args:
        model: before `lora.merge`.
        folder: is made if need be.
        base: where the base is, for whoever reads: a path, relative to `folder`, or a name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    alphas: dict[str, float] = {}
    targets: set[str] = set()
    found = list(_factors(model))
    rank, alpha = min((len(each.a), each.alpha) for each in found)
    for each in found:
        # PEFT finds a target by the end of its name; GPT-2's two c_proj differ in what is before.
        target = ".".join(each.name.split(".")[-2:])
        targets.add(target)
        if len(each.a) != rank:
            ranks[target], alphas[target] = len(each.a), each.alpha
        tensors[f"{PREFIX}{each.name}.lora_A.weight"] = each.a
        tensors[f"{PREFIX}{each.name}.lora_B.weight"] = each.b
    rows: dict[str, list[int]] = {}
    for name, _, adapter in lora.adapters(model):
        if isinstance(adapter, lora.TrainedRows):
            whole = _hf_name(model, name)
            rows[whole.rpartition(".")[2]] = list(adapter.ids)
            tensors[f"{PREFIX}{whole}.{ROWS}"] = adapter.values
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": rank,
        "lora_alpha": _whole(alpha),
        "lora_dropout": 0.0,
        "target_modules": sorted(targets),
        "rank_pattern": ranks,
        "alpha_pattern": {name: _whole(value) for name, value in alphas.items()},
        "fan_in_fan_out": model.config.family == "gpt2",
        "bias": "none",
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "trainable_token_indices": rows or None,
    }
    contiguous = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in tensors.items()
    }
    # One entry alone: the library writes several in an order that differs from run to run.
    save_file(contiguous, folder / WEIGHTS, metadata={BASE: fingerprint(model)})
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no model of its own."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_of(folder: Path) -> Path:
    """The folder of an adapter's base.

    Raises:
        UserError: the adapter doesn't say, or it isn't there.
    """
    named = read_object(folder / CONFIG).get("base_model_name_or_path")
    base = folder / named if isinstance(named, str) and named else None
    if base is None or not (base / "config.json").is_file():
        raise UserError(
            f"{folder} is a LoRA without its base: {CONFIG} names {named!r}, and no model is"
            " there; write the path of the base's folder into base_model_name_or_path"
        )
    return base


@torch.no_grad()
def apply(model: Transformer, folder: Path) -> None:
    """Write an adapter's changes into a base's matrices, in place.

    Args:
        model: the base; rows that it lacks for the adapter's tokens are added.
        folder: of the adapter.

    Raises:
        UserError: it is an adapter of another base, or more than a plain LoRA.
    """
    config = read_object(folder / CONFIG)
    for setting, plain in PLAIN.items():
        value = config.get(setting, plain[0])
        if (value or plain[0]) not in plain:
            raise UserError(f"{folder / CONFIG}: {setting} is {value!r}: only plain LoRA is read")
    stored = Tensors(folder, {}, WEIGHTS)
    base = stored.metadata.get(BASE)
    if base is not None and base != fingerprint(model):
        raise UserError(
            f"{folder} is a LoRA of another base: it was trained on weights that hash to"
            f" {base[:12]}, these hash to {fingerprint(model)[:12]}"
        )
    names = set(stored.names)
    rows = config.get("trainable_token_indices") or {}
    if isinstance(rows, list):
        rows = {_hf_name(model, "embed_tokens").rpartition(".")[2]: rows}
    ids = [id for each in rows.values() for id in each]
    if ids and max(ids) >= model.config.vocab_size:
        model.grow_vocabulary(max(ids) + 1)
    shapes = hf_tensors.to_hf(model.config, model.state_dict())
    changes: dict[str, Tensor] = {}
    for name in sorted(names):
        module, _, kind = name.removeprefix(PREFIX).partition(".lora_")
        if not name.startswith(PREFIX) or kind != "A.weight":
            continue
        other = f"{PREFIX}{module}.lora_B.weight"
        a, b = stored.read(name).float(), stored.read(other).float() if other in names else None
        matrix = shapes.get(f"{module}.weight")
        if matrix is None or b is None or len(a) != b.shape[1]:
            raise UserError(f"{folder} is a LoRA of another base: this one has no {module}")
        delta = b @ a * _scale(config, module, len(a))
        if model.config.family == "gpt2":
            delta = delta.T
        if delta.shape != matrix.shape:
            raise UserError(
                f"{folder} is a LoRA of another base: {module} changes a matrix of shape"
                f" {tuple(delta.shape)}, this base's is {tuple(matrix.shape)}"
            )
        changes[f"{module}.weight"] = delta
        names -= {name, other}
    for module, own in list(rows.items()):
        kept = next((name for name in sorted(names) if name.endswith(f"{module}.{ROWS}")), "")
        matrix = shapes.get(kept.removeprefix(PREFIX).replace(ROWS, "weight"))
        if matrix is None or stored.shape(kept) != (len(own), matrix.shape[1]):
            raise UserError(
                f"{folder} is a LoRA of another base: no rows of this width of {module}"
            )
        delta = torch.zeros_like(matrix)
        delta[own] = stored.read(kept).to(matrix) - matrix[own]
        changes[kept.removeprefix(PREFIX).replace(ROWS, "weight")] = delta
        names -= {kept}
    if names:
        raise UserError(f"{folder}: tensor {sorted(names)[0]} is of no plain LoRA")
    if not changes:
        raise UserError(f"{folder / WEIGHTS} holds no change at all")
    parameters = dict(model.named_parameters())
    for name, change in hf_tensors.from_hf(model.config, changes).items():
        parameters[name].add_(change.to(parameters[name]))


def _factors(model: Transformer) -> Iterator[Factors]:
    """The changes under the names of the family's class in transformers."""
    joined: dict[str, dict[str, lora.LowRank]] = {}
    for name, _, adapter in lora.adapters(model):
        if not isinstance(adapter, lora.LowRank):
            continue
        layer, _, part = name.rpartition(".")
        if model.config.family == "gpt2" and part in JOINED:
            joined.setdefault(layer, {})[part] = adapter
        else:
            yield Factors(_hf_name(model, name), adapter.a, adapter.b, adapter.alpha)
    width = model.config.width
    for layer, parts in joined.items():
        own = [(part, parts[part]) for part in JOINED if part in parts]
        rank = len(own[0][1].a)
        b = own[0][1].b.new_zeros(3 * width, rank * len(own))
        for at, (part, adapter) in enumerate(own):
            block = JOINED.index(part)
            columns = slice(at * rank, (at + 1) * rank)
            b[block * width : (block + 1) * width, columns] = adapter.b.detach()
        a = torch.cat([adapter.a for _, adapter in own])
        number = layer.split(".")[1]
        yield Factors(f"transformer.h.{number}.attn.c_attn", a, b, own[0][1].alpha * len(own))


def _hf_name(model: Transformer, module: str) -> str:
    """A module's name in the family's class in transformers."""
    if module == "lm_head":
        return module
    if model.config.family != "gpt2":
        return f"model.{module}"
    theirs = {ours: name for name, ours in hf_tensors.GPT2_TOP.items()}
    if module in theirs:
        return f"transformer.{theirs[module]}"
    _, number, part = module.split(".", 2)
    inner = {ours: name for name, ours in hf_tensors.GPT2_LAYER.items()}
    return f"transformer.h.{number}.{inner[part]}"


def _scale(config: dict[str, Any], module: str, rank: int) -> float:
    """What a change is multiplied by."""
    patterns = config.get("alpha_pattern") or {}
    alpha = next(
        (value for name, value in patterns.items() if f".{module}".endswith(f".{name}")),
        config.get("lora_alpha", 8),
    )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _whole(value: float) -> float | int:
    """An integral number as PEFT writes it."""
    return int(value) if float(value).is_integer() else value
