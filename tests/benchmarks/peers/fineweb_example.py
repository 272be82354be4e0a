"""datatrove's public FineWeb example in one process, as a peer to be timed against.

Runs in an environment of its own (`requirements.txt` beside it): nothing of crawl2chat is imported.
`python fineweb_example.py --language-model lid.176.ftz --out FOLDER WARC…` does what the example
does (reader, URL filter, trafilatura, language, Gopher repetition and quality, C4 without terminal
punctuation, FineWeb's rules, MinHash in four steps, personal data) and prints seconds as JSON.
The language model is given as a file, since the benchmark has no network.
"""

import argparse
import json
import resource
import shutil
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warcs", nargs="+", type=Path)
    parser.add_argument("--language-model", required=True)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    started = time.perf_counter()

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
        URLFilter,
    )
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader, WarcReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils import lid
    from datatrove.utils.hashing import HashConfig

    lid.cached_asset_path_or_download = lambda *_, **__: given.language_model
    out = given.out
    shutil.rmtree(out, ignore_errors=True)
    crawl = out / "warc"
    crawl.mkdir(parents=True)
    for warc in given.warcs:
        (crawl / warc.name).symlink_to(warc.resolve())
    base = str(out / "base")
    config = MinhashConfig(
        hash_config=HashConfig(hash_fc="sha1", precision=64),
        num_buckets=14,
        hashes_per_bucket=8,
        n_grams=5,
    )
    steps = [
        [
            WarcReader(str(crawl), glob_pattern="*.warc.gz", default_metadata={"dump": "bench"}),
            URLFilter(),
            Trafilatura(favour_precision=True),
            # the example's LanguageFilter() meant English when it was written
            LanguageFilter(languages=["en"]),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(base),
        ],
        [
            JsonlReader(base),
            MinhashDedupSignature(output_folder=str(out / "signatures"), config=config),
        ],
        [
            MinhashDedupBuckets(
                input_folder=str(out / "signatures"),
                output_folder=str(out / "buckets"),
                config=config,
            )
        ],
        [
            MinhashDedupCluster(
                input_folder=str(out / "buckets"),
                output_folder=str(out / "remove"),
                config=config,
            )
        ],
        [
            JsonlReader(base),
            MinhashDedupFilter(input_folder=str(out / "remove")),
            PIIFormatter(),
            JsonlWriter(str(out / "done")),
        ],
    ]
    seconds = []
    for number, pipeline in enumerate(steps):
        before = time.perf_counter()
        # buckets want as many tasks as there are buckets, one after another in one process
        tasks = config.num_buckets if number == 2 else 1
        logs = str(out / "logs" / str(number))
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
        seconds.append(round(time.perf_counter() - before, 2))

    def total(step: int, place: int) -> int:
        counts = json.loads((out / "logs" / str(step) / "stats.json").read_text())[place]["stats"]
        count = counts.get("total", counts.get("documents"))
        return int(count["total"] if isinstance(count, dict) else count)

    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - started, 2),
                "steps": seconds,
                "read": total(0, 0),
                "kept": total(0, -1),
                "after_dedup": total(4, -1),
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
