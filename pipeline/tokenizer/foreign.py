"""Tokenizer folders of other projects: which token starts a document, and which ones end a page.

In: the folder (tokenizer_config.json, generation_config.json, config.json, each optional) and its
tokens. Out: ids, and the tokenizer_config.json to write back. Documents start with the
token that the model was trained with: <|endoftext|> (GPT-2, Qwen), else the folder's bos token
(Llama's <|begin_of_text|>), else its eos token.

Truncation, padding and dropout in tokenizer.json are settings of an earlier program, not part of
the vocabulary; they are dropped, as transformers drops them. Text never yields tokens that look
like control tokens (`<tool_call>`, `[INST]`), although Qwen's file calls some of them not special.
Other added tokens (words, runs of spaces) are read as the file says, but without the white space
around them (`lstrip`, `rstrip`), which would be lost.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from pipeline.tokenizer.special import DOCUMENT_TOKEN
from storage.errors import UserError
from storage.json_object import read_object

_CONTROL = re.compile(r"<[^\n]+>|\[[^\n]+\]")


@dataclasses.dataclass(frozen=True)
class Foreign:
    """What the folder of a tokenizer that is not this project's own says."""

    document_token: int  # starts each document
    stop_tokens: tuple[int, ...]  # end a generated page, the folder's own eos first
    settings: dict[str, Any]  # tokenizer_config.json, unchanged


def clear_session(rust: tokenizers.Tokenizer) -> None:
    """Switch off truncation, padding and dropout, which an earlier program left in the file."""
    rust.no_truncation()
    rust.no_padding()
    if getattr(rust.model, "dropout", None) is not None:
        rust.model.dropout = None


def is_control(token: AddedToken) -> bool:
    """Whether it is a control token, which no text may yield."""
    return token.special or bool(_CONTROL.fullmatch(token.content))


def plain_reader(rust: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The tokenizer for plain text: the same one, unless its file has one of the cases above."""
    reader = rust
    added = rust.get_added_tokens_decoder().values()
    if any(t.lstrip or t.rstrip or is_control(t) != t.special for t in added):
        data = json.loads(rust.to_str())
        control = {t.content for t in added if is_control(t)}
        for row in data["added_tokens"]:
            row |= {"lstrip": False, "rstrip": False, "special": row["content"] in control}
        reader = tokenizers.Tokenizer.from_str(json.dumps(data))
    reader.encode_special_tokens = True
    return reader


def check_ids(rust: tokenizers.Tokenizer, data: dict[str, Any], file: Path) -> None:
    """Check that added tokens have the ids that the file gives them.

    The library ignores those ids and numbers the tokens itself.

    Raises:
        UserError: an id differs.
    """
    for token in data.get("added_tokens") or ():
        found = rust.token_to_id(token["content"])
        if found != token["id"]:
            raise UserError(
                f"{file}: token {token['content']!r} has id {token['id']}, but the ids before it "
                f"end at {found}: ids without a token can't be read between added ones"
            )


def add_declared(rust: tokenizers.Tokenizer, file: Path) -> None:
    """Add the tokens that are only in tokenizer_config.json, as transformers does.

    Programs that add tokens to a model may write them only there, or with other ids.

    Raises:
        UserError: the two files contradict each other.
    """
    place = file.with_name("tokenizer_config.json")
    declared = _json(place).get("added_tokens_decoder")
    if not isinstance(declared, dict):
        return
    added = {token.content for token in rust.get_added_tokens_decoder().values()}
    rows = [(id, row) for id, row in declared.items() if isinstance(row, dict)]
    for id, row in sorted(rows, key=lambda item: (len(item[0]), item[0])):
        name = row.get("content")
        if not isinstance(name, str):
            raise UserError(f"{place}: added_tokens_decoder has a token {id} without a text")
        if name not in added:
            kinds = ("single_word", "lstrip", "rstrip", "normalized", "special")
            given = {kind: row[kind] for kind in kinds if isinstance(row.get(kind), bool)}
            rust.add_tokens([AddedToken(name, **given)])
        if str(rust.token_to_id(name)) != id:
            raise UserError(
                f"{place}: token {name!r} has id {id}, and {rust.token_to_id(name)} by "
                "tokenizer.json: the two don't belong together"
            )


def read(file: Path, rust: tokenizers.Tokenizer) -> Foreign:
    """Read the settings beside `file` (tokenizer.json).

    Raises:
        UserError: no token starts a document, or a file is unusable.
    """
    settings = _json(file.with_name("tokenizer_config.json"))
    tokens = {t.content: id for id, t in sorted(rust.get_added_tokens_decoder().items())}
    known = set(rust.get_vocab(with_added_tokens=True).values())
    starts = _named(settings.get("bos_token"), tokens)
    ends = _named(settings.get("eos_token"), tokens)
    for name in ("generation_config.json", "config.json"):
        config = _json(file.with_name(name))
        starts += _ids(config, "bos_token_id", file.with_name(name))
        ends += _ids(config, "eos_token_id", file.with_name(name))
    if DOCUMENT_TOKEN in tokens:
        starts.insert(0, tokens[DOCUMENT_TOKEN])
    # Programs write their classes' defaults (such as GPT-2's 50256) beside any tokenizer.
    named = [id for id in starts + ends if id in known]
    if not named:
        raise UserError(
            f"{file} names no token that starts a document: it needs {DOCUMENT_TOKEN}, or a "
            "bos_token or eos_token in the tokenizer_config.json beside it"
        )
    document = named[0]
    return Foreign(document, tuple(dict.fromkeys([*ends, document])), settings)


def _json(file: Path) -> dict[str, Any]:
    return read_object(file) if file.is_file() else {}


def _named(token: Any, tokens: dict[str, int]) -> list[int]:
    """The id of a token that is given by its text, or by an object with the text as `content`."""
    name = token.get("content") if isinstance(token, dict) else token
    return [tokens[name]] if isinstance(name, str) and name in tokens else []


def _ids(config: dict[str, Any], key: str, file: Path) -> list[int]:
    """One id, several, or none, which some folders write as null and some as -1."""
    value = config.get(key)
    found = value if isinstance(value, list) else [] if value is None else [value]
    for id in found:
        if isinstance(id, bool) or not isinstance(id, int):
            raise UserError(f"{file}: {key} is {id!r}, and no id of a token")
    return [id for id in found if id >= 0]
