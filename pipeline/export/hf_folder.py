"""What a Hugging Face folder says, without making a model of it.

In: a folder. Out: its JSON files, its tensors one at a time (one file or several with an index;
any float type as float32), its special tokens' ids, its chat template.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from pipeline.tokenizer.special import DOCUMENT_TOKEN
from storage.errors import UserError


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; anything else is the user's mistake."""
    if not file.is_file():
        raise UserError(f"{file} is missing: a model folder holds it")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{file} holds no JSON object")
    return data


class Tensors:
    """The weights of a folder, read when asked for."""

    def __init__(self, folder: Path) -> None:
        index = folder / "model.safetensors.index.json"
        files = ["model.safetensors"]
        if index.is_file():
            files = sorted(set(read_json(index)["weight_map"].values()))
        self._of: dict[str, Any] = {}
        for name in files:
            file = folder / Path(name).name
            if not file.is_file():
                raise UserError(f"no weights at {file}: a model folder holds model.safetensors")
            try:
                opened = safe_open(file, framework="pt")
            except SafetensorError as error:
                raise UserError(f"{file} is not a safetensors file: {error}") from error
            self._of |= dict.fromkeys(opened.keys(), opened)
        self.names = sorted(self._of)

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._of[name].get_slice(name).get_shape())

    def size(self, name: str) -> int:
        return math.prod(self.shape(name))

    def float32(self, name: str) -> np.ndarray:
        return self._of[name].get_tensor(name).to(torch.float32).numpy()


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """The ids other programs ask for."""

    begin: int  # what a document starts with
    end: int  # what ends an answer, or a document
    pad: int
    add_begin: bool  # whether plain text gets `begin` put before it


def token_ids(folder: Path, config: dict[str, Any], tokenizer: dict[str, Any]) -> TokenIds:
    """From tokenizer_config.json where it names them, else from config.json.

    A base model of this project was trained on documents that start with the document token, so a
    program that completes text should put it there; a conversation starts without.
    """
    settings = _optional(folder / "tokenizer_config.json")
    ids = {token["content"]: token["id"] for token in tokenizer.get("added_tokens", [])}

    def named(kind: str) -> int | None:
        token = settings.get(f"{kind}_token")
        name = token.get("content") if isinstance(token, dict) else token
        found = ids.get(name, config.get(f"{kind}_token_id"))
        return found[0] if isinstance(found, list) else found  # Llama 3 lists several ends

    document = ids.get(DOCUMENT_TOKEN)
    begin = next((i for i in (named("bos"), document, named("eos")) if i is not None), None)
    if begin is None:
        raise UserError(f"{folder}: no document token: tokenizer_config.json names no bos or eos")
    end = next(i for i in (named("eos"), document, begin) if i is not None)
    pad = next(i for i in (named("pad"), document, end) if i is not None)
    own_base = begin == document == end and named("bos") is None
    added = settings.get("add_bos_token", own_base or _adds(tokenizer, begin))
    return TokenIds(begin, end, pad, bool(added))


def template(folder: Path) -> str | None:
    """The chat template, if the model has one: a file of its own in newer folders."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = _optional(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several by name
        found = next((row["template"] for row in found if row["name"] == "default"), None)
    return found


def _adds(tokenizer: dict[str, Any], begin: int) -> bool:
    """Whether the post-processor puts that token before every text."""
    outer = tokenizer.get("post_processor") or {}
    for step in outer.get("processors", [outer]):
        special = step.get("special_tokens") or {}
        for piece in (step.get("single") or [])[:1]:
            name = piece.get("SpecialToken", {}).get("id")
            if name in special and special[name]["ids"] == [begin]:
                return True
    return False


def _optional(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}
