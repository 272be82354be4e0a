"""A lake of many sample webs, and a demo's models in it: what the pages show of a large corpus.

Each web has its own seed and is written as the demo writes its one; `crawl2chat run corpus` and
`run search-index` then read all of them as they read anybody's WARC files. What the demo's lake has
beside its corpus (models, curves, evals, conversations) is copied, with the large corpus in place
of the small one among what it was made from. What is not true of that lake: its models never read
its corpus.
"""

import dataclasses
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.sample_web import build as sample_web
from pipeline.sample_web.config import SampleWebConfig
from pipeline.stage import SILENT
from storage import Lake
from storage.digest import artifact_digest

WEBS = 20
# So many pages hold 10,000 documents, 200,000 in all webs. The fictional world has names for no
# more entities, and no more hosts.
SETTINGS = SampleWebConfig(pages=14_200, hosts=71, entities=190)
# What the large lake has of its own, and what the demo's has of its small corpus alone.
OWN = ("corpus", "duplicates", "search_index")
LEFT = ("audit",)
FILE = "sha256:"  # an input that is no artifact


def build(folder: Path, demo: Lake, webs: int = WEBS) -> Lake:
    """`folder/files` and `folder/lake`; goes on where it was interrupted.

    Args:
        folder: of this lake alone.
        demo: a finished demo's lake, which is only read.
        webs: so many, of 10,000 documents each.
    """
    files, lake = folder / "files", Lake(folder / "lake")
    files.mkdir(parents=True, exist_ok=True)
    seeds = range(1, webs + 1)
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        pool.starmap(write_web, [(files, seed) for seed in seeds], chunksize=1)
    _run(lake, "corpus", "--input", *(str(files / f"{_name(seed)}-*.warc.gz") for seed in seeds))
    _run(lake, "search-index")
    own = {kind: lake.list(kind)[-1].digest for kind in OWN}
    copied: dict[str, str] = {}
    lake.set_heads(
        {
            slot: _copied(demo, lake, digest, own, copied)
            for slot, digest in demo.heads().items()
            if slot not in (*OWN, *LEFT)
        }
    )
    return lake


def write_web(files: Path, seed: int) -> None:
    """The WARC files of a web, if they aren't all there."""
    whole = files / _name(seed)
    if whole.exists():
        return
    made, scratch = files / f"{_name(seed)}.made", files / f"{_name(seed)}.scratch"
    for place in (made, scratch):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    config = dataclasses.replace(SETTINGS, seed=seed)
    sample_web.STAGE.build(made, {}, config, SILENT, scratch)
    for path in sorted(made.glob("*.warc.gz")):
        path.rename(files / path.name.replace("sample-web", _name(seed)))
    for place in (made, scratch):
        shutil.rmtree(place)
    whole.touch()


def _name(seed: int) -> str:
    return f"web-{seed:03d}"


def _run(lake: Lake, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", *arguments, "--lake", lake.url], check=True
    )


def _copied(
    demo: Lake, lake: Lake, digest: str, own: dict[str, str], copied: dict[str, str]
) -> str:
    """The digest of an artifact of the demo's lake in the large one, which has it from then on.

    Args:
        demo: that is read.
        lake: that gets it, with all that it was made from.
        digest: in the demo's lake.
        own: of the large lake, by kind, what takes the place of the demo's.
        copied: what has been: new digests by old ones.
    """
    if digest.startswith(FILE):
        return digest
    if digest not in copied:
        old = demo.manifest(None, digest)
        if old.kind in own:
            copied[digest] = own[old.kind]
            return own[old.kind]
        inputs = {
            key: [_copied(demo, lake, one, own, copied) for one in some]
            for key, some in old.inputs.items()
        }
        new = artifact_digest(old.kind, old.version, old.recipe, inputs)
        staging, folder = lake.staging(old.kind, new), demo.local(old.kind, digest)
        for name in (*old.files, *old.provenance["files"]):
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, staging / name)
        cost = old.provenance.copy()
        cost.pop("files")
        lake.commit(staging, old.kind, new, old.version, old.recipe, inputs, old.statistics, cost)
        copied[digest] = new
    return copied[digest]
