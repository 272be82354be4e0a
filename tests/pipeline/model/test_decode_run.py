"""Steps of the C decoder: logits that are no numbers end all threads, none is left waiting."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from patience import PATIENCE_SECONDS

from pipeline.model import ModelConfig, Transformer, native
from pipeline.model.engine import Engine
from pipeline.model.rows import Sampling

ROOT = Path(__file__).parents[3]
SHAPE = (64, 1, 32, 1, 1, 32, 32, 64)

# In a process of its own: threads that wait for each other in C can't be interrupted.
PROGRAM = f"""
import sys
import torch
from pipeline.model import ModelConfig, Transformer, native
from pipeline.model.engine import Engine

model = Transformer(ModelConfig(*{SHAPE})).init_weights(0)
with torch.no_grad():
    model.lm_head.weight.zero_()  # all tokens alike, but after a 5, where nothing is a number
    model.embed_tokens.weight[5] = float("nan")
engine = Engine(model, frozen=True)
for threads in (2, 5):
    torch.set_num_threads(threads)
    rows = 2 * native.ROWS_ALONE * threads
    for place in (0, rows - 1, None):  # None: whichever row draws a 5 first
        print(threads, place, flush=True)
        prompts = [[5 if row == place else 1] for row in range(rows)]
        for seed in range(60):
            try:
                engine.generate(prompts, max_new_tokens=60, seed=seed)
            except FloatingPointError:
                continue
            sys.exit("logits were no numbers, and nothing was said")
"""


def test_logits_that_are_no_numbers_end_all_threads():
    if native.kernels(Transformer(ModelConfig(*SHAPE))) is None:
        pytest.skip("the C kernels are not built")
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_rows_that_ended_before_stay_as_they_are(make_model):
    """A burst of steps after some rows are done: these are neither decoded nor counted again."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        engine = Engine(make_model(head_dim=32))
        prompts = [[1 + row % 60] for row in range(2 * native.ROWS_ALONE * 2)]
        many = engine.generate(prompts, max_new_tokens=40, seed=3, stop_tokens=(7, 9, 30))
        alone = [
            engine.generate([p], max_new_tokens=40, seed=3, stop_tokens=(7, 9, 30))[0]
            for p in prompts
        ]
    finally:
        torch.set_num_threads(threads)
    assert [[c.tokens for c in cs] for cs in many] == [[c.tokens for c in cs] for cs in alone]
    lengths = {len(cs[0].tokens) for cs in many}
    assert len(lengths) > 3


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_that_go_apart_give_each_row_all_of_its_tokens_once(make_model, threads):
    """Rows of many lengths, in steps of many tokens: whoever takes them, they are as alone."""
    before = torch.get_num_threads()
    engine = Engine(make_model(head_dim=32))
    rows = 2 * native.ROWS_ALONE * threads + 3
    lengths = [1 + row * 7 % 40 for row in range(rows)]

    def answers(numbers):
        batch = engine.batch(max_rows=rows, tokens_per_step=512)
        for row in numbers:
            batch.add([1 + row % 60], Sampling(max_new_tokens=lengths[row]), [row])
        found: dict[int, list[tuple[int, float]]] = {}
        while batch.active:
            for event in batch.step(17):
                found.setdefault(event.row, []).extend(zip(event.tokens, event.logprobs))
        return [found[at] for at in range(len(numbers))]

    try:
        torch.set_num_threads(threads)
        together = answers(range(rows))
        torch.set_num_threads(1)
        alone = [answers([row])[0] for row in range(rows)]
    finally:
        torch.set_num_threads(before)
    assert [len(answer) for answer in together] == lengths
    assert together == alone
