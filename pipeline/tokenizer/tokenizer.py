"""The tokenizer: text to ids and back, byte for byte, by a Rust BPE whose file is tokenizer.json.

Pre-tokenized with Qwen2's exact regular expression (digits one by one), so llama.cpp knows it as
`qwen2`. Unlike Qwen2 it has no NFC normalizer: `decode(encode(text)) == text` must hold for every
text, since bits per byte are counted on the raw bytes. `encode` takes all text as plain text: a
web page that says "<|im_end|>" never yields that token, nor any other that is written like a
control token, whether its file calls it special or not. The tokenizers of GPT-2, Llama 3 and Qwen
folders are used as they are, with Qwen's normalizer, but without what an earlier program left in
them (see `foreign`).
"""

import dataclasses
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers

from pipeline.cores import cores
from pipeline.tokenizer import fast, foreign
from pipeline.tokenizer.special import (
    CHAT_TEMPLATE,
    CONVERSATION_TOKENS,
    DOCUMENT_TOKEN,
    TURN_TOKENS,
)
from storage.errors import UserError

# From transformers' models/qwen2/tokenization_qwen2.py, to the character.
QWEN2_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# tiktoken starts new threads for each batch, which takes half a millisecond; in that time one
# thread encodes six thousand characters.
CHARACTERS_FOR_THREADS = 20_000

# Of tokenizer_config.json, once it has the conversation tokens.
CHAT_SETTINGS = {"eos_token": "<|im_end|>", "chat_template": CHAT_TEMPLATE}

LONE_SURROGATE = "text is not valid Unicode: it holds a lone surrogate"


def untrained() -> tokenizers.Tokenizer:
    """The Rust pipeline without vocabulary: Qwen2's split, then bytes as printable characters."""
    rust = tokenizers.Tokenizer(models.BPE())
    rust.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_REGEX), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    rust.decoder = decoders.ByteLevel()
    return rust


class Tokenizer:
    """Text to token ids and back. Immutable: `with_conversation_tokens` returns a new one."""

    def __init__(self, rust: tokenizers.Tokenizer, other: foreign.Foreign | None = None) -> None:
        foreign.clear_session(rust)
        self._rust = rust
        self._reader = foreign.plain_reader(rust)
        self._foreign = other
        added = sorted(rust.get_added_tokens_decoder().items())
        self._added = {token.content: id for id, token in added}
        self._special = {t.content: id for id, t in added if foreign.is_control(t)}
        # One more than the last id: some ids in between may be without a token.
        self.vocab_size: int = 1 + max(rust.get_vocab(with_added_tokens=True).values(), default=-1)
        # Starts every document; ends a page that the model writes, as `stop_tokens` do.
        self.document_token: int = (
            self.special(DOCUMENT_TOKEN) if other is None else other.document_token
        )
        self.stop_tokens: tuple[int, ...] = (
            (self.document_token,) if other is None else other.stop_tokens
        )

    @classmethod
    def load(cls, path: Path | str) -> "Tokenizer":
        """Load a tokenizer from a folder with tokenizer.json, or from that file.

        Raises:
            UserError: there is none, or it is unusable.
        """
        file = Path(path)
        if file.is_dir():
            file = file / "tokenizer.json"
        if not file.is_file():
            raise UserError(f"no tokenizer at {file}: name a folder that holds tokenizer.json")
        try:
            text = file.read_text(encoding="utf-8")
            rust = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the Rust library raises bare Exception
            raise UserError(f"{file} is not a tokenizer: {error}") from error
        foreign.check_ids(rust, json.loads(text), file)
        foreign.add_declared(rust, file)
        if _is_own(rust):
            return cls(rust)
        return cls(rust, foreign.read(file, rust))

    def save(self, folder: Path | str) -> None:
        """Write tokenizer.json and tokenizer_config.json, as transformers reads them."""
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        (out / "tokenizer.json").write_text(self._rust.to_str(pretty=True), encoding="utf-8")
        text = json.dumps(self._transformers_config(), indent=2, sort_keys=True)
        (out / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")

    def to_json(self) -> str:
        """The content of tokenizer.json."""
        return str(self._rust.to_str())

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; special tokens spelled in it stay text.

        Raises:
            UserError: the text has a lone surrogate.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: list[str], threads: int = 0) -> list[list[int]]:
        """As `encode`, for many texts; by tiktoken if that gives the same ids.

        Args:
            texts: plain texts.
            threads: 0: as many as there are cores.
        """
        if self._fast is None:
            return self._encode_slowly(texts)
        takes = [fast.is_encodable(text) for text in texts]
        quick = [text for text, can in zip(texts, takes) if can]
        found = iter(self._encode_quickly(quick, threads))
        slow = iter(self._encode_slowly([text for text, can in zip(texts, takes) if not can]))
        return [next(found if can else slow) for can in takes]

    def _encode_quickly(self, texts: list[str], threads: int) -> list[list[int]]:
        is_much = sum(map(len, texts)) >= CHARACTERS_FOR_THREADS
        if not is_much or (threads := threads or cores()) < 2:
            return [self._fast.encode_ordinary(text) for text in texts]
        found: list[list[int]] = self._fast.encode_ordinary_batch(texts, num_threads=threads)
        return found

    def _encode_slowly(self, texts: list[str]) -> list[list[int]]:
        """Encode by the Rust pipeline, which defines the ids."""
        try:
            encodings = self._reader.encode_batch_fast(texts, add_special_tokens=False)
        except TypeError as error:
            raise UserError(LONE_SURROGATE) from error
        return [encoding.ids for encoding in encodings]

    @cached_property
    def _fast(self) -> Any:
        if self._foreign is not None or self._added != self._special:
            return None
        special = set(self._special.values())
        return fast.encoder(self._rust, self.token_bytes, special, QWEN2_REGEX)

    def decode_bytes(self, ids: list[int]) -> bytes:
        """The bytes of the ids; a special token gives its name.

        An id without a token gives nothing: models have more rows than their tokenizers have
        tokens, and may sample any of them.

        Raises:
            UserError: an id is negative.
        """
        if min(ids, default=0) < 0:
            raise UserError(f"token id {min(ids)} is negative")
        table = self.token_bytes
        return b"".join([table[id] for id in ids if id < len(table)])

    def decode(self, ids: list[int]) -> str:
        """The text of the ids; bytes that are not UTF-8 become the replacement character."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def special(self, name: str) -> int:
        """The id of a special token.

        Raises:
            UserError: there is none of that name.
        """
        if name not in self._special:
            raise UserError(
                f"the tokenizer has no special token {name}: it has {', '.join(self._special)}"
            )
        return self._special[name]

    @property
    def special_tokens(self) -> dict[str, int]:
        """Every special token and its id."""
        return dict(self._special)

    @property
    def has_conversation_tokens(self) -> bool:
        """Whether its model was taught to write turns, by the tokens that mark them.

        Qwen's base models have the tokens, but end with another one. Conversations with tools need
        the tools' tags as well.
        """
        named = all(name in self._special for name in TURN_TOKENS)
        return named and (self._foreign is None or self._special["<|im_end|>"] in self.stop_tokens)

    @property
    def chat_template(self) -> str | None:
        """The Jinja template by which programs write conversations for its model, if it has one."""
        found = self._transformers_config().get("chat_template")
        return found if isinstance(found, str) else None

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes of each id; empty for an id without a token.

        Raises:
            UserError: the tokenizer is not byte-level.
        """
        names = {id: name for name, id in self._rust.get_vocab(with_added_tokens=True).items()}
        added = set(self._added.values())
        byte_of = byte_of_character()
        odd = sorted(n for id, n in names.items() if id not in added and not set(n) <= set(byte_of))
        if odd:
            raise UserError(f"the tokenizer is not byte-level: its token {odd[0]!r} is no bytes")
        found = [b""] * self.vocab_size
        for id, name in names.items():
            found[id] = name.encode() if id in added else bytes(byte_of[c] for c in name)
        return found

    def with_conversation_tokens(self) -> "Tokenizer":
        """The same tokenizer with the conversation's tokens after the old ids.

        It keeps those that it has, under their ids. A folder's own chat template gives way to ours.

        Raises:
            UserError: the ids have gaps, so that none can be added.
        """
        rust = tokenizers.Tokenizer.from_str(self._rust.to_str())
        # The library takes the number of tokens for the next id.
        new = [name for name in CONVERSATION_TOKENS if name not in self._added]
        rust.add_tokens(
            [AddedToken(name, special=name in TURN_TOKENS, normalized=False) for name in new]
        )
        if any((rust.token_to_id(name) or 0) < self.vocab_size for name in new):
            raise UserError(
                f"the tokenizer's ids have gaps: no token can be added after {self.vocab_size - 1}"
            )
        grown = Tokenizer(rust, self._foreign)
        if self._foreign is None:
            return grown
        stops = dict.fromkeys([grown.special("<|im_end|>"), *self.stop_tokens])
        named = self._foreign.settings | CHAT_SETTINGS
        other = dataclasses.replace(self._foreign, stop_tokens=tuple(stops), settings=named)
        return Tokenizer(rust, other)

    def _transformers_config(self) -> dict:
        if self._foreign is not None:
            return self._foreign.settings
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "bos_token": None,
            "eos_token": DOCUMENT_TOKEN,
            "pad_token": DOCUMENT_TOKEN,
            "unk_token": None,
        }
        return config | (CHAT_SETTINGS if self.has_conversation_tokens else {})


def _is_own(rust: tokenizers.Tokenizer) -> bool:
    """Whether it has this project's pre-tokenizer and document token, and no normalizer."""
    own, found = json.loads(untrained().to_str()), json.loads(rust.to_str())
    same = all(found[part] == own[part] for part in ("normalizer", "pre_tokenizer"))
    return same and rust.token_to_id(DOCUMENT_TOKEN) is not None


def byte_of_character() -> dict[str, int]:
    """GPT-2's table: printable bytes stand for themselves, others for characters from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + index): byte for index, byte in enumerate(others)})
    return table
