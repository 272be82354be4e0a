"""A process that trains loads what it needs: torch's compiler is for GPUs that ask for it, FSDP
for runs that shard.
"""

import json
import os
import subprocess
import sys

PROGRAM = """
import json, sys
import flows.corpus, flows.cli.run
heavy = ["torch"] if "torch" in sys.modules else []
import flows.sft, flows.rl, flows.evaluate
from pipeline.training import runtime
import torch
runtime.prepare("cpu", "float32", 1)
unasked = "torch._dynamo torch._inductor torch.distributed.fsdp torch.distributed.tensor sympy"
heavy += [name for name in unasked.split() if name in sys.modules]
print(json.dumps([heavy, torch.are_deterministic_algorithms_enabled()]))
"""


def test_the_corpus_loads_no_torch_and_training_neither_compiler_nor_fsdp():
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], True]
