"""`make bench-train`: our training beside nanoGPT's and nanochat's (docs/benchmarks.md).

Tiny Shakespeare by character at nanoGPT's CPU setting, seconds to a loss (`shakespeare_table`);
then English pages of the crawl, every side with the same tokens, threads and seconds, bits per byte
of the same held-out documents (`real_text`). Each on every kind of CPU that this machine can be
(`kinds`). Peers are run from their checkouts by their own training scripts (`peers/*_train.py`),
one process after the other and nothing beside them. What was chosen by trying stands in tuned.json,
which `--tune` writes anew (`tuning`), on data that the tables don't report.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.tokenizer import Tokenizer
from pipeline.training.data_loader import TokenShards
from tests.benchmarks import kinds, real_text, shakespeare_table, tuning
from tests.benchmarks.tables import add_option, write_table
from tests.benchmarks.train_peers import BUSY, ROOT, HeldOut, document_windows

TABLE = "train-table"
HELD_OUT_TOKENS = 1_024  # of each held-out document, so that all of them fit into seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--crawl", type=Path, required=True, help="folder of .warc.gz files")
    parser.add_argument("--eval", type=Path, required=True, help="holds tinyshakespeare.txt.gz")
    add_option(parser)
    parser.add_argument("--seconds", type=float, default=75.0, help="of training, real text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a trial: a tenth of the time")
    parser.add_argument("--only", choices=["shakespeare", "text"], help="one of the two tables")
    parser.add_argument("--own-kind", action="store_true", help="not held back as well: see kinds")
    parser.add_argument("--tune", nargs="*", metavar="SIDE", help="write tuned.json, no table")
    parser.add_argument("--busy", action="store_true", help="others use the machine: see `now`")
    parser.add_argument("--lake", type=Path, help="keep the corpus and its tokens here")
    given = parser.parse_args()
    given.peers = given.peers.absolute()
    for name in ("nanoGPT", "nanochat"):
        if not (given.peers / name).is_dir():
            raise SystemExit(f"no checkout {given.peers / name}: clone peers/commits.txt there")
    if given.quick:
        given.seconds /= 10
    if given.busy:
        os.environ[BUSY] = "1"
    shown = kinds.kinds()[: 1 if given.own_kind else None]
    sections = []
    with tempfile.TemporaryDirectory(prefix="bench-train-") as scratch:
        if given.tune is not None:
            tune(given, Path(scratch))
            return
        if given.only != "text":
            sections.append(shakespeare_table.section(given, shown, Path(scratch)))
        if given.only != "shakespeare":
            sections.append(text(given, shown, Path(scratch)))
    page = "\n\n".join(sections)
    sys.stdout.write(page + "\n")
    if given.write:
        write_table(given.write, kinds.marker(TABLE), page)


def text(given: argparse.Namespace, shown: list[kinds.Kind], scratch: Path) -> str:
    """Corpus and tokens by our stages, then every side for the same seconds."""
    made = prepared(given.crawl.absolute(), (given.lake or scratch / "lake").absolute())
    setting = laid_out(given, made.tokens, made.tokenizer, scratch / "text")
    return real_text.table(setting, shown, corpus(setting))


def tune(given: argparse.Namespace, scratch: Path) -> None:
    """The same on training documents alone, some hosts of them held out."""
    made = prepared(given.crawl.absolute(), (given.lake or scratch / "lake").absolute())
    tokens = tuning.split_of_training(made.tokens, made.corpus, scratch / "tokens")
    setting = laid_out(given, tokens, made.tokenizer, scratch / "text")
    tuning.search(setting, given.tune or list(tuning.SEARCHES), corpus(setting))


def laid_out(
    given: argparse.Namespace, tokens: Path, tokenizer: Path, data: Path
) -> real_text.Setting:
    """What the sides read, in their own formats."""
    data.mkdir()
    pieces = Tokenizer.load(tokenizer).token_bytes
    training, validation = TokenShards(tokens, "train"), TokenShards(tokens, "validation")
    documents = [validation.document(index) for index in range(len(validation))]
    lengths = np.array([len(piece) for piece in pieces])
    held_out = document_windows(documents, lengths, real_text.CONTEXT, HELD_OUT_TOKENS)
    held_out.save(data / "held_out.npz")
    few = slice(0, 64)
    HeldOut(
        held_out.inputs[few], held_out.targets[few], held_out.document[few], held_out.document_bytes
    ).save(data / "few.npz")
    order = np.random.default_rng(0).permutation(len(training))
    stream = [training.document(index) for index in order]
    np.concatenate(stream).astype(np.uint16).tofile(data / "train.bin")
    np.concatenate(documents).astype(np.uint16).tofile(data / "val.bin")
    return real_text.Setting(
        tokens, data, len(pieces), given.peers, given.threads, given.seconds, held_out
    )


def corpus(setting: real_text.Setting) -> str:
    """What there is to learn from and to be measured on."""
    training = TokenShards(setting.tokens, "train")
    return (
        f"{int(training.lengths.sum()):,} training tokens of {len(training):,} documents, BPE of"
        f" {setting.vocabulary:,}; held out: the first {HELD_OUT_TOKENS:,} tokens of"
        f" {len(setting.held_out.document_bytes):,} documents of other hosts,"
        f" {int(setting.held_out.document_bytes.sum()):,} bytes"
    )


class Made(NamedTuple):
    """Folders of artifacts."""

    corpus: Path
    tokens: Path
    tokenizer: Path


def prepared(crawl: Path, lake: Path) -> Made:
    """By the flow `tokenizer`, the published recipe."""
    command = [sys.executable, "-m", "flows.cli", "run", "tokenizer", "--preset", "cpu"]
    command += ["--input", f"{crawl}/*.warc.gz", "--lake", str(lake)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the corpus can't be made:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    made = [list((lake / kind).iterdir()) for kind in Made._fields]
    if any(len(folders) != 1 for folders in made):
        raise SystemExit(f"{lake} holds several versions of the tokens: remove it, or name another")
    return Made(*(folders[0] for folders in made))


if __name__ == "__main__":
    main()
