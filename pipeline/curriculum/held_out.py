"""Which entities, sums and other problems are held out from training, decided by a hash alone.

In: a name, a pair of operands, a problem as text. Out: which split it belongs to. Any stage can ask
without having a list, and the answer never depends on order, seed or corpus. Sums, words and other
problems have three disjoint splits: fine-tuning, reinforcement learning, evaluation. A sum and its
mirror image (3 + 5, 5 + 3) are always in the same split.
"""

import hashlib

# Shares of all operand pairs. Evaluation needs few; RL needs enough that no sum is repeated.
EVALUATION_SUM_FRACTION = 0.1
RL_SUM_FRACTION = 0.3
HELD_OUT_ENTITY_FRACTION = 0.2
SPLITS = ("sft", "rl", "evaluation")  # of sums, words and other problems
# Of the entities that are not held out: see `is_left_to_interrogation`.
INTERROGATED_ENTITY_FRACTION = 0.2


def position(text: str) -> float:
    """A uniform hash of a text in [0, 1)."""
    first_bytes = hashlib.sha256(text.encode("utf-8")).digest()[:8]
    return int.from_bytes(first_bytes, "big") / 2**64


def is_held_out(entity: str, fraction: float = HELD_OUT_ENTITY_FRACTION) -> bool:
    """Whether conversations must never be made about this entity."""
    return position(f"held-out:{entity}") < fraction


def is_left_to_interrogation(entity: str, fraction: float = INTERROGATED_ENTITY_FRACTION) -> bool:
    """Whether fine-tuning doesn't ask about this entity's facts before interrogation does.

    What a model knows from pages alone shows only in questions that it was never taught to answer.
    """
    return position(f"interrogated:{entity}") < fraction


def sum_split(a: int, b: int) -> str:
    """`evaluation`, `rl` or `sft`: the only stage that may use this sum."""
    return _split(f"held-out-sum:{min(a, b)}+{max(a, b)}")


def is_validation(subject: str, fraction: float) -> bool:
    """Whether conversations on a subject (entity, sum's result, word) are the validation split's.

    By subject, because the same question occurs in several wordings, and the same answer in several
    conversations. Conversations without a subject (small talk) are the training split's.
    """
    return bool(subject) and position(f"validation:{subject}") < fraction


def word_split(word: str) -> str:
    """`evaluation`, `rl` or `sft`: the only stage that may ask to spell this word."""
    return _split(f"held-out-word:{word.lower()}")


def problem_split(problem: str) -> str:
    """`evaluation`, `rl` or `sft`: the only stage that may ask this problem, in any wording."""
    return _split(f"held-out-problem:{problem}")


def _split(text: str) -> str:
    where = position(text)
    if where < EVALUATION_SUM_FRACTION:
        return "evaluation"
    return "rl" if where < EVALUATION_SUM_FRACTION + RL_SUM_FRACTION else "sft"
