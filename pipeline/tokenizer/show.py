"""Text as its tokens, for people: plain rows for JSON, coloured pieces for a terminal."""

from collections.abc import Sequence
from typing import Any

from pipeline.tokenizer.tokenizer import Tokenizer

# Background colours (256-colour palette) that dark text stays readable on; neighbours differ.
_BACKGROUNDS = (153, 157, 222, 218, 189, 229)
_RESET = "\x1b[0m"


def pieces(tokenizer: Tokenizer, text: str) -> list[dict[str, Any]]:
    """One row a token: id, bytes in hex, and text (None if they are not whole characters)."""
    return pieces_of(tokenizer, tokenizer.encode(text))


def pieces_of(tokenizer: Tokenizer, ids: Sequence[int]) -> list[dict[str, Any]]:
    """As `pieces`, of ids; a control token's text is its name."""
    rows: list[dict[str, Any]] = []
    for id in ids:
        raw = tokenizer.token_bytes[id]
        try:
            piece: str | None = raw.decode("utf-8")
        except UnicodeDecodeError:
            piece = None
        rows.append({"id": id, "text": piece, "bytes": raw.hex()})
    return rows


def coloured(tokenizer: Tokenizer, text: str) -> str:
    """Each token on a coloured background, its id after it; bytes that are no text as <hex>."""
    out = []
    for index, row in enumerate(pieces(tokenizer, text)):
        background = _BACKGROUNDS[index % len(_BACKGROUNDS)]
        shown = f"<{row['bytes']}>" if row["text"] is None else printable(row["text"])
        out.append(f"\x1b[38;5;16;48;5;{background}m{shown}{_RESET}\x1b[2m{row['id']}{_RESET}")
        if row["text"] is not None and "\n" in row["text"]:
            out.append("\n")
    return "".join(out)


def printable(text: str) -> str:
    """Line ends and control characters as visible signs, so that no text controls the terminal."""
    signs = {"\n": "⏎", "\t": "⇥", "\r": "␍"}
    return "".join(
        signs.get(character)
        or (character if character.isprintable() else f"<U+{ord(character):04X}>")
        for character in text
    )
