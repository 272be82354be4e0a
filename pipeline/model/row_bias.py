"""What is added to a row's logits before anything else: its `logit_bias`, and -inf for what its
constraint forbids.

In: a row's settings and its constraint. Out: `GenerationRow.bias`, one number for each token, which
decoders add; none for rows that have neither, which then cost nothing. A constraint that has no
token left or that fails ends its own row and no other.
"""

import numpy as np

from pipeline.model.rows import AT_LIMIT, STOPPED, Array, GenerationRow, Sampling
from storage.errors import UserError


def of_settings(sampling: Sampling, vocab_size: int) -> Array | None:
    """[vocab] float32 of `logit_bias`, values of the same token added up; None without any.

    Raises:
        UserError: a token is not the model's.
    """
    if not sampling.logit_bias:
        return None
    bias = np.zeros(vocab_size, np.float32)
    for token, value in sampling.logit_bias:
        if not 0 <= token < vocab_size:
            raise UserError(
                f"logit_bias names token id {token}, the model's ids end at {vocab_size - 1}: "
                "use the model's own tokenizer"
            )
        bias[token] += value
    return bias


def make_room(row: GenerationRow, vocab_size: int) -> None:
    """Give a row with a constraint a bias of its own, before a decoder first sees the row."""
    if row.constraint is not None and row.bias is row.fixed_bias:
        row.bias = np.zeros(vocab_size, np.float32)


def forbid(row: GenerationRow) -> None:
    """Write into the bias of a row that samples next what its constraint says.

    A row that can't go on samples without constraint; `accept` then takes that token back.
    """
    assert row.constraint is not None
    assert row.bias is not None
    row.bias[:] = 0 if row.fixed_bias is None else row.fixed_bias
    row.refused = ""
    try:
        allowed = row.constraint.allowed()
        if allowed is None:
            return
        if allowed.shape != row.bias.shape or allowed.dtype != np.bool_:
            raise TypeError(f"a constraint gave {allowed.dtype} {allowed.shape}, not bool [vocab]")
        if allowed.any():
            np.copyto(row.bias, -np.inf, where=~allowed)
        else:
            row.refused = "stop"
    except Exception as error:  # whatever it is, the other rows go on
        _fail(row, error)


def accept(row: GenerationRow, new: list[int]) -> list[int]:
    """Tell a row's constraint what was sampled; a row that can't go on ends.

    Args:
        row: that has a constraint.
        new: the tokens that it has just taken, at most one.

    Returns:
        Those of them that stay its own.
    """
    assert row.constraint is not None
    if row.refused and new:
        row.cut(row.made - len(new))
        new = []
    else:
        try:
            for token in new:
                row.constraint.accept(token)
        except Exception as error:  # as above
            if not row.done:  # else nobody will ask it again
                _fail(row, error)
    if row.refused:
        row.state = STOPPED if row.refused == "stop" else AT_LIMIT
    return new


def _fail(row: GenerationRow, error: Exception) -> None:
    row.refused = "error"
    row.failure = f"{type(error).__name__}: {error}"
