"""Times nanochat's own engine, from its checkout, on its own GPT; prints JSON.

In: sizes, a prompt's length, samples, new tokens. Its engine takes one prompt and many samples.
NANOCHAT_DTYPE chooses its precision. Its tokenizer is asked for special ids only.
"""

import argparse
import json
import sys
import time

import torch


class SpecialIds:
    """Ids that random weights may draw end nothing: none lies in the vocabulary."""

    def encode_special(self, name: str) -> int:
        return -1

    def get_bos_token_id(self) -> int:
        return -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", required=True)
    for name in ("vocabulary", "layers", "width", "heads", "kv-heads", "context"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--samples", type=int, nargs="+", default=[128])
    parser.add_argument("--new", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    sys.path.insert(0, given.checkout)
    from nanochat.engine import Engine
    from nanochat.gpt import GPT, GPTConfig

    torch.manual_seed(0)
    model = GPT(
        GPTConfig(
            sequence_len=given.context,
            vocab_size=given.vocabulary,
            n_layer=given.layers,
            n_head=given.heads,
            n_kv_head=given.kv_heads,
            n_embd=given.width,
        )
    )
    model.init_weights()
    model.eval()
    engine = Engine(model, SpecialIds())
    prompt = torch.randint(given.vocabulary, (given.prompt,)).tolist()
    seconds = {}
    for samples in given.samples:
        list(engine.generate(prompt, num_samples=samples, max_tokens=4, seed=0))
        times = []
        for repeat in range(given.repeats):
            start = time.perf_counter()
            list(engine.generate(prompt, num_samples=samples, max_tokens=given.new, seed=repeat))
            times.append(time.perf_counter() - start)
        seconds[samples] = min(times)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"seconds": seconds, "parameters": parameters}))


if __name__ == "__main__":
    main()
