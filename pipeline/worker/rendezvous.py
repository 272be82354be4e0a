"""Several processes for one stage: this process becomes torchrun, on one machine or on many.

On many, each node's torchrun finds the others by the c10d rendezvous: node 0 holds its store, at
the address that the run's settings name, and an id tells one try from another. torchrun numbers
nodes as they come; which rank writes must not depend on that, so processes number themselves, by
their node. A process that ends because another one is gone has a special exit code: the try can be
repeated.
"""

import dataclasses
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

LOST_PEER = 75  # EX_TEMPFAIL of sysexits.h: this process did nothing wrong, another one is gone
READ_SECONDS = 60  # the longest wait for an answer of node 0's store
# Of errors that torch raises as plain RuntimeError, by gloo.
PEER_TEXTS = ("connection closed by peer", "connection reset by peer", "gloo/transport")


@dataclasses.dataclass(frozen=True)
class Rendezvous:
    """Where the nodes of one try find each other, and which of them this is."""

    nodes: int
    node_rank: int  # 0 writes
    address: str  # HOST:PORT of node 0
    id: str  # of this try
    seconds: int = 600  # that the nodes wait for each other

    @property
    def arguments(self) -> list[str]:
        """The arguments of torchrun."""
        settings = {
            "is_host": int(self.node_rank == 0),
            "join_timeout": self.seconds,
            "read_timeout": READ_SECONDS,
        }
        return [
            f"--nnodes={self.nodes}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={self.address}",
            f"--rdzv-id={self.id}",
            "--rdzv-conf=" + ",".join(f"{key}={value}" for key, value in settings.items()),
            f"--local-addr={self._own_address()}",
        ]

    def _own_address(self) -> str:
        """The address by which the other nodes reach this one."""
        host, _, port = self.address.rpartition(":")
        if self.node_rank == 0:
            return host
        family, kind, _, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)  # sends nothing: it only chooses the way
            own: str = probe.getsockname()[0]
        return own


def of(spec: Mapping[str, Any]) -> Rendezvous | None:
    """The rendezvous of a worker's spec; None if its processes are all on this machine."""
    given = spec.get("rendezvous")
    return Rendezvous(**given) if given else None


def become_torchrun(processes: int, meeting: Rendezvous | None, module: str, spec: str) -> None:
    """Replace this process by torchrun, which starts `module` in so many processes on each node."""
    # exec keeps the pid and the death signal, so torchrun too dies with the task.
    where = meeting.arguments if meeting else ["--standalone"]
    torchrun = ["-P", "-m", "torch.distributed.run", *where, f"--nproc-per-node={processes}"]
    os.execv(sys.executable, [sys.executable, *torchrun, "-m", module, spec])  # noqa: S606


def number_processes(meeting: Rendezvous) -> None:
    """Give this process, which torchrun started, the rank that follows from its node's number."""
    processes, local = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    os.environ["RANK"] = str(meeting.node_rank * processes + local)


def lost_a_peer(error: BaseException) -> bool:
    """Whether the error means that another process of the group has ended."""
    distributed: Any = sys.modules.get("torch.distributed")  # imported by those who have a group
    if distributed is None:
        return False
    if isinstance(error, distributed.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(part in text for part in PEER_TEXTS)
