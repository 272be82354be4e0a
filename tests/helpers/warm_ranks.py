"""The processes of one build, forked from a server that has imported torch.

torchrun starts an interpreter for itself and one for each process, and FSDP makes the import of
torch twice as long: five seconds each, in which nothing of ours runs. Here the same
`pipeline.worker.child` gets the variables that torchrun would set, in a fork. What torchrun itself
does (its agent, its store, the death of a process) stays with tests that start it.
"""

import contextlib
import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patience import PATIENCE_SECONDS, free_port

# Of torch alone: our modules are imported by the fork, as they are then.
PRELOADED = ("torch", "torch.distributed.fsdp", "torch.distributed.tensor", "pyarrow.parquet")
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([*PRELOADED])


def build(root: Path, spec: Mapping[str, Any]) -> None:
    """Build what the spec describes in as many processes as it says; an assertion if one fails."""
    path, world = root / "spec.json", int(spec["processes"])
    path.write_text(json.dumps({**spec, "owner_pid": os.getpid()}))
    meeting = {"WORLD_SIZE": f"{world}", "LOCAL_WORLD_SIZE": f"{world}", "OMP_NUM_THREADS": "1"}
    meeting |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": f"{free_port()}"}
    processes = []
    for rank in range(world):
        numbered = {**meeting, "RANK": f"{rank}", "LOCAL_RANK": f"{rank}"}
        log = root / f"rank-{rank}.log"
        processes.append(_SERVER.Process(target=_be_rank, args=(str(path), numbered, log)))
        processes[-1].start()
    try:
        for process in processes:
            process.join(PATIENCE_SECONDS)
        said = "\n".join(log.read_text() for log in sorted(root.glob("rank-*.log")))
        assert [process.exitcode for process in processes] == [0] * world, said
    finally:
        for process in processes:
            process.kill()
            process.join()


def _be_rank(spec: str, variables: dict[str, str], log: Path) -> None:
    """In the fork: what torchrun's child is, to its end."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.environ |= variables
    code = 1
    try:
        from pipeline.worker import child

        code = child.main(spec)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(ValueError):
            sys.stderr.flush()
        os._exit(code)  # as pipeline.worker.child does there
