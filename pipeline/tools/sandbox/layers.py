"""The layers between a program and the machine, and which of them hold.

Each is put on by itself and reported with the reason where the machine refuses it. Namespaces,
Landlock and seccomp isolate; the others make the room behind them smaller.
"""

import dataclasses
from collections.abc import Mapping

LAYERS = (
    "environment",  # empty
    "descriptors",  # closed but for input and output
    "privileges",  # another user than root, no capabilities, none to be gained
    "user",  # a user namespace, with rights over nothing outside
    "network",  # a network namespace without a network, and a host name of its own
    "pid",  # no other processes are seen, and all end with the program; no shared memory of others
    "mount",  # a root folder that holds the standard library alone, read-only
    "landlock",  # reads of the standard library and no other access to files; no TCP, no signals
    "seccomp",  # some seventy system calls that computing needs
    "limits",  # rlimits of memory, processor time, files, processes
)
MEANING = {
    "namespaces": ("user", "network", "pid", "mount"),
    "Landlock": ("landlock",),
    "seccomp": ("seccomp",),
}


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """Which layers hold here, and why the others don't."""

    held: tuple[str, ...]
    absent: Mapping[str, str]

    @property
    def isolating(self) -> tuple[str, ...]:
        """Those of namespaces, Landlock and seccomp that hold, namespaces only as a whole."""
        return tuple(name for name, parts in MEANING.items() if {*parts} <= {*self.held})

    @property
    def described(self) -> str:
        """One line for people."""
        lacking = "; ".join(f"{name}: {why}" for name, why in self.absent.items())
        held = f"{', '.join(self.held) or 'no layer'} hold"
        return f"{held} (not {lacking})" if lacking else held
