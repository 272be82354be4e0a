"""`make bench-tokenizer`: training and encoding beside rustbpe, tokenizers and tiktoken.

All in one process on the same text (English, from the crawl's first files by our own corpus stages,
or any .txt and .parquet files with --text), best of three by turns. Training is to one vocabulary
size with Qwen2's pattern; encoding goes over the same texts with as many threads as there are
cores, and over the same vocabulary wherever a library can take it: then ids must be equal. Each row
names whose code runs in it: crawl2chat has neither a trainer nor an encoder of its own, it calls
tokenizers' trainer and tiktoken's encoder, and checks that ids are as tokenizers gives them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rustbpe
import tiktoken

from pipeline.corpus.read import corpus_table
from pipeline.intervals import bootstrap_ratio
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.config import TokenizerConfig
from pipeline.tokenizer.report import CASES, prefix, sizes_up_to
from pipeline.tokenizer.tokenizer import QWEN2_REGEX
from pipeline.tokenizer.train import train
from tests.benchmarks.tables import add_option, write_table

TOKENIZERS = "tokenizers, in batches without offsets"
TABLE = "tokenizer-table"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, help="folder of .warc.gz files")
    parser.add_argument("--text", type=Path, nargs="*", default=[], help=".txt or .parquet files")
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--largest", type=int, default=32768, help="end of the dial")
    parser.add_argument("--runs", type=int, default=3)
    add_option(parser)
    parser.add_argument("--picture", type=Path, help="draw the dial to this PNG")
    given = parser.parse_args()
    texts = read(given, int(given.megabytes * 1e6))
    size = sum(len(text.encode()) for text in texts)
    sections = [speed(texts, size, given.vocab_size, given.runs), dial(texts, given)]
    text = "\n\n".join(sections)
    sys.stdout.write(text + "\n")
    if given.write:
        write_table(given.write, TABLE, text)


def read(given: argparse.Namespace, limit: int) -> list[str]:
    """Texts up to about so many bytes."""
    if given.crawl:
        with tempfile.TemporaryDirectory(prefix="bench-tokenizer-") as scratch:
            texts = crawled(given.crawl, Path(scratch))
    else:
        texts = []
        for file in given.text:
            if file.suffix == ".parquet":
                texts += pq.read_table(file, columns=["text"])["text"].to_pylist()
            else:
                texts.append(file.read_text(encoding="utf-8"))
    chosen, left = [], limit
    for text in texts:
        if left <= 0:
            break
        chosen.append(text)
        left -= len(text.encode())
    if not chosen:
        raise SystemExit("no text: give --crawl or --text")
    return chosen


def crawled(folder: Path, scratch: Path) -> list[str]:
    """The English pages of the crawl's files, by our own stages."""
    warcs = sorted(map(str, folder.glob("*.warc.gz")))
    if not warcs:
        raise SystemExit(f"no .warc.gz file in {folder}")
    command = [sys.executable, "-m", "tests.benchmarks.our_corpus", "--out", str(scratch / "c")]
    subprocess.run([*command, *warcs], check=True, stdout=subprocess.DEVNULL)
    corpus = corpus_table(scratch / "c" / "corpus" / "corpus", ["text", "language"])
    return list(corpus.filter(pc.equal(corpus["language"], "en"))["text"].to_pylist())


def speed(texts: list[str], size: int, vocab_size: int, runs: int) -> str:
    """Who trains and who encodes how fast."""
    threads = os.cpu_count() or 1
    trained: dict[str, Any] = {}

    def by_tokenizers() -> None:
        trained["ours"] = train(iter(texts), TokenizerConfig(vocab_size=vocab_size))

    def by_rustbpe() -> None:
        found = rustbpe.Tokenizer()
        found.train_from_iterator(iter(texts), vocab_size, pattern=QWEN2_REGEX)
        trained["rustbpe"] = found

    training = best(
        runs, {"tokenizers, as crawl2chat calls it": by_tokenizers, "rustbpe": by_rustbpe}
    )
    ours: Tokenizer = trained["ours"]
    ranks = {piece: id for id, piece in enumerate(ours.token_bytes) if id != ours.document_token}
    plain = tiktoken.Encoding("same", pat_str=QWEN2_REGEX, mergeable_ranks=ranks, special_tokens={})
    ids: dict[str, Any] = {}
    called = encoder_of(ours)
    encoding = best(
        runs,
        {
            f"{called}, as crawl2chat calls it": lambda: ids.update(ours=ours.encode_batch(texts)),
            "tiktoken, called directly": lambda: ids.update(
                tiktoken=plain.encode_ordinary_batch(texts, num_threads=threads)
            ),
            TOKENIZERS: lambda: ids.update(tokenizers=ours._encode_slowly(texts)),
            "rustbpe, its own vocabulary": lambda: trained["rustbpe"].batch_encode(texts),
        },
    )
    assert ids["ours"] == ids["tokenizers"] == ids["tiktoken"]
    slow = encoding[TOKENIZERS]
    rows = [
        "| whose code encodes | MB/s | ratio to tokenizers |",
        "|---|---|---|",
        *(f"| {n} | {size / s / 1e6:.1f} | {slow / s:.1f} |" for n, s in encoding.items()),
        "",
        f"| whose code trains, {vocab_size:,} tokens | seconds | MB/s |",
        "|---|---|---|",
        *(f"| {n} | {s:.2f} | {size / s / 1e6:.1f} |" for n, s in training.items()),
        "",
        f"{size / 1e6:.1f} MB of English pages, {len(texts):,} documents, {threads} threads, best"
        f" of {runs} by turns, each turn begun by another; one run. crawl2chat has no encoder of"
        f" its own: it calls {called}'s, after a look at each text for what that can't take, and a"
        " check, once, that the vocabulary's ids follow its merges. The first two rows are the same"
        " code. The first three use one vocabulary and give the same ids on every document. Nothing"
        " here multiplies, so there is one table for all kinds of CPU.",
    ]
    return "\n".join(rows)


def encoder_of(tokenizer: Tokenizer) -> str:
    """The package whose code `encode_batch` runs."""
    return (
        "tokenizers" if tokenizer._fast is None else type(tokenizer._fast).__module__.split(".")[0]
    )


def best(runs: int, contestants: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Seconds of the fastest run of each, taken by turns, of which another begins each time."""
    seconds = dict.fromkeys(contestants, float("inf"))
    order = list(contestants.items())
    for number in range(runs):
        first = number % len(order)
        for name, run in order[first:] + order[:first]:
            start = time.perf_counter()
            run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def dial(texts: list[str], given: argparse.Namespace) -> str:
    """Bytes per token over sizes (trained once, cut to size) on documents training has not seen."""
    held_out = texts[::10]
    rest = [text for number, text in enumerate(texts) if number % 10]
    largest = train(iter(rest), TokenizerConfig(vocab_size=given.largest))
    sizes = [len(text.encode()) for text in held_out]
    rows = ["| vocabulary | bytes per token | 95% interval |", "|---|---|---|"]
    points = []
    for vocab_size in sizes_up_to(given.largest):
        counts = [len(ids) for ids in prefix(largest, vocab_size).encode_batch(held_out)]
        value = sum(sizes) / sum(counts)
        low, high = bootstrap_ratio(np.array(sizes), np.array(counts), 500, 0)
        points.append((float(vocab_size), value))
        rows.append(f"| {vocab_size:,} | {value:.2f} | {low:.2f} to {high:.2f} |")
    if given.picture:
        from pipeline.report import charts

        given.picture.write_bytes(charts.vocabulary(points))
    rows += ["", f"On {len(held_out):,} documents that training did not see.", ""]
    rows += ["| case | tokens |", "|---|---|"]
    shown = prefix(largest, given.vocab_size)
    for name, text in CASES.items():
        pieces = [shown.token_bytes[id].decode("utf-8", "replace") for id in shown.encode(text)]
        joined = "·".join(pieces).replace("\n", "⏎").replace("\t", "⇥").replace("|", "\\|")
        rows.append(f"| {name} | `{joined}` |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
