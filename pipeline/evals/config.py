"""Settings of the evaluation, with units and reasons; the defaults are the demo preset's."""

import dataclasses

from pipeline import ranges
from pipeline.curriculum.confidence_targets import NEW_TARGETS, TARGETS
from pipeline.curriculum.held_out import HELD_OUT_ENTITY_FRACTION
from pipeline.sft.passage_questions import PLACES
from pipeline.tools.config import NAMES

# Suites that take a model as a reader and writer of pages. A model that was taught to converse gets
# those of them that say what it forgot.
PAGE_SUITES = ("bits_per_byte", "domains", "compression", "simulator", "memorization", "few_shot")
ALSO_CHAT = ("bits_per_byte", "few_shot")
CHAT_SUITES = (
    "chat_core",
    "facts",
    "honesty",
    "targets",
    "talk",
    "turns",
    "arithmetic",
    "spelling",
    "format",
    "refusals",
    "self",
    "preferences",
    "forgetting",
)
# `core` needs files of tasks; most kinds of `tasks`, calls of tools (`tools`, `search`), answers
# from passages (`injection`) and running sums (`horizon`) are trained where they are asked for
# alone. So these are no defaults.
SUITES = (*PAGE_SUITES, *CHAT_SUITES)
ALL_SUITES = (*SUITES, "core", "tasks", "tools", "search", "injection", "horizon")
# Rows of suite `arithmetic` by the lengths of both numbers ("4+2"): for a chart, too many for a
# table.
LENGTHS_SUITE = "arithmetic_by_length"
# Rows of suite `facts` by relation: too few facts of each for the table of stages.
RELATIONS_SUITE = "facts_by_relation"
# Points of suite `honesty`'s curves.
RISK_SUITE = "risk_coverage"
CALIBRATION_SUITE = "calibration"
# Rows of suite `targets` by class of facts: likewise.
TARGET_CLASSES_SUITE = "targets_by_class"
# Rows of suite `tasks` by level: likewise.
TASK_LEVELS_SUITE = "tasks_by_level"
# Rows of suite `horizon` by turn: a curve.
HORIZON_TURNS_SUITE = "horizon_by_turn"
DETAIL_SUITES = (
    LENGTHS_SUITE,
    RELATIONS_SUITE,
    RISK_SUITE,
    CALIBRATION_SUITE,
    TARGET_CLASSES_SUITE,
    TASK_LEVELS_SUITE,
    HORIZON_TURNS_SUITE,
)
# Metrics that are numbers of something (turns, rounds of calls, tokens): neither shares nor bits.
PLAIN_NUMBERS = (
    "rounds",
    "tokens",
    "turns",
    "horizon_50",
    "horizon_80",
    "even_horizon_50",
    "words",
)
# Points, of either sign.
REWARDS = ("gold_reward", "proxy_reward")
# Metrics that are no count of successes among n, whose interval Wilson's could be.
NO_COUNTS = (
    "bits_per_byte",
    "megabytes",
    "centred_accuracy",
    "centred_score",
    "chat_core",
    "nanochat_chat_core",
    "simpleqa_f1",
    *(f"penalised_{target:g}" for target in (*TARGETS, *NEW_TARGETS)),
    "honesty",
    "idk_average_precision",
    "aurc",
    "calibration_error",
    "kl_nats",
    "bits_per_byte_change",
    "call_rate_difference",
    "turn_accuracy",
    "grounded",
    *REWARDS,
    *PLAIN_NUMBERS,
)


@dataclasses.dataclass(frozen=True)
class EvalsConfig:
    """One model's measurement. How it is asked (page or conversation) its tokenizer decides."""

    # base, sft, interrogated, rl or rlhf: what the scores are filed under
    model: str = "base"
    suites: tuple[str, ...] = SUITES
    seed: int = 0  # chooses facts, sums, words; the same for every stage, so that scores compare
    temperature: float = 0.0  # greedy: the score is the model's, not the sampler's
    max_new_tokens: int = 112  # of a turn or a sum; a worked 5-digit sum takes about 90
    max_fact_tokens: int = 48  # of an answer to a question about a fact
    max_completion_tokens: int = 16  # of a sentence's end, where the value comes first
    validation_documents: int = 200  # for bits per byte, at most; in the order of their ids
    validation_bytes: int = 300_000  # and at most about so much text
    # a run of so many tokens that training text holds as well counts as seen, about nine words
    overlap_tokens: int = 16
    bootstrap_samples: int = 1_000
    facts_per_frequency: int = 200  # of each: stated often, once, never
    target_facts: int = 30  # of each class, asked under each confidence target
    held_out_fraction: float = HELD_OUT_ENTITY_FRACTION  # as in ConversationsConfig
    digits: tuple[int, ...] = (1, 2, 3, 4, 5)  # of either number of a sum: every pair is asked
    sums_per_pair: int = 20  # of each pair of lengths
    # sums, and words to be spelled, in each of the kinds of wordings that no stage trains; 0 = none
    unseen_wordings: int = 100
    # of training text in which stated sums and spelled words are looked for, at most
    scanned_bytes: int = 2_000_000_000
    # sums whose longer number has this many digits or more are also left out if a page of the
    # corpus states them; below, there are too few sums for that
    unseen_from_digits: int = 3
    turns: int = 200  # prompts whose replies must end by themselves
    talk_questions: int = 60  # sums and facts, each asked after five different beginnings
    words: int = 100  # to be spelled
    # of each kind of suite `tasks`, in trained wordings and as many in new ones; levels share it
    tasks_per_kind: int = 20
    # of each kind of suite `tools`, in trained wordings and as many in new ones
    tool_questions: int = 40
    tools: tuple[str, ...] = NAMES  # that suite `tools` offers
    # suite `search`: facts that no page states, and as many that pages state often; of the index
    # its passages' longest, how many a search gives, and pages of the corpus at most
    search_questions: int = 100
    search_passage_characters: int = 200
    search_passages: int = 2
    search_documents: int = 20_000
    # suite `injection`: questions, each attacked in every way; where the passages stand, as in
    # ConversationsConfig; and of the attack that has the weights: questions, tokens that it may
    # write, steps, and candidates a step
    injection_questions: int = 60
    passages_in: str = "tool"
    adaptive_questions: int = 10
    adaptive_tokens: int = 12
    adaptive_steps: int = 60
    adaptive_candidates: int = 64
    # suite `horizon`: problems of each mode and sort of wording; turns of each, and of the history
    # that is written for the model, with errors
    horizon_problems: int = 100
    horizon_turns: int = 24
    horizon_history: int = 10
    format_prompts: int = 120  # that ask for a form of the answer
    requests: int = 120  # harmful ones, and as many that only look so, of each slice
    personas: int = 60  # for each thing that a system message sets
    # suite `preferences`: questions of each kind, at most, of those that the suites before it asked
    preference_questions: int = 100
    name: str = "crawl2chat model"  # what the model shall call itself, as in ConversationsConfig
    knowledge_cutoff: str = ""  # likewise
    samples_per_suite: int = 12  # rows of samples.parquet a suite
    domains: int = 8  # hosts and languages with bits per byte of their own, the largest
    # of training text that an archiver is given before the held-out pages, at most
    archived_bytes: int = 4_000_000
    bits_per_parameter: int = 16  # the model's size as a file, for the compression view
    # document simulator: so many tokens of a page, then so many of the model's
    simulated_pages: int = 24
    page_prefix_tokens: int = 48
    page_tokens: int = 96
    # recitation: passages of so many tokens, the second part to be said by heart, exactly
    # (Carlini et al. take 50 and 50: passages that a small corpus holds many times are shorter)
    prefix_tokens: int = 16
    continuation_tokens: int = 16
    passages: int = 100  # of each number of times seen, at most
    seen_counts: tuple[int, ...] = (1, 2, 4, 16, 64)  # where the groups by times seen begin
    counted_bytes: int = 50_000_000  # of training text in which passages are counted, at most
    few_shots: int = 8  # examples
    few_shot_questions: int = 24  # of each task, at most
    core_questions: int = 500  # of each of CORE's tasks, at most; 0 = all
    core_samples: int = 2  # rows of samples.parquet for each of CORE's tasks
    document_start: bool = True  # CORE's prompts begin with the document token, as pages do
    threads: int = 2
    device: str = "auto"
    precision: str = "float32"  # scores shall not move with the machine's capability
    products: str = "auto"  # as PretrainConfig's: they move the last digits of a score
    watchdog_seconds: float = 300.0  # as LoopConfig's, for each batch the model works on; 0 = never

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero=(
                "max_new_tokens max_fact_tokens max_completion_tokens bootstrap_samples digits"
                " bits_per_parameter page_prefix_tokens page_tokens prefix_tokens"
                " continuation_tokens seen_counts threads adaptive_tokens adaptive_steps"
                " adaptive_candidates search_passages horizon_turns horizon_history"
            ),
            at_least={"search_passage_characters": 50},
            shares="held_out_fraction",
            one_of={"suites": ALL_SUITES, "tools": NAMES, "passages_in": PLACES},
        )


@dataclasses.dataclass(frozen=True)
class PositionsConfig:
    """Bits per byte by position: which documents, in which buckets."""

    documents: int = 400  # validation documents, at most; those longer than the base's context
    # first position of each bucket but the first; empty: an eighth, a quarter, a half and all of
    # the base's context, then steps of half of it
    edges: tuple[int, ...] = ()
    bootstrap_samples: int = 1_000
    precision: str = "auto"
    products: str = "auto"
    threads: int = 2
    device: str = "auto"
    seed: int = 0
    watchdog_seconds: float = 300.0  # as EvalsConfig's

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="bootstrap_samples threads")
