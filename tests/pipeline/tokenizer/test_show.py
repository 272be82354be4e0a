import re

from pipeline.tokenizer.show import coloured, pieces


def test_pieces_join_to_the_text(tokenizer):
    text = "the river 347\n東京 it's"
    rows = pieces(tokenizer, text)
    assert [row["id"] for row in rows] == tokenizer.encode(text)
    assert bytes.fromhex("".join(row["bytes"] for row in rows)).decode() == text
    assert all(row["text"] is None or row["text"].encode().hex() == row["bytes"] for row in rows)


def test_coloured_shows_every_piece_and_id(tokenizer):
    shown = coloured(tokenizer, "the river")
    plain = re.sub(r"\x1b\[[0-9;]*m", "\0", shown)
    parts = [part for part in plain.split("\0") if part]
    rows = pieces(tokenizer, "the river")
    assert parts == [p for row in rows for p in (row["text"], str(row["id"]))]
    assert shown.endswith("\x1b[0m")


def test_text_cannot_command_the_terminal(tokenizer):
    shown = coloured(tokenizer, "a\x1b[2Jb\x07\u202e\r")
    left = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "\x1b" not in left
    assert "\x07" not in left
    assert "\u202e" not in left
    assert "␍" in left


def test_cut_characters_are_shown_as_bytes(tokenizer):
    assert "<f0>" in re.sub(r"\x1b\[[0-9;]*m", "", coloured(tokenizer, "𓀀"))
