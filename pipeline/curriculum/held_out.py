"""Which entities and sums are kept away from training, decided by hash alone.

In: a name or a pair of operands. Out: which split it belongs to. Any stage can ask without a list
being handed over, and the answer never changes with order, seed or corpus. Sums fall into three
disjoint splits: fine-tuning, reinforcement learning, evaluation. A sum and its mirror image
(3 + 5, 5 + 3) always share a split.
"""

import hashlib

# Shares of all operand pairs. Evaluation needs few; RL needs enough that it never repeats itself.
EVALUATION_SUM_FRACTION = 0.1
RL_SUM_FRACTION = 0.3
HELD_OUT_ENTITY_FRACTION = 0.2


def position(text: str) -> float:
    """A fixed, evenly spread position in [0, 1) for a text."""
    first_bytes = hashlib.sha256(text.encode("utf-8")).digest()[:8]
    return int.from_bytes(first_bytes, "big") / 2**64


def is_held_out(entity: str, fraction: float = HELD_OUT_ENTITY_FRACTION) -> bool:
    """True if conversations must never be made about this entity."""
    return position(f"held-out:{entity}") < fraction


def sum_split(a: int, b: int) -> str:
    """`evaluation`, `rl` or `sft`: the one place where this sum may be used."""
    where = position(f"held-out-sum:{min(a, b)}+{max(a, b)}")
    if where < EVALUATION_SUM_FRACTION:
        return "evaluation"
    return "rl" if where < EVALUATION_SUM_FRACTION + RL_SUM_FRACTION else "sft"


def is_validation(subject: str, fraction: float) -> bool:
    """True if conversations on this (an entity, a sum's result, a word) validate and don't train.

    By subject, since the same question stands there in several wordings, and the same answer in
    several conversations. What has no subject (small talk) trains.
    """
    return bool(subject) and position(f"validation:{subject}") < fraction


def word_split(word: str) -> str:
    """The same for a word to be spelled."""
    where = position(f"held-out-word:{word.lower()}")
    if where < EVALUATION_SUM_FRACTION:
        return "evaluation"
    return "rl" if where < EVALUATION_SUM_FRACTION + RL_SUM_FRACTION else "sft"
