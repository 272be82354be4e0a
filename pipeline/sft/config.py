"""Settings of conversation synthesis and of fine-tuning, with units, defaults and reasons.

The defaults are the demo preset's: a model of a million parameters on the sample web.
"""

import dataclasses

from pipeline import ranges
from pipeline.chat.row_formats import FORMATS
from pipeline.curriculum.held_out import HELD_OUT_ENTITY_FRACTION, INTERROGATED_ENTITY_FRACTION
from pipeline.curriculum.task_mixture import entries_of
from pipeline.lora_config import LoraConfig
from pipeline.sft.mixture import UNITS
from pipeline.sft.mixture import entries_of as sources_of
from pipeline.sft.passage_questions import PLACES
from pipeline.training.config import LoopConfig, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class ConversationsConfig:
    """How many conversations are made from what. A source that yields less gives all it has."""

    seed: int = 0
    name: str = "crawl2chat model"  # what the model calls itself
    # when its knowledge ends ("May 2024"), as it says; "": "with the web crawl I was trained on"
    knowledge_cutoff: str = ""
    max_tokens: int = 190  # longer conversations are left out: they must fit a context whole
    # of training text in which facts, definitions and words are looked for, at most: of a larger
    # corpus an even sample of its documents, as the tokenizer's
    scanned_bytes: int = 2_000_000_000
    # of entities, sums' results, words, and acts that are asked for, by hash; small talk, personas
    # and questions on the model itself have nothing to hold back, they all train
    validation_fraction: float = 0.03
    # entities whose facts never become conversations, by hash of the name
    held_out_fraction: float = HELD_OUT_ENTITY_FRACTION
    # of the other entities, those that no conversation of this stage asks about: interrogation does
    # to see what pages alone have taught (without it a model learns to answer about those that it
    # was asked about, and to refuse the others: over-conservativeness 43% on held-out entities)
    interrogated_fraction: float = INTERROGATED_ENTITY_FRACTION
    # facts stated by fewer documents are left out: a model trained to answer what it can't know
    # learns to make things up. On real pages, where most facts are stated once, set 1.
    min_mentions: int = 2
    facts: int = 3_000  # conversations from relations ("X was born in Y"), at most
    facts_per_document: int = 20  # a list page must not fill the set
    # different wordings of the same question. With 4, and the same value asked again for each
    # relation that states it, birthplaces were asked three times as often as years of birth
    questions_per_fact: int = 8
    # conversations that state facts of a made-up name and ask for one of them
    reading: int = 1_500
    definitions: int = 400  # conversations from "X is a Y", at most
    arithmetic: int = 3_000
    # of the sums, how many show their work: few enough that RL has something to select, enough that
    # it finds it. RL selects and lengthens worked answers, it does not invent them (with 0.3 at the
    # start it reached 1.0 in 36 steps of 48 prompts x 8 answers, one seed)
    worked_share: float = 0.3
    max_operand_digits: int = 5  # every pair of lengths up to it, equally often
    spelling: int = 4_000
    # different words to spell, by frequency in the corpus: spelling a word never spelled before is
    # learned from many words, not from many wordings (from 500 words 10% of new ones, from 2,000
    # 21%, one seed)
    spelling_words: int = 2_000
    # every opening and question about six times: a model that rarely sees "What can you do?" spells
    # it, because half of the conversations spell something
    small_talk: int = 630
    identity: int = 700
    # harmful requests that are refused, and as many harmless ones that only look like them: with
    # fewer of these a model refuses what has a word of those
    refusals: int = 600
    harmless: int = 600
    # system messages that set name, maker, limits, tone and language, each with a name of its own
    personas: int = 800
    # problems of pipeline.curriculum's tasks with worked solutions; 0: none. Which ones, and how
    # hard: KIND=WEIGHT or KIND:LOW-HIGH=WEIGHT, see pipeline.curriculum.task_mixture
    tasks: int = 0
    task_mixture: tuple[str, ...] = ("*=1",)
    # conversations in which the calculator and Python may be called; 0: none. What tools are and
    # how they are called takes some 600 tokens of the demo's tokenizer: max_tokens, and a base with
    # that context (docs/tools.md)
    tools: int = 0
    # of those: tools are offered and not needed; needed and not offered
    tools_unneeded_share: float = 0.3
    tools_missing_share: float = 0.15
    # conversations in which a search may be called (context: as with tools); 0: none. Of those:
    # about what the model knows, which is answered at once; about names that no page has
    search: int = 0
    search_unneeded_share: float = 0.35
    search_missing_share: float = 0.15
    # of the index that is searched; and how many passages a search gives
    search_passage_characters: int = 200
    search_passages: int = 2
    # questions on made-up names that are answered from passages, up to four in a conversation; 0:
    # none. Where the passages stand (pipeline.sft.passage_questions), and the share of these
    # conversations in which a passage holds an instruction, which is to be ignored
    passages: int = 0
    passages_in: str = "tool"
    planted_share: float = 0.0
    saying: int = 0  # requests to say a word; 0: none
    # running sums over a dictionary, in turns; 0: none. The longest: sixteen turns with their steps
    # take some 400 tokens of the demo's tokenizer
    running_sums: int = 0
    running_sum_turns: int = 8
    chains: int = 300  # two of the above joined into one conversation of several turns
    system_share: float = 0.1  # of conversations, how many open with a system message

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="questions_per_fact max_operand_digits search_passages running_sum_turns",
            at_least={"search_passage_characters": 50},
            shares=(
                "validation_fraction held_out_fraction interrogated_fraction worked_share"
                " system_share tools_unneeded_share tools_missing_share planted_share"
                " search_unneeded_share search_missing_share"
            ),
            one_of={"passages_in": PLACES},
        )
        ranges.refuse(
            self,
            (
                self.tools_unneeded_share + self.tools_missing_share > 1,
                "tools_unneeded_share and tools_missing_share are more than 1 together",
            ),
            (
                self.search_unneeded_share + self.search_missing_share > 1,
                "search_unneeded_share and search_missing_share are more than 1 together",
            ),
        )
        try:
            entries_of(self.task_mixture, generated=True)
        except ValueError as error:
            ranges.refuse(self, (True, f"task_mixture: {error}"))


@dataclasses.dataclass(frozen=True)
class ImportedConversationsConfig:
    """How files of conversations (`input.conversations`) are read."""

    # FORMAT of all files, or NAME=FORMAT of those whose name fits a pattern, the first that fits:
    # openai, sharegpt, alpaca or prompt_completion; of others it is found by looking
    formats: tuple[str, ...] = ()
    # rows of a file that are looked at for its format: the most common one is the file's
    looked_at_rows: int = 200
    # longer ones are rejected: they must fit a context whole; 0: the base model's context, which
    # then stands in the digest
    max_tokens: int = 0
    # of the first questions, by hash: the same question is never in both splits
    validation_fraction: float = 0.03
    drop_duplicates: bool = True  # of all files together, the first one stays

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="looked_at_rows", below_one="validation_fraction")
        unknown = [entry for entry in self.formats if entry.rpartition("=")[2] not in FORMATS]
        ranges.refuse(
            self,
            (
                bool(unknown),
                f"formats: {', '.join(unknown)}: write FORMAT or NAME=FORMAT, with one of"
                f" {', '.join(FORMATS)}",
            ),
        )


@dataclasses.dataclass(frozen=True)
class SftConfig:
    """Fine-tuning on conversations, with some pretraining text against forgetting."""

    # 16 rows of conversations of 192 tokens hold about 64 of them; 4 more rows are pages
    loop: LoopConfig = dataclasses.field(
        default_factory=lambda: LoopConfig(
            steps=900, rows_per_step=20, warmup_steps=20, validate_every=50, validation_rows=32
        )
    )
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    # On the optimizer's rates above. At 0.2 spelling was not learned; without pages mixed in, 0.3
    # destroyed what the base knew (150 steps, one seed); with them it costs 0.015 bits per byte.
    rate_factor: float = 0.3
    pretraining_share: float = 0.2  # of the rows of a step
    # The model is (1 - this) times the base's weights plus this times the tuned ones (WiSE-FT,
    # Wortsman et al. 2021, arXiv 2109.01903); 1: as tuned. At 0.9 a page costs 2% more bits than
    # for the base instead of 5%, and new facts and sums are answered more often, not less.
    interpolation: float = 0.9
    # SOURCE=NUMBER: how often a pass holds the conversations of a source (facts, imported/*, …), or
    # which share of the tokens it has; see pipeline.sft.mixture. Empty: each once.
    mixture: tuple[str, ...] = ()
    mixture_unit: str = "epochs"  # of those numbers: epochs or weights
    # rank above 0: only low-rank changes and the conversation tokens' rows are trained, so that a
    # large base fits on one GPU; rate_factor then means nothing
    lora: LoraConfig = dataclasses.field(default_factory=LoraConfig)
    precision: str = "auto"  # float32, bfloat16 or auto; resolved before the digest is made
    products: str = "auto"  # as PretrainConfig's
    threads: int = 2
    device: str = "auto"
    seed: int = 0  # order of conversations

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="rate_factor threads interpolation",
            shares="interpolation",
            below_one="pretraining_share",  # a row of each step at least is conversations
            one_of={"mixture_unit": UNITS},
        )
        try:
            sources_of(self.mixture)
        except ValueError as error:
            ranges.refuse(self, (True, f"mixture: {error}"))
