"""Golden digests on the sample web: a changed output with an unchanged stage version fails here.

An artifact's name is the digest of its recipe and the stage's `version`, so an output that changes
under the same version would be served from the cache as what it no longer is. If a change is meant,
bump the version of the stage that changed and write the new digest here (the failure prints it).
What is hashed is the content (rows, inflated WARC bytes), not its encoding, so that a newer zlib or
pyarrow does not count as a change. Training is left out: its floats belong to a machine.
"""

import gzip
import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus import assemble, assemble_group, duplicates, held_out_hosts, select
from pipeline.dedup.config import DedupConfig
from pipeline.sample_web import build as sample_web
from pipeline.sample_web.config import SampleWebConfig
from pipeline.scan import stage as scan
from pipeline.sft import conversations as conversations_stage
from pipeline.sft.config import ConversationsConfig
from pipeline.stage import SILENT, Stage
from pipeline.tokenizer import tokens as tokens_stage
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig, TokensConfig
from pipeline.tools import search_index
from pipeline.tools.config import SearchIndexConfig
from storage.tables import read_table

# kind -> (stage version, first 16 hex digits of the content's SHA-256)
GOLDEN = {
    "crawl": (4, "0be6d8fd4242873b"),
    "scan": (6, "34dd55e4f44b42d9"),
    "selection_group": (1, "5cffa274a8b1d7b4"),
    "selection": (3, "c5ec9f1d32a8191b"),
    "duplicates": (3, "c76c334aae0110f1"),
    "corpus_split_group": (1, "f31795b796e7e99e"),
    "corpus_split": (1, "206851666c1b47bf"),
    "corpus_group": (3, "03dc7a9998bdc6ab"),
    "corpus": (7, "ff255a2a110f0655"),
    "search_index": (1, "a0e4b29c11137e16"),
    "tokenizer": (1, "f9f8c397d022a9d3"),
    "tokens": (1, "459064f3662cec65"),
    "conversations": (6, "463de6b373acd35f"),
}


def run(stage: Stage, config: Any, folder: Path, **inputs: list[Path]) -> Path:
    out = folder / stage.kind / "made"
    out.mkdir(parents=True)
    stage.build(out=out, inputs=inputs, config=config, progress=SILENT, scratch=folder / "scratch")
    return out


def content_digest(out: Path) -> str:
    """SHA-256 over the names and contents of all files but provenance."""
    total = hashlib.sha256()
    for file in sorted(p for p in out.rglob("*") if p.is_file() and "provenance" not in p.parts):
        total.update(file.name.encode())
        if file.suffix == ".parquet":
            rows = [
                # sums of floats may end differently on another processor
                {key: round(v, 5) if isinstance(v, float) else v for key, v in row.items()}
                for row in read_table(file).to_pylist()
            ]
            total.update(json.dumps(rows, sort_keys=True, default=bytes.hex).encode())
        elif file.suffix == ".sqlite":
            total.update(json.dumps(tables(file)).encode())
        elif file.suffix == ".gz":
            total.update(gzip.decompress(file.read_bytes()))
        else:
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


def tables(index: Path) -> list[list[Any]]:
    """A search index's rows, and where which terms are; its pages are as SQLite's version likes."""
    connection = sqlite3.connect(f"file:{index}?mode=ro", uri=True)
    connection.execute("CREATE VIRTUAL TABLE temp.places USING fts5vocab(main, terms, instance)")
    asked = (
        "SELECT * FROM documents ORDER BY number",
        "SELECT * FROM passages ORDER BY number",
        "SELECT * FROM common ORDER BY term",
        "SELECT term, doc, offset FROM temp.places ORDER BY term, doc, offset",
    )
    found = [connection.execute(one).fetchall() for one in asked]
    connection.close()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "scratch").mkdir()
    small = SampleWebConfig(pages=350, hosts=48, warc_files=1, entities=30, mentions=24)
    crawl = run(sample_web.STAGE, small, folder)
    (warc,) = sorted(crawl.glob("*.warc.gz"))
    pages = run(scan.STAGE, scan.STAGE.config(), folder, warc=[warc])
    chosen = {"parts": [pages]}
    group = run(select.GROUP, select.GROUP.config(), folder, **chosen)
    selection = run(select.STAGE, select.STAGE.config(), folder, groups=[group])
    copies = run(duplicates.STAGE, DedupConfig(), folder, **chosen, selection=[selection])
    chosen |= {"selection": [group], "duplicates": [copies]}
    hosts_of = run(held_out_hosts.GROUP, held_out_hosts.GROUP.config(), folder, **chosen)
    split = run(held_out_hosts.STAGE, held_out_hosts.STAGE.config(), folder, groups=[hosts_of])
    joined = run(
        assemble_group.STAGE, assemble_group.GroupConfig(), folder, **chosen, split=[split]
    )
    whole = {"groups": [joined], "selection": [selection], "split": [split]}
    corpus = run(assemble.STAGE, assemble.STAGE.config(), folder, **whole)
    index = run(search_index.STAGE, SearchIndexConfig(), folder, corpus=[corpus])
    tokenizer = run(
        tokenizer_training.STAGE, TokenizerConfig(vocab_size=512), folder, corpus=[corpus]
    )
    tokens = run(tokens_stage.STAGE, TokensConfig(), folder, corpus=[corpus], tokenizer=[tokenizer])
    few = ConversationsConfig(
        facts=100,
        reading=40,
        arithmetic=100,
        spelling=50,
        small_talk=20,
        identity=20,
        refusals=20,
        harmless=20,
        personas=20,
    )
    conversations = run(
        conversations_stage.STAGE, few, folder, corpus=[corpus], tokenizer=[tokenizer]
    )
    stages = (
        (sample_web.STAGE, crawl),
        (scan.STAGE, pages),
        (select.GROUP, group),
        (select.STAGE, selection),
        (duplicates.STAGE, copies),
        (held_out_hosts.GROUP, hosts_of),
        (held_out_hosts.STAGE, split),
        (assemble_group.STAGE, joined),
        (assemble.STAGE, corpus),
        (search_index.STAGE, index),
        (tokenizer_training.STAGE, tokenizer),
        (tokens_stage.STAGE, tokens),
        (conversations_stage.STAGE, conversations),
    )
    return {stage.kind: (stage.version, content_digest(out)) for stage, out in stages}


def test_a_changed_output_has_a_changed_version(made: dict[str, tuple[int, str]]) -> None:
    assert made == GOLDEN
