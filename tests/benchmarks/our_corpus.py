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

    from pipeline.corpus import assemble, assemble_group, duplicates, held_out_hosts, select
    from pipeline.corpus.config import CorpusConfig, SelectConfig, SplitConfig
    from pipeline.dedup.config import DedupConfig
    from pipeline.scan import stage as scan
    from pipeline.scan.config import ScanConfig
    from pipeline.stage import SILENT, Stage

    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)

    def stage(made: Stage, config: Any, name: str, **inputs: list[Path]) -> Path:
        out, scratch = given.out / made.kind / name, given.out / f"{name}.scratch"
        for folder in (out, scratch):
            folder.mkdir(parents=True)
        said = made.build(out=out, inputs=inputs, config=config, progress=SILENT, scratch=scratch)
        (given.out / f"{name}.json").write_text(json.dumps(said))
        shutil.rmtree(scratch)
        return out

    config = ScanConfig()
    scan.preload(config)
    warcs = sorted(given.warcs)
    names = [f"part-{number}" for number in range(len(warcs))]

    def share(first: int) -> None:
        for number in range(first, len(warcs), given.processes):
            stage(scan.STAGE, config, names[number], warc=[warcs[number]])

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
    parts = [given.out / scan.STAGE.kind / name for name in names]
    # All parts in one group, as flows.groups has fifty.
    group = stage(select.GROUP, SelectConfig(), "selection_group", parts=parts)
    selection = stage(select.STAGE, SelectConfig(), "selection", groups=[group])
    found = {"parts": parts, "selection": [selection]}
    copies = stage(duplicates.STAGE, DedupConfig(), "duplicates", **found)
    decided = {"parts": parts, "selection": [group], "duplicates": [copies]}
    counted = stage(held_out_hosts.GROUP, held_out_hosts.HostsConfig(), "hosts", **decided)
    split = [stage(held_out_hosts.STAGE, SplitConfig(), "split", groups=[counted])]
    joined = assemble_group.GroupConfig()
    texts = stage(assemble_group.STAGE, joined, "corpus_group", **decided, split=split)
    whole = {"groups": [texts], "selection": [selection], "split": split}
    stage(assemble.STAGE, CorpusConfig(), "corpus", **whole)
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
