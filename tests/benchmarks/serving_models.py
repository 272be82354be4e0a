"""Models and prompts for the serving benchmark, and the same models as llama.cpp reads them.

Random weights of `engine`'s shapes: how fast a model is doesn't depend on what it has learned. They
write plain text and never end by themselves (`text_models`), so that each answer is as long as was
asked, on both sides and with no sampling option that one of them would have to pay for. Tokenizers
are trained on this repository's own pages.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.export import gguf_write
from pipeline.tokenizer import Tokenizer
from tests.benchmarks import engine
from tests.benchmarks.train_peers import ROOT
from tests.helpers import text_models

PROMPT, SHARED = engine.PROMPT, engine.SYSTEM  # tokens: a prompt's own, and those before them
GGUF_TYPES = ("f16", "q8_0")


def make(name: str, folder: Path) -> Tokenizer:
    """The model of a shape's name, in `folder/model`, and as GGUF in each of GGUF_TYPES."""
    model = engine.build(engine.SHAPES[name])
    tokenizer = text_models.write(folder / "model", model, pages())
    for kind in GGUF_TYPES:
        gguf_write.write(folder / "model", gguf_file(folder, kind), kind, name)
    return tokenizer


def gguf_file(folder: Path, kind: str) -> Path:
    return folder / f"{kind}.gguf"


def pages() -> list[str]:
    """This repository's pages, in the order of their names."""
    found = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    return [page.read_text(encoding="utf-8") for page in found]


def prompts(tokenizer: Tokenizer, shared: bool) -> list[str]:
    """Texts of about PROMPT tokens, no two alike; behind SHARED tokens that all of them share."""
    ids = [id for page in tokenizer.encode_batch(pages()) for id in page]
    before = tokenizer.decode(ids[:SHARED]) if shared else ""
    return [before + text for text in dict.fromkeys(windows(tokenizer, ids[SHARED:]))]


def windows(tokenizer: Tokenizer, ids: list[int]) -> Iterator[str]:
    """Windows side by side that stay about as long when their text is encoded again."""
    for start in range(0, len(ids) - PROMPT, PROMPT):
        window = ids[start : start + PROMPT]
        text = tokenizer.decode_bytes(window).decode("utf-8", "ignore")
        if abs(len(tokenizer.encode(text)) - PROMPT) < PROMPT // 4:
            yield text
