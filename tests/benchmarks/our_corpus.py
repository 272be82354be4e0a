"""Our corpus in one process, or several, without an orchestrator: what is timed against the peer.

`python -m tests.benchmarks.our_corpus --out FOLDER [--processes N] WARC…` reads and measures every
file, selects, finds duplicates and writes the corpus, the stages' own `build` functions one after
another; prints seconds as JSON. Start-up (imports, lists, models) counts, as it does for the peer.
"""

import argparse
import json
import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warcs", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    started = time.perf_counter()

    from pipeline.corpus import assemble, duplicates, part, select
    from pipeline.corpus.config import AssembleConfig, CorpusConfig, DedupConfig, SelectConfig
    from pipeline.stage import SILENT

    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)

    def stage(module: Any, config: Any, name: str, **inputs: list[Path]) -> Path:
        out, scratch = given.out / name, given.out / f"{name}.scratch"
        for folder in (out, scratch):
            folder.mkdir()
        said = module.build(out=out, inputs=inputs, config=config, progress=SILENT, scratch=scratch)
        (given.out / f"{name}.json").write_text(json.dumps(said))
        shutil.rmtree(scratch)
        return out

    config = CorpusConfig()
    part.preload(config)
    warcs = sorted(given.warcs)
    names = [f"part-{number}" for number in range(len(warcs))]

    def share(first: int) -> None:
        for number in range(first, len(warcs), given.processes):
            stage(part, config, names[number], warc=[warcs[number]])

    children = []
    for first in range(1, given.processes):
        child = os.fork()
        if child == 0:
            share(first)
            os._exit(0)
        children.append(child)
    share(0)
    for child in children:
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"a process failed: {status}")
    read_at = time.perf_counter()
    parts = [given.out / name for name in names]
    selection = stage(select, SelectConfig(), "selection", parts=parts)
    copies = stage(duplicates, DedupConfig(), "duplicates", parts=parts, selection=[selection])
    stage(
        assemble,
        AssembleConfig(),
        "corpus",
        parts=parts,
        selection=[selection],
        duplicates=[copies],
    )
    said = json.loads((given.out / "corpus.json").read_text())
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - started, 2),
                "reading_seconds": round(read_at - started, 2),
                "records": said["records"],
                "kept": said["kept"] + said["exact_duplicates"] + said["minhash_duplicates"],
                "after_dedup": said["documents"],
                "peak_memory_bytes": peak * 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
