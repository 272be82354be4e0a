"""Train a small language model on text files of your own: no web archive, no server.

    python examples/train_on_your_text.py docs/*.md --out my-model --steps 400
    crawl2chat complete "The lake" --model my-model/base

Each file is a document; every tenth is held out, and bits per byte are measured on those. The
stages are plain functions: folders and a config in, a folder and statistics out.
"""

import argparse
import tempfile
from pathlib import Path

from pipeline.stage import SILENT
from pipeline.tokenizer import tokens as tokens_stage
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig, TokensConfig
from pipeline.training import pretrain
from pipeline.training.config import LoopConfig, ModelShape, PretrainConfig
from storage.schemas import CORPUS
from storage.tables import table, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("my-model"), help="a new folder")
    parser.add_argument("--vocabulary", type=int, default=1_024)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()

    texts = [path.read_text(errors="replace") for path in given.files]
    splits = ["validation" if number % 10 == 9 else "train" for number in range(len(texts))]
    if "validation" not in splits:
        parser.error("give ten files or more: every tenth is held out")
    rows = [
        {"id": f"{number:032x}", "text": text, "split": split, "language": "en"}
        for number, (text, split) in enumerate(zip(texts, splits))
    ]
    names = ("corpus", "tokenizer", "tokens", "base")
    corpus, tokenizer, tokens, base = (given.out / name for name in names)
    for name in names:
        (given.out / name).mkdir(parents=True)
    write_table(table(rows, CORPUS), corpus / "corpus-en.parquet")

    loop = LoopConfig(steps=given.steps, rows_per_step=16, warmup_steps=10, validate_every=100)
    shape = ModelShape(layers=4, width=128, heads=4, kv_heads=4, head_dim=32, ffn_width=384)
    inputs = {"corpus": [corpus], "tokenizer": [tokenizer], "tokens": [tokens]}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        words = TokenizerConfig(vocab_size=given.vocabulary)
        tokenizer_training.build(tokenizer, inputs, words, SILENT, place)
        print("tokens:", tokens_stage.build(tokens, inputs, TokensConfig(), SILENT, place)["train"])
        said = pretrain.build(base, inputs, PretrainConfig(shape=shape, loop=loop), SILENT, place)
    print(f"{said['parameters']:,} parameters, {said['epochs']:.1f} epochs; model: {base}")
    print(f"bits per byte of held-out files: {said['bits_per_byte']:.3f}")


if __name__ == "__main__":
    main()
