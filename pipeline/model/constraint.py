"""What a row may write next, as something outside the model decides it: a grammar, a list.

In: the tokens that the row samples, one after another. Out, before each of them: which tokens may
come. Each row has a constraint of its own, for its state moves with the row.
"""

from typing import Any, Protocol

import numpy.typing as npt


class Constraint(Protocol):
    """Which tokens may follow those that a row has sampled so far.

    It is asked by the thread that generates: what takes long is done before it is handed over.
    """

    def allowed(self) -> npt.NDArray[Any] | None:
        """[vocab] bool, the tokens that may come next; None: any. None of them: the row ends."""

    def accept(self, token: int) -> None:
        """This token was sampled. Tokens of prompts and of somebody else's are not told."""
