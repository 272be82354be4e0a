"""Settings of interrogation: which questions are asked, and what the answers make of them.

The defaults are the demo preset's: a model of a million parameters on the sample web.
"""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.held_out import (
    HELD_OUT_ENTITY_FRACTION,
    INTERROGATED_ENTITY_FRACTION,
)
from pipeline.sft.config import SftConfig
from pipeline.training.config import LoopConfig

LABELERS = ("absolute", "multisample", "verbal", "gold")


def interrogated_defaults() -> SftConfig:
    """Of the fine-tuning that follows: a quarter of the first one's steps, at lower rates.

    "I don't know" is the last thing learned and the first that interpolation takes back (at 0.85
    admitted of what no page states: 26% in place of 47%), so there is none, and more pages instead.
    """
    return SftConfig(
        loop=LoopConfig(
            steps=200, rows_per_step=20, warmup_steps=10, validate_every=50, validation_rows=32
        ),
        rate_factor=0.2,
        pretraining_share=0.4,
        interpolation=1.0,
        mixture=("interrogation=4",),
    )


@dataclasses.dataclass(frozen=True)
class InterrogationConfig:
    """A chat model is asked what its corpus states, and what the corpus states nowhere."""

    rounds: int = 2  # at most: a round is an interrogation and a fine-tuning
    settled_share: float = 0.05  # no further round where so few labels or fewer have changed
    # of training text in which facts are looked for, at most; of a larger corpus an even sample
    scanned_bytes: int = 2_000_000_000
    # entities that are never asked about, by hash of the name: ConversationsConfig's
    held_out_fraction: float = HELD_OUT_ENTITY_FRACTION
    stated: int = 2_400  # questions on facts that the corpus states, at most
    # questions on what the corpus doesn't state of an entity, but of others like it: whatever is
    # answered is made up
    unstated: int = 800
    # questions on names that documents mention and state nothing of
    mentioned: int = 800
    # questions on names made of the parts of known ones, which the corpus has nowhere
    unheard: int = 0
    wordings: int = 4  # of each question
    # of the entities with a relation: so many have another one, or one doesn't ask for that
    alike_share: float = 0.3
    samples: int = 10  # answers to each question (Alignment for Honesty, arXiv 2312.07000: m = 10)
    max_new_tokens: int = 32
    temperature: float = 1.0
    top_k: int = 0
    labeler: str = "absolute"  # absolute, multisample, verbal, or gold (a control)
    # known: answered right at least so often; unknown: at most so often; those between are unclear
    # and not trained on (CRaFT, arXiv 2410.06913: near the threshold labels contradict each other)
    known_from: float = 0.6
    unknown_to: float = 0.3
    # conversations of each kind, known and unknown alike (1:1)
    conversations: int = 2_400
    known_repeats: int = 3  # of a known answer at most, where the unknown are more
    # of entities, those that fine-tuning left to interrogation: ConversationsConfig's
    interrogated_fraction: float = INTERROGATED_ENTITY_FRACTION
    max_tokens: int = 190  # as ConversationsConfig's
    validation_fraction: float = 0.03  # as ConversationsConfig's, by entity
    threads: int = 2
    device: str = "auto"
    precision: str = "auto"
    products: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="rounds wordings samples max_new_tokens temperature conversations"
            " known_repeats threads",
            shares="settled_share held_out_fraction interrogated_fraction alike_share known_from"
            " unknown_to",
            below_one="validation_fraction",
            one_of={"labeler": LABELERS},
        )
        ranges.refuse(
            self,
            (
                self.unknown_to > self.known_from,
                f"unknown_to ({self.unknown_to:g}) is above known_from ({self.known_from:g}): the"
                " same answers would make a question known and unknown",
            ),
        )
