"""Two nodes on one machine: a torchrun each, which meet at an address of localhost."""

import subprocess
from pathlib import Path
from typing import Any

from patience import free_port
from worker_process import start_worker


def free_address() -> str:
    """A place on localhost where nobody listens."""
    return f"127.0.0.1:{free_port()}"


def start_nodes(root: Path, spec: dict[str, Any], nodes: int = 2) -> list[subprocess.Popen]:
    """A worker for each node, all of one try."""
    meeting = {"nodes": nodes, "address": free_address(), "id": "try-1", "seconds": 600}
    return [
        start_worker(root, {**spec, "rendezvous": {**meeting, "node_rank": rank}}, f"node-{rank}")
        for rank in range(nodes)
    ]
