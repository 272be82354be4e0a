"""Two nodes on one machine: a torchrun each, which meet at an address of localhost."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def free_address() -> str:
    """A place on localhost where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def start_worker(root: Path, spec: dict[str, Any], name: str = "spec") -> subprocess.Popen:
    """The process a flow would start, from a spec without its owner."""
    path = root / f"{name}.json"
    path.write_text(json.dumps({**spec, "owner_pid": os.getpid()}))
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.worker", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def start_nodes(root: Path, spec: dict[str, Any], nodes: int = 2) -> list[subprocess.Popen]:
    """A worker for each node, all of one try."""
    meeting = {"nodes": nodes, "address": free_address(), "id": "try-1", "seconds": 60}
    return [
        start_worker(root, {**spec, "rendezvous": {**meeting, "node_rank": rank}}, f"node-{rank}")
        for rank in range(nodes)
    ]
