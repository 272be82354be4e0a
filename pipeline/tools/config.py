"""What tools may take: limits of each call, and how Python is run."""

import dataclasses

from pipeline import ranges
from pipeline.tools.sandbox.layers import LAYERS

BACKENDS = ("monty", "cpython")
SPLITS = ("train", "validation")
NAMES = ("calculator", "python")  # of the tools that need nothing but their name


@dataclasses.dataclass(frozen=True)
class ToolLimits:
    """Limits of one call, all ours: ten times what programs of models in talk take.

    Args:
        seconds: on the clock, not of the processor.
        memory_mib: beyond what the interpreter itself takes.
        output_bytes: of the text that the conversation gets; what is left out is said in it.
        argument_bytes: of a call's arguments as JSON.
    """

    seconds: float = 2.0
    memory_mib: int = 128
    output_bytes: int = 4_096
    argument_bytes: int = 16_384

    def __post_init__(self) -> None:
        # A note about what was left out must fit.
        ranges.check(
            self,
            above_zero="seconds memory_mib argument_bytes",
            at_least={"output_bytes": 256},
        )


@dataclasses.dataclass(frozen=True)
class CalculatorConfig:
    """What is refused before it is computed: a hundred times what sums in talk need. Ours.

    Args:
        characters: of an expression.
        nesting: of parentheses and of powers of powers.
        digits: of a result's numerator or denominator. Python writes 4,300 at most.
    """

    characters: int = 1_000
    nesting: int = 50
    digits: int = 1_000
    limits: ToolLimits = ToolLimits()

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="characters nesting digits",
            at_most={"nesting": 100, "digits": 4_000},
        )

    @property
    def bits(self) -> int:
        """The digits in bits."""
        return self.digits * 3_322 // 1_000 + 1


@dataclasses.dataclass(frozen=True)
class PythonConfig:
    """How programs are run.

    Args:
        backend: `monty`, an interpreter of a part of Python in Rust, or `cpython`, all of the
            standard library in a fork under the system's layers.
        processes: that run programs side by side; 0: one for each core that this process may use.
        layers: of `cpython`, those that are put on where the machine has them.
        least_isolating: of namespaces, Landlock and seccomp, how many must hold for `cpython`.
        seed: of `random`, where a program sets none, and of the order of sets.
    """

    backend: str = "monty"
    processes: int = 0
    layers: tuple[str, ...] = LAYERS
    least_isolating: int = 2
    seed: int = 0
    limits: ToolLimits = ToolLimits()

    def __post_init__(self) -> None:
        ranges.check(
            self,
            one_of={"backend": BACKENDS, "layers": LAYERS},
            at_most={"least_isolating": 3, "seed": 4_294_967_295},
        )


@dataclasses.dataclass(frozen=True)
class SearchIndexConfig:
    """What of a corpus is found, and in which pieces.

    Args:
        splits: whose documents. Both: what a model never read is what it has to look up. An index
            for training with search takes `train` alone: what is found is read.
        passage_characters: the longest passage: about the 100 words that Karpukhin et al. 2020
            (arXiv:2004.04906) cut Wikipedia into.
        common_share: of passages; a word in more of them is asked for only where a query's others
            find nothing. To read all passages with it takes longest and tells least: with 0.1 in
            place of 0.5 queries are several times as fast, and the sample web's questions find more
            (docs/tools.md).
    """

    splits: tuple[str, ...] = SPLITS
    passage_characters: int = 500
    common_share: float = 0.1

    def __post_init__(self) -> None:
        ranges.check(
            self,
            shares="common_share",
            at_least={"passage_characters": 50},
            at_most={"passage_characters": 100_000},
            one_of={"splits": SPLITS},
        )
        ranges.refuse(self, (not self.splits, "splits: name one at least"))


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How the tool answers.

    Args:
        passages: that an answer has, if the call doesn't say how many.
        most_passages: that a call may ask for.
    """

    passages: int = 3
    most_passages: int = 10
    limits: ToolLimits = ToolLimits()

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="passages", at_least={"most_passages": self.passages})
