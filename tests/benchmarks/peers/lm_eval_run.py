"""lm-evaluation-harness on local rows: run by the harness's own Python, knows nothing of ours.

In: a folder with `<task>.jsonl` and `<task>.yaml`, and a Hugging Face model folder. Out, as JSON on
stdout: for each task its metrics and every row's (log-probability, greedy) pairs; and the seconds
that scoring took, start-up and loading left out.
"""

import argparse
import json
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tasks", required=True, help="names, by comma")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()

    import lm_eval
    import torch
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    torch.set_num_threads(given.threads)
    model = HFLM(pretrained=given.model, dtype="float32", device="cpu", batch_size=given.batch_size)
    manager = TaskManager(include_path=given.folder, include_defaults=False)
    tasks = {}
    for name in given.tasks.split(","):
        started = time.perf_counter()
        found = lm_eval.simple_evaluate(
            model=model, tasks=[name], task_manager=manager, log_samples=True, bootstrap_iters=0
        )
        samples = sorted(found["samples"][name], key=lambda sample: sample["doc_id"])
        tasks[name] = {
            "seconds": time.perf_counter() - started,
            "metrics": {k: v for k, v in found["results"][name].items() if isinstance(v, float)},
            "answers": [[list(reply) for reply in s["filtered_resps"]] for s in samples],
        }
    json.dump({"version": lm_eval.__version__, "tasks": tasks}, sys.stdout)


if __name__ == "__main__":
    main()
