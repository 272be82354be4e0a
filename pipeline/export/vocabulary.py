"""A byte-level BPE vocabulary as tokenizer.json and as GGUF's lists, both ways.

GGUF holds a name of the pre-tokenizer instead of its regular expression, and llama.cpp implements
the names in C++. So only the three pre-tokenizers below can be written; any other is refused rather
than tokenized wrongly. Special tokens become CONTROL, which llama.cpp never reads from plain text;
added tokens that are not special become USER_DEFINED, which both sides always read.
"""

import dataclasses
import json
from typing import Any

from gguf import TokenType

from pipeline.tokenizer.tokenizer import QWEN2_REGEX
from storage.errors import UserError

# From Meta's tokenizer.json of Llama 3, to the character.
LLAMA3_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclasses.dataclass(frozen=True)
class Split:
    """The pre-tokenizer that a name in `tokenizer.ggml.pre` stands for."""

    regex: str | None  # None: GPT-2's, built into the byte-level step
    whole_words_first: bool  # a piece that is a token is taken without merging


SPLITS = {
    "qwen2": Split(QWEN2_REGEX, False),
    "llama-bpe": Split(LLAMA3_REGEX, True),
    "gpt-2": Split(None, False),
}
# Other names under which llama.cpp runs the same code.
ALIASES = {"llama3": "llama-bpe", "llama-v3": "llama-bpe", "deepseek-r1-qwen": "qwen2"}
PAD = "[PAD{}]"


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A vocabulary as GGUF lists it, one entry a row of the embedding."""

    tokens: list[str]
    types: list[int]  # gguf.TokenType
    merges: list[str]  # "left right", in order of rank
    split: str  # a key of SPLITS


def from_tokenizer_json(data: dict[str, Any], rows: int, where: object) -> Vocabulary:
    """GGUF's lists of a parsed tokenizer.json, filled up to `rows` with tokens that no text yields.

    Raises:
        UserError: GGUF can't express this tokenizer; `where` is for the message.
    """
    model = data["model"]
    if model.get("type", "BPE") != "BPE" or model.get("byte_fallback"):
        raise UserError(f"{where}: only byte-level BPE can be written to GGUF")
    if not model["merges"]:
        raise UserError(f"{where}: no merges, and llama.cpp loads no vocabulary of bytes alone")
    split = _split_of(data, where)
    names: dict[int, str] = {id: name for name, id in model["vocab"].items()}
    types = dict.fromkeys(names, int(TokenType.NORMAL))
    for token in data.get("added_tokens", []):
        names[token["id"]] = token["content"]
        kind = TokenType.CONTROL if token["special"] else TokenType.USER_DEFINED
        types[token["id"]] = int(kind)
    if max(names) >= rows:
        raise UserError(f"{where}: token {max(names)} has no row: the model has {rows}")
    for id in range(rows):  # llama.cpp wants a name for every row, and each name once
        if id not in names:
            names[id] = PAD.format(id)
            types[id] = int(TokenType.UNUSED)
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    ids = range(rows)
    return Vocabulary([names[i] for i in ids], [types[i] for i in ids], merges, split)


def to_tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """The inverse of `from_tokenizer_json`; tokens that fill up rows are dropped.

    The file does not say whether a token at the vocabulary's beginning or end was in the BPE table
    or only added to it. Special tokens before the first normal one are put into the table (as the
    trainer does), later ones are only added. That changes no id and no text.
    """
    split = SPLITS[vocabulary.split]
    table: dict[str, int] = {}
    added = []
    plain = (TokenType.NORMAL, TokenType.BYTE)
    first_normal = next((i for i, t in enumerate(vocabulary.types) if t in plain), 0)
    real = [i for i, kind in enumerate(vocabulary.types) if kind != TokenType.UNUSED]
    for id in range(max(real, default=-1) + 1):
        name, kind = vocabulary.tokens[id], vocabulary.types[id]
        if kind in plain or id < first_normal:
            table[name] = id
        if kind not in plain:
            added.append(_added(id, name, kind != TokenType.USER_DEFINED))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    steps: dict[str, Any] = {**byte_level, "use_regex": True}
    if split.regex is not None:
        cut = {
            "type": "Split",
            "pattern": {"Regex": split.regex},
            "behavior": "Isolated",
            "invert": False,
        }
        steps = {
            "type": "Sequence",
            "pretokenizers": [cut, {**byte_level, "use_regex": False}],
        }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": steps,
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": split.whole_words_first,
            "vocab": table,
            "merges": [merge.split(" ") for merge in vocabulary.merges],
        },
    }


def named_split(name: str, where: object) -> str:
    """The key of SPLITS for a file's `tokenizer.ggml.pre`."""
    found = ALIASES.get(name, name)
    if found not in SPLITS:
        raise UserError(f"{where}: pre-tokenizer {name!r} is none of {', '.join(SPLITS)}")
    return found


def _split_of(data: dict[str, Any], where: object) -> str:
    outer = data.get("pre_tokenizer") or {}
    steps = outer.get("pretokenizers", [outer])
    regexes = [step["pattern"].get("Regex") for step in steps if step.get("type") == "Split"]
    byte_level = [step for step in steps if step.get("type") == "ByteLevel"]
    whole = bool(data["model"].get("ignore_merges", False))
    if len(byte_level) == 1 and len(steps) == len(regexes) + 1 and len(regexes) < 2:
        regex = regexes[0] if regexes else None
        built_in = byte_level[0].get("use_regex", True)
        prefixed = byte_level[0].get("add_prefix_space", False)
        for name, split in SPLITS.items():
            same = split.regex == regex and built_in == (regex is None)
            if same and not prefixed and split.whole_words_first == whole:
                return name
    raise UserError(
        f"{where}: llama.cpp knows no pre-tokenizer like this one ({json.dumps(regexes)}): "
        f"only those of {', '.join(SPLITS)} can be written to GGUF"
    )


def _added(id: int, name: str, special: bool) -> dict[str, Any]:
    return {
        "id": id,
        "content": name,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }
