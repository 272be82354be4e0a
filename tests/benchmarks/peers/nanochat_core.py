"""nanochat's CORE evaluation on local rows: driven from its checkout, its code as it comes.

In: nanochat's folder on the path (--checkout), a Hugging Face model folder, a JSON file of
{task: {"meta": …, "rows": …}}. Out, as JSON on stdout: which answers were right, and the seconds.
The model runs as transformers' module in float32; nanochat asks one question at a time.
"""

import argparse
import json
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("--checkout", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()

    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    sys.path.insert(0, given.checkout)
    from nanochat.core_eval import evaluate_example

    torch.set_num_threads(given.threads)
    rust = Tokenizer.from_file(str(Path(given.model) / "tokenizer.json"))
    module = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32).eval()

    class Ids:
        def __call__(self, prompts: list[str], prepend: int) -> list[list[int]]:
            return [[prepend, *rust.encode(p, add_special_tokens=False).ids] for p in prompts]

        def get_bos_token_id(self) -> int:
            start = rust.token_to_id("<|endoftext|>")
            assert start is not None
            return start

    class Logits:
        max_seq_len = module.config.max_position_embeddings

        def __call__(self, ids: torch.Tensor) -> torch.Tensor:
            return module(ids).logits

    found = {}
    for name, task in json.loads(given.tasks.read_text()).items():
        rows = task["rows"]
        started = time.perf_counter()
        right = [
            bool(evaluate_example(i, Logits(), Ids(), rows, "cpu", task["meta"]))
            for i in range(len(rows))
        ]
        found[name] = {"seconds": time.perf_counter() - started, "right": right}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
