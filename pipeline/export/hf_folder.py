"""Reads settings of a Hugging Face folder without loading the model.

In: a folder. Out: its special tokens' ids, its chat template.
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

from pipeline.tokenizer.special import DOCUMENT_TOKEN
from storage.errors import UserError
from storage.json_object import read_object


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """The ids of special tokens that other programs need."""

    begin: int  # starts a document
    end: int  # ends an answer, or a document
    pad: int
    add_begin: bool  # whether plain text gets `begin` put before it


def token_ids(folder: Path, config: dict[str, Any], tokenizer: dict[str, Any]) -> TokenIds:
    """The ids that tokenizer_config.json names, else those of config.json.

    A base model of this project was trained on documents that start with the document token, so a
    program that completes text should put it in front; a conversation starts without it.

    Args:
        folder: the model's.
        config: its parsed config.json.
        tokenizer: its parsed tokenizer.json.

    Raises:
        UserError: there is no document token, or an id is unusable.
    """
    settings = _optional(folder / "tokenizer_config.json")
    ids = {token["content"]: token["id"] for token in tokenizer.get("added_tokens", [])}

    def named(kind: str) -> int | None:
        token = settings.get(f"{kind}_token")
        name = token.get("content") if isinstance(token, dict) else token
        found = ids.get(name) if isinstance(name, str) else None
        if found is None:
            found = config.get(f"{kind}_token_id")
        if isinstance(found, list):  # Llama 3 lists several ends
            found = found[0] if found else None
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            raise UserError(f"{folder}: {kind}_token_id is {found!r}, and no id of a token")
        return None if found is None or found < 0 else found

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
    """The chat template; None if the model has none. In newer folders it is a separate file."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = _optional(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(found, list):  # several by name
        named = [row for row in found if isinstance(row, dict) and row.get("name") == "default"]
        found = named[0].get("template") if named else None
    if found is not None and not isinstance(found, str):
        raise UserError(f"{folder / 'tokenizer_config.json'}: chat_template is no text")
    return found


def without_marks(template: str) -> str:
    """The template without the marks of what the assistant wrote, which only training reads.

    transformers adds the tag `generation` to Jinja; programs with plain Jinja refuse the template.
    A comment takes its place, since tags cut the white space around them.
    """
    return re.sub(r"\{%([-+]?)\s*(?:end)?generation\s*([-+]?)%\}", r"{#\1 reply \2#}", template)


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
    return read_object(file) if file.is_file() else {}
