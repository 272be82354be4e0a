"""What another project's tokenizer folder says of itself: which token starts a document, which end.

In: the folder (tokenizer_config.json, generation_config.json, config.json, each optional) and its
special tokens. Out: ids, and the tokenizer_config.json to write back. Documents start with the
token the model was trained to see there: <|endoftext|> (GPT-2, Qwen), else the folder's bos token
(Llama's <|begin_of_text|>), else its eos token.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from pipeline.tokenizer.special import DOCUMENT_TOKEN
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A tokenizer that is not this project's own."""

    document_token: int  # starts each document
    stop_tokens: tuple[int, ...]  # end a generated page, the folder's own eos first
    settings: dict[str, Any]  # tokenizer_config.json, kept as it came


def read(file: Path, special: dict[str, int]) -> Foreign:
    """From the folder `file` (tokenizer.json) lies in."""
    settings = _json(file.with_name("tokenizer_config.json"))
    configs = [_json(file.with_name(n)) for n in ("generation_config.json", "config.json")]
    starts = _named(settings.get("bos_token"), special) + _ids(configs, "bos_token_id")
    ends = _named(settings.get("eos_token"), special) + _ids(configs, "eos_token_id")
    if DOCUMENT_TOKEN in special:
        starts.insert(0, special[DOCUMENT_TOKEN])
    if not starts + ends:
        raise UserError(
            f"{file} names no token that starts a document: it needs {DOCUMENT_TOKEN}, or a "
            "bos_token or eos_token in the tokenizer_config.json beside it"
        )
    document = (starts + ends)[0]
    return Foreign(document, tuple(dict.fromkeys([*ends, document])), settings)


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}") from error
    return data if isinstance(data, dict) else {}


def _named(token: Any, special: dict[str, int]) -> list[int]:
    """A token is given by its text, or by an object that holds it as `content`."""
    name = token.get("content") if isinstance(token, dict) else token
    return [special[name]] if name in special else []


def _ids(configs: list[dict[str, Any]], key: str) -> list[int]:
    found: list[int] = []
    for config in configs:
        value = config.get(key)
        found += value if isinstance(value, list) else [value] if isinstance(value, int) else []
    return found
