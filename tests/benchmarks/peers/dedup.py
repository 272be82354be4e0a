"""datatrove's four MinHash steps on a JSONL file of texts, timed; runs in the peer's environment.

`python dedup.py TEXTS.jsonl WORK`: prints one JSON document, seconds by step and ids kept. Steps
are run directly, in one process, without the executor around them, which would only add to theirs.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig


def main(texts: Path, work: Path) -> None:
    config = MinhashConfig(hash_config=HashConfig(precision=64))
    folders = {name: str(work / name) for name in ("signatures", "buckets", "removed", "kept")}

    def documents():
        return JsonlReader(str(texts.parent), glob_pattern=texts.name).run(None, 0, 1)

    seconds = {}
    started = time.perf_counter()
    signature = MinhashDedupSignature(folders["signatures"], config)
    warm = signature.get_shingles("one two three four five six")  # loads spaCy; not counted
    assert len(warm) == 2
    started = time.perf_counter()
    signature.run(documents(), 0, 1)
    seconds["signature"] = time.perf_counter() - started
    started = time.perf_counter()
    for bucket in range(config.num_buckets):
        step = MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config)
        step.run(None, bucket, config.num_buckets)
    seconds["buckets"] = time.perf_counter() - started
    started = time.perf_counter()
    MinhashDedupCluster(folders["buckets"], folders["removed"], config).run(None, 0, 1)
    seconds["cluster"] = time.perf_counter() - started
    started = time.perf_counter()
    kept = []
    writer = JsonlWriter(folders["kept"], compression=None)
    left = MinhashDedupFilter(folders["removed"]).run(documents(), 0, 1)
    for document in writer.run(left, 0, 1):
        kept.append(document.id)
    seconds["filter"] = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "kept": kept}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
