"""A tiny true crawl of two dumps, read, selected, deduplicated and indexed by the real stages.

Its pages: prose with navigation and a personal address around it, a near copy of the first one, one
that says too little, one full of texts that would be markup, one whose address and title would be.
"""

import html
import io
import random
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from injection_strings import INJECTIONS
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.config import to_dict
from pipeline.corpus import assemble, assemble_group, duplicates, held_out_hosts, select
from pipeline.corpus.config import CorpusConfig, SelectConfig, SplitConfig
from pipeline.dedup.config import DedupConfig
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT, Stage
from pipeline.tools import search_index
from pipeline.tools.config import SearchIndexConfig
from storage import Lake
from storage.digest import artifact_digest, file_sha256
from storage.manifest import Manifest, Provenance

DUMPS = ("CC-MAIN-2024-18", "CC-MAIN-2024-22")
SITE = "http://harbour.example"
FIRST, COPY, SHORT = f"{SITE}/first", "http://mirror.example/first", f"{SITE}/short"
# Each with some of the texts that would be markup; C4 drops the last, for its curly brackets.
HOSTILE = tuple(f"{SITE}/hostile-{number}" for number in range(4))
# Crawlers store what servers say.
EVIL_URL = f"{SITE}/\"><script>window.injected=1</script><b class='injected'>x"
OTHERS = tuple(f"{SITE}/page-{number}" for number in range(6))
MAIL = "keeper@old-lighthouse.org"
NOUNS = (
    *("harbour", "keeper", "letter", "window", "bridge", "market", "winter", "brother", "garden"),
    *("lantern", "kitchen", "teacher", "morning", "village", "captain", "island", "orchard"),
)
VERBS = ("found", "painted", "remembered", "carried", "visited", "described", "borrowed", "counted")
KINDS = ("old", "quiet", "narrow", "bright", "heavy", "distant", "broken", "wooden", "friendly")
# 39 words; the filters want 50.
WORDS = (
    "Nobody in our street would have thought that the small shop at the corner could be sold so"
    " soon. It had been there since my mother was a child, and on most evenings its lamp was still"
    " the last."
)
LINKS = ("with", "behind", "before", "without", "after", "beside", "near", "under")


def sentences(seed: str, count: int) -> list[str]:
    """Plain English, different for each seed, that repeats itself little."""
    draw = random.Random(seed)

    def thing() -> str:
        return f"{draw.choice(KINDS)} {draw.choice(NOUNS)}"

    return [
        f"The {thing()} {draw.choice(VERBS)} the {thing()} {draw.choice(LINKS)} a {thing()}, and"
        f" her {draw.choice(NOUNS)} {draw.choice(VERBS)} it {draw.choice(LINKS)} that {thing()}."
        for _ in range(count)
    ]


def paragraphs(seed: str) -> list[str]:
    said = sentences(seed, 18)
    return [" ".join(said[at : at + 3]) for at in range(0, len(said), 3)]


def page(title: str, said: Sequence[str]) -> str:
    """A page of the web: its texts are escaped, as an honest site does it."""
    links = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in ("Home", "About", "News"))
    body = "".join(f"<p>{html.escape(text)}</p>" for text in said)
    return (
        f"<html><head><title>{html.escape(title)}</title></head><body><nav><ul>{links}</ul></nav>"
        f"<article><h1>{html.escape(title)}</h1>{body}</article>"
        "<footer><p>All rights reserved by the harbour office</p></footer></body></html>"
    )


def make_explorer_lake(root: Path) -> Lake:
    """The lake, in a folder that is there."""
    lake = Lake(root / "lake")
    first = [*paragraphs("first"), f"Write to {MAIL} for more. " + sentences("mail", 1)[0]]
    copy = [*first[:-1], "This copy has another end. " + first[-1]]
    texts = sorted(INJECTIONS, key=lambda text: "{" in text or "}" in text)
    share = -(-len(texts) // len(HOSTILE))
    hostile = {
        url: page(INJECTIONS[number], [" ".join((t, *sentences(t, 3))) for t in some])
        for number, url in enumerate(HOSTILE)
        if (some := texts[number * share : (number + 1) * share])
    }
    given: list[dict[str, str]] = [
        {
            FIRST: page("The first page", first),
            SHORT: page("Short", [WORDS]),
            **{url: page(url, paragraphs(url)) for url in OTHERS[:3]},
        },
        {
            COPY: page("The first page", copy),
            **hostile,
            EVIL_URL: page("</title><script>window.injected=1</script>", paragraphs("evil")),
            **{url: page(url, paragraphs(url)) for url in OTHERS[3:]},
        },
    ]
    parts = []
    for dump, pages in zip(DUMPS, given):
        warc = root / f"{dump.lower()}.warc.gz"
        warc.write_bytes(_warc(dump, pages))
        parts.append(_scan(lake, warc))
    selected = make(lake, select.GROUP, SelectConfig(), parts=parts)
    selection = make(lake, select.STAGE, SelectConfig(), groups=[selected])
    copies = make(lake, duplicates.STAGE, DedupConfig(), parts=parts, selection=[selection])
    of_group = {"parts": parts, "selection": [selected], "duplicates": [copies]}
    hosts_config = held_out_hosts.HostsConfig(0, SplitConfig())
    hosts = make(lake, held_out_hosts.GROUP, hosts_config, **of_group)
    split = make(lake, held_out_hosts.STAGE, SplitConfig(), groups=[hosts])
    config = assemble_group.GroupConfig(0, CorpusConfig())
    group = make(lake, assemble_group.STAGE, config, **of_group, split=[split])
    whole = {"selection": [selection], "duplicates": [copies], "split": [split]}
    corpus = make(lake, assemble.STAGE, CorpusConfig(), groups=[group], **whole)
    index = make(lake, search_index.STAGE, SearchIndexConfig(), corpus=[corpus])
    lake.set_heads({"corpus": corpus.digest, "search_index": index.digest})
    return lake


def _scan(lake: Lake, warc: Path) -> Manifest:
    named = f"sha256:{file_sha256(warc)}:{warc.name}"
    return _made(lake, scan.STAGE, ScanConfig(), {"warc": [named]}, {"warc": [warc]})


def make(lake: Lake, stage: Stage[Any], config: Any, **inputs: list[Manifest]) -> Manifest:
    """Build an artifact of others, and commit it."""
    digests = {key: [one.digest for one in some] for key, some in inputs.items()}
    folders = {key: [lake.local(m.kind, m.digest) for m in some] for key, some in inputs.items()}
    return _made(lake, stage, config, digests, folders)


def _made(
    lake: Lake,
    stage: Stage[Any],
    config: Any,
    digests: dict[str, list[str]],
    given: dict[str, list[Path]],
) -> Manifest:
    recipe = to_dict(config)
    digest = artifact_digest(stage.kind, stage.version, recipe, digests)
    staging = lake.staging(stage.kind, digest)
    statistics = stage.build(staging, given, config, SILENT, lake.scratch(stage.kind, digest))
    paths = {key: [str(path) for path in some] for key, some in given.items() if key == "warc"}
    cost: Provenance = {
        "seconds": 1.5,
        "energy_kwh": 2e-6,
        "energy_method": "guessed",
        "input_paths": paths,
    }
    return lake.commit(
        staging, stage.kind, digest, stage.version, recipe, digests, dict(statistics or {}), cost
    )


def _warc(dump: str, pages: dict[str, str]) -> bytes:
    """A WARC whose bytes are the same wherever it is made: which of two copies is kept follows from
    their places in the file.
    """
    about = f"isPartOf: {dump}\r\n".encode()
    records = [_record("warcinfo", dump, about, 0)]
    for url, text in pages.items():
        body = text.encode("utf-8", "surrogatepass")
        records.append(_record("response", url, body, len(records)))
        records.append(_record("metadata", url, b"fetchTimeMs: 20\r\n", len(records)))
    # Stored, not compressed: zlib's kinds compress differently.
    return b"".join(zlib.compress(record, 0, wbits=31) for record in records)


def _record(kind: str, url: str, block: bytes, number: int) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=False)
    http = None
    if kind == "response":
        fields = [("Content-Type", "text/html; charset=utf-8")]
        http = StatusAndHeaders("200 OK", fields, protocol="HTTP/1.1")
    record = writer.create_warc_record(
        url,
        kind,
        payload=io.BytesIO(block),
        http_headers=http,
        warc_content_type="" if http else "application/warc-fields",
        warc_headers_dict={
            "WARC-Date": "2024-05-18T01:58:10Z",
            "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
        },
    )
    writer.write_record(record)
    return out.getvalue()
