"""What a reply may be where a request says it: JSON, calls that can be read, one call at least.

In: the tokens that a row samples. Out, before each: which may come (`model.constraint`). One
grammar holds the text, another one the calls; which of them counts, a message's first token
decides. Each message begins anew, as after the outputs of the server's tools; what is begun is led
to its end before the row's tokens run out.
"""

from typing import Any

import numpy.typing as npt

from pipeline.chat.layout import CALL
from pipeline.serve.grammars import GrammarConstraint
from pipeline.tokenizer import Tokenizer


class ReplyConstraint:
    """One row's.

    Args:
        tokenizer: of the model, with the tokens of conversations and, where there are calls, tools.
        stop_tokens: that end a message.
        left: tokens that the row may sample.
        text: what texts must be; None: anything.
        calls: what calls must be, with their tags; None: there are none.
        must_call: whether a message is calls and nothing else.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        stop_tokens: tuple[int, ...],
        left: int,
        *,
        text: GrammarConstraint | None = None,
        calls: GrammarConstraint | None = None,
        must_call: bool = False,
    ) -> None:
        self._stops, self._left = stop_tokens, left
        self._call = -1 if calls is None else tokenizer.special(CALL)
        self._text, self._calls, self._must_call = text, calls, must_call
        self._now: GrammarConstraint | None = None  # the one that counts
        self._may_call = self._undecided = False
        self._begin()

    def allowed(self) -> npt.NDArray[Any] | None:
        """See `Constraint`."""
        mask = None if self._now is None else self._now.allowed()
        if mask is None or not self._undecided:
            return mask
        mask = mask.copy()
        mask[self._call] = True
        return mask

    def accept(self, token: int) -> None:
        """See `Constraint`."""
        before, self._left = self._left, self._left - 1
        if token in self._stops:
            self._begin()
            return
        if self._may_call and token == self._call and self._calls is not None:
            self._now, self._may_call = self._calls.again(before), False
        self._undecided = False
        if self._now is not None:
            self._now.accept(token)

    def _begin(self) -> None:
        """A message begins."""
        first = self._calls if self._must_call else self._text
        self._now = None if first is None else first.again(self._left)
        # Free text may end in calls at any time; JSON is it from the first token on, or is none.
        self._may_call = self._calls is not None and not self._must_call
        self._undecided = self._may_call and self._text is not None
