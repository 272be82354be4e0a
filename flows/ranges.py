"""What any number of a run's settings may be, by what its name says: before a run, not hours later.

No count, size, time, rate or seed is negative, infinite or no number at all; no share is above one;
what is divided by or counted in is above zero. What a stage knows about its own numbers beyond
that, it checks itself.
"""

# ruff: noqa: SIM905 - lists of words are easier to read as text

import math
from collections.abc import Iterator
from typing import Any

MAY_BE_MINUS_ONE = frozenset({"input.files"})  # all of them
# A maximum above one is a rule that is off.
SHARES = ("_share", "_fraction", "_confidence", "_score", "momentum")
OPEN_ENDED = ("max_",)
BELOW_ONE = ("_beta", "_beta1", "_beta2")  # of a running mean that is divided by 1 - beta ** steps
# By the last part of the name, or by all of it where 0 elsewhere means "all" or "off".
ABOVE_ZERO = frozenset(
    "steps rows_per_step log_every loss_chunk_tokens spike_window reference_width"
    " newton_schulz_steps rollback_rate_factor rate_factor adam_epsilon rope_theta ngram_width"
    " head_dim threads max_new_tokens max_fact_tokens max_completion_tokens prompts_per_step"
    " bootstrap_samples batch_documents max_tokens_per_shard max_operand_digits width_per_layer"
    " ffn_ratio max_epochs tokens_per_parameter bits_per_parameter questions_per_fact"
    " prefix_tokens continuation_tokens page_prefix_tokens page_tokens digits depths seen_counts"
    " ngram_rows max_file_bytes rl.temperature rl.micro_rows input.nodes input.group_files"
    " rl.spike_ratio rendezvous_seconds".split()
)
AT_MOST = {"newton_schulz_steps": 5}  # coefficients for more are not known


def out_of_range(tree: dict[str, Any], where: str = "") -> Iterator[str]:
    """A line for every number that can't be meant, of nested tables and lists."""
    for key, value in tree.items():
        name = f"{where}{key}"
        if isinstance(value, dict):
            yield from out_of_range(value, f"{name}.")
            continue
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, int | float) and not isinstance(item, bool):
                problem = _problem(name, key, item)
                if problem:
                    yield f"{name}: {item} {problem}"


def _problem(name: str, key: str, value: float) -> str:
    if not math.isfinite(value):
        return "is no finite number"
    if value < 0 and not (value == -1 and name in MAY_BE_MINUS_ONE):
        return "is negative"
    if value == 0 and (key in ABOVE_ZERO or name in ABOVE_ZERO):
        return "must be above 0"
    if value >= 1 and key.endswith(BELOW_ONE):
        return "must be below 1"
    if value > 1 and key.endswith(SHARES) and not key.startswith(OPEN_ENDED):
        return "is no share, which is at most 1"
    if value > AT_MOST.get(key, value):
        return f"is above {AT_MOST[key]}"
    return ""
