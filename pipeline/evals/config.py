"""Settings of the evaluation, with units and reasons; the defaults are the demo preset's."""

import dataclasses

from pipeline.sft.held_out import HELD_OUT_ENTITY_FRACTION

SUITES = ("bits_per_byte", "facts", "turns", "arithmetic", "spelling")


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """One model's measurement. How it is asked (page or conversation) its tokenizer decides."""

    model: str = "base"  # base, sft or rl: what the scores are filed under
    suites: tuple[str, ...] = SUITES
    seed: int = 0  # chooses facts, sums, words; the same for every stage, so that scores compare
    temperature: float = 0.0  # greedy: the score is the model's, not the sampler's
    max_new_tokens: int = 112  # of a turn or a sum; a worked 5-digit sum takes about 90
    max_fact_tokens: int = 48  # of an answer to a question about a fact
    max_completion_tokens: int = 16  # of a sentence's end, where the value comes first
    validation_documents: int = 200  # for bits per byte, at most; in the order of their ids
    validation_bytes: int = 300_000  # and at most about so much text
    bootstrap_samples: int = 1_000
    facts_per_frequency: int = 200  # of each: stated often, once, never
    held_out_fraction: float = HELD_OUT_ENTITY_FRACTION  # as in SynthesisConfig
    digits: tuple[int, ...] = (1, 2, 3, 4, 5)
    sums_per_digit: int = 100
    # sums from this many digits on are also left out if a page of the corpus states them; below,
    # there are too few sums for that
    unseen_from_digits: int = 3
    turns: int = 200  # prompts whose replies must end by themselves
    words: int = 100  # to be spelled
    samples_per_suite: int = 12  # rows of samples.parquet a suite
    threads: int = 2
    device: str = "auto"
    precision: str = "float32"  # scores shall not move with the machine's capability
