"""`make bench-train`: our training beside nanoGPT's and nanochat's, into the README.

Tiny Shakespeare by character at nanoGPT's CPU setting, seconds to a loss; then English pages of the
crawl, every side with the same tokens, threads and seconds, bits per byte of the same held-out
documents. Peers are run from their checkouts by their own training scripts (`peers/*_train.py`),
one process after the other and nothing beside them.
"""

import argparse
import gzip
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.tokenizer import Tokenizer
from pipeline.training.data import TokenShards
from tests.benchmarks import real_text
from tests.benchmarks.shakespeare import CONTEXT, TARGET
from tests.benchmarks.train_peers import (
    ROOT,
    HeldOut,
    document_windows,
    last_line,
    stream_windows,
    write_between,
)

BEGIN, END = "<!-- train-table:begin -->", "<!-- train-table:end -->"
HERE = "tests.benchmarks"
FAMILIES = (("speedrun", "crawl2chat, speedrun shape"), ("qwen3", "crawl2chat, portable shape"))
NANOGPT_STEPS = 2_000  # its README's CPU setting
HELD_OUT_TOKENS = 1_024  # of each held-out document, so that all of them fit into seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--crawl", type=Path, required=True, help="folder of .warc.gz files")
    parser.add_argument("--eval", type=Path, required=True, help="holds tinyshakespeare.txt.gz")
    parser.add_argument("--readme", type=Path, help="write the tables between its markers")
    parser.add_argument("--seconds", type=float, default=180.0, help="of training, real text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a trial: a tenth of the time")
    parser.add_argument("--only", choices=["shakespeare", "text"], help="one of the two tables")
    parser.add_argument("--lake", type=Path, help="keep the corpus and its tokens here")
    given = parser.parse_args()
    given.peers = given.peers.absolute()
    for name in ("nanoGPT", "nanochat"):
        if not (given.peers / name).is_dir():
            raise SystemExit(f"no checkout {given.peers / name}: clone peers/commits.txt there")
    if given.quick:
        given.seconds /= 10
    sections = []
    with tempfile.TemporaryDirectory(prefix="bench-train-") as scratch:
        if given.only != "text":
            sections.append(shakespeare(given, Path(scratch)))
        if given.only != "shakespeare":
            sections.append(text(given, Path(scratch)))
    page = "\n\n".join(sections)
    sys.stdout.write(page + "\n")
    if given.readme:
        write_between(given.readme, BEGIN, END, page)


def shakespeare(given: argparse.Namespace, scratch: Path) -> str:
    """nanoGPT's train.py as its README says for a CPU, then our recipes, three seeds each."""
    file = given.eval / "tinyshakespeare.txt.gz"
    whole = gzip.decompress(file.read_bytes()).decode()
    characters = sorted(set(whole))
    number = {character: index for index, character in enumerate(characters)}
    ids = np.array([number[character] for character in whole], dtype=np.uint16)
    border = int(len(ids) * 0.9)
    data = scratch / "shakespeare"
    data.mkdir()
    ids[:border].tofile(data / "train.bin")
    ids[border:].tofile(data / "val.bin")
    held_out = data / "held_out.npz"
    stream_windows(ids[border:], CONTEXT).save(held_out)
    steps = NANOGPT_STEPS // 10 if given.quick else NANOGPT_STEPS
    theirs = last_line(
        [
            *("-m", f"{HERE}.peers.nanogpt_train", "--checkout", given.peers / "nanoGPT"),
            *("--data", data, "--vocabulary", len(characters), "--held-out", held_out),
            *("--threads", given.threads, "config/train_shakespeare_char.py"),
            *("--device=cpu", "--compile=False", "--eval_iters=20", "--block_size=64"),
            *("--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--dropout=0.0"),
            f"--max_iters={steps}",
            f"--lr_decay_iters={NANOGPT_STEPS}",
            f"--eval_interval={steps // 20}",
        ],
        given.threads,
    )
    end = theirs["points"][-1]
    seconds, loss = end["seconds"], end["nats"]
    reached = seconds_to(TARGET, theirs["points"])
    at = f"{reached:.1f}" if reached else f"not in {end['step']:,} steps"
    rows = [
        f"| tiny Shakespeare by character | parameters | final loss | seconds to {TARGET}"
        f" | seconds to {loss:.3f} | times sooner to {TARGET} |",
        "|---|---|---|---|---|---|",
        f"| nanoGPT | {theirs['parameters']:,} | {loss:.3f} | {at} | {seconds:.1f} | 1 |",
    ]
    bound = "" if reached else "more than "
    settings = []
    for family, name in FAMILIES:
        ours = last_line(
            [
                *("-m", f"{HERE}.shakespeare", "--text", file.absolute(), "--family", family),
                *("--threads", given.threads, "--seeds", 3),
            ],
            given.threads,
        )
        points = [run["points"] for run in ours["runs"]]
        times = [seconds_to(TARGET, run) for run in points]
        others = [seconds_to(loss, run) for run in points]
        ends = [run[-1]["nats"] for run in points]
        ratio = (reached or seconds) / max(filled(times)) if all(times) else None
        rows.append(
            f"| {name} | {ours['parameters']:,} | {between(ends, 3)} | {between(times, 2)}"
            f" | {between(others, 2)} | {f'{bound}{ratio:.0f}' if ratio else '—'} |"
        )
        settings.append(f"{name}: {ours['settings']}")
    own = end["own_estimate"]
    said = (
        f"nanoGPT: its train.py with its README's setting for a CPU (4 layers of width 128, float32"
        f", context {CONTEXT}, 12 rows, {NANOGPT_STEPS:,} steps; its own estimate at the end, from"
        f" 20 random batches: {own:.3f}). {'; '.join(settings)}. Loss in nats a character over all"
        f" {(len(ids) - border - 1) // CONTEXT:,} windows of {CONTEXT} of the last tenth;"
        f" {given.threads} threads; the clock runs from the first step and stands still while"
        " losses are measured; ours: three seeds, least to most, the ratio from the slowest."
    )
    return "\n".join([*rows, "", said])


def seconds_to(loss: float, points: list[dict[str, float]]) -> float | None:
    return next((point["seconds"] for point in points if point["nats"] <= loss), None)


def filled(numbers: list[float | None]) -> list[float]:
    return [number for number in numbers if number is not None]


def between(numbers: list[Any], places: int) -> str:
    """Least and most, or which of them aren't there."""
    there = filled(numbers)
    missing = len(numbers) - len(there)
    if not there:
        return "not reached"
    text = f"{min(there):.{places}f} to {max(there):.{places}f}"
    return f"{text} ({missing} of {len(numbers)} not)" if missing else text


def text(given: argparse.Namespace, scratch: Path) -> str:
    """Corpus and tokens by our stages, then every side for the same seconds."""
    lake = (given.lake or scratch / "lake").absolute()
    tokens, tokenizer = prepared(given.crawl.absolute(), lake)
    data = scratch / "text"
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
    setting = real_text.Setting(
        tokens, data, len(pieces), given.peers, given.threads, given.seconds, held_out
    )
    count: Callable[[TokenShards], str] = lambda shards: f"{int(shards.lengths.sum()):,}"  # noqa: E731
    corpus = (
        f"{count(training)} training tokens of {len(training):,} documents, BPE of {len(pieces):,};"
        f" held out: the first {HELD_OUT_TOKENS:,} tokens of {len(validation):,} documents of other"
        f" hosts, {int(held_out.document_bytes.sum()):,} bytes"
    )
    return real_text.table(setting, corpus)


def prepared(crawl: Path, lake: Path) -> tuple[Path, Path]:
    """Folders of the tokens and the tokenizer: the flow `tokenizer`, the published recipe."""
    command = [sys.executable, "-m", "flows.cli", "run", "tokenizer", "--preset", "cpu"]
    command += ["--input", f"{crawl}/*.warc.gz", "--lake", str(lake)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the corpus can't be made:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    made = [list((lake / kind).iterdir()) for kind in ("tokens", "tokenizer")]
    if [len(folders) for folders in made] != [1, 1]:
        raise SystemExit(f"{lake} holds several versions of the tokens: remove it, or name another")
    return made[0][0], made[1][0]


if __name__ == "__main__":
    main()
