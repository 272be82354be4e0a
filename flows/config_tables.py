"""The tables of a run's config and their types: which crawl, where curves go, each stage's own."""

import dataclasses

from pydantic import BaseModel, ConfigDict, Field

from pipeline import ranges
from pipeline.connect_four.config import (
    GameConversationsConfig,
    GameEvalsConfig,
    GameRlConfig,
    GameSftConfig,
    GameTableConfig,
)
from pipeline.corpus.config import CorpusConfig, SelectConfig
from pipeline.corpus.recipes import DEFAULT_RECIPE
from pipeline.crawl.source import DownloadConfig
from pipeline.dedup.config import DedupConfig
from pipeline.evals.config import EvalsConfig, PositionsConfig
from pipeline.filters.quality_model import QualityModelConfig
from pipeline.labels.config import LabelsConfig
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.reward_config import RewardModelConfig
from pipeline.rl.config import RlConfig, SolutionsConfig
from pipeline.sample_web.config import SampleWebConfig
from pipeline.scan.config import ScanConfig
from pipeline.sft.config import ConversationsConfig, ImportedConversationsConfig, SftConfig
from pipeline.sft.interrogation.config import InterrogationConfig, interrogated_defaults
from pipeline.sft.teacher.config import TeacherConfig
from pipeline.tokenizer.config import TokenizerConfig, TokenizerReportConfig, TokensConfig
from pipeline.tools.config import SearchIndexConfig
from pipeline.training.config import ExtendConfig, PretrainConfig, ScalingConfig

DEFAULT_PRESET = "demo"
RUNNERS = ("threads", "ray")


@dataclasses.dataclass(frozen=True)
class InputConfig:
    """Which crawl, and how many of its files at a time. Not part of any digest."""

    # WARC, WET or ARC files, globs, folders, addresses of files, or dumps (CC-MAIN-2024-22,
    # CC-MAIN-latest); empty: the embedded sample web is made and used
    paths: tuple[str, ...] = ()
    # Of a dump its first so many files (it has 90,000 of about 1 GB); -1 = all, 0 = the first, or
    # any where pages are chosen by what follows.
    files: int = 0
    # Of a dump only the pages of these hosts (example.com, *.example.com), whose main language is
    # this (deu or de), whose address fits this (glob, or /regular expression/): fetched one by one.
    # A language alone, of some `files` or local ones, is left to the pass.
    hosts: tuple[str, ...] = ()
    language: str = ""
    match: str = ""
    pages: int = 0  # at most so many of them; 0 = all
    wet: bool = False  # a dump's ready-made text (WET) instead of its pages
    # false: the pages' text as crawled, personal data and all, goes once the corpus is made of it;
    # another corpus of the same files then takes another pass over them
    keep_raw_text: bool = True
    workers: int = 0  # WARC files at a time; 0 = as many as there are cores
    # files whose pages are selected, compared and joined in one task; changes no row, but which
    # files of the lake hold it. 50 of Common Crawl's leave about 1 GB.
    group_files: int = 50
    # who reads them: threads of this machine, or a Ray cluster. The bytes are the same.
    runner: str = "threads"
    # of a running cluster (HOST:6379, or ray://HOST:10001 from outside it); empty: RAY_ADDRESS, or
    # a Ray of this machine alone, for the length of the run
    ray_address: str = ""
    processes: int = 1  # training processes (torchrun) on each node; one for each GPU
    # Machines that train together, each started with its own number; the lake must be a folder that
    # all see under one path. Node 0 runs the flow and writes, the others train with it.
    nodes: int = 1
    node_rank: int = 0  # this machine's number, 0 to nodes - 1
    rendezvous: str = ""  # HOST:PORT of node 0, as the others reach it; with nodes > 1
    rendezvous_seconds: float = 600.0  # that nodes wait for each other before a try has failed
    # a fastText model for select's filter `learned`; empty: the newest one of the lake
    quality_model: str = ""
    # what quality-model learns from: files of good texts, and of others. "corpus" is the lake's
    # corpus; without others the pages of the crawl are taken.
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()  # files of evaluation sets, for each decontamination
    # Files of in-context tasks, or a folder of them, which suite `core` then asks; among them
    # gsm8k_train.jsonl, where `rl.tasks` names gsm8k.
    tasks: tuple[str, ...] = ()
    # Files of conversations to fine-tune on, globs or folders: JSON lines or Parquet in OpenAI's,
    # ShareGPT's, Alpaca's or the prompt/completion format.
    conversations: tuple[str, ...] = ()
    # A base model instead of pretraining: a Hugging Face folder (Qwen3, Llama, GPT-2), a .gguf file
    # or the digest of a model in the lake. With `conversations` and no `paths` no page is read.
    base: str = ""
    # likewise, what `run rl` and `run rlhf` start from as it is
    chat_model: str = ""
    # likewise, a model that chats: what `solutions` are sampled from, and whom RL's student is held
    # against where rl.distillation_weight is above 0
    teacher_model: str = ""
    # The labelers' store that `labels` reads (empty: the lake's own); fine-tuning and preferences
    # do where it is named.
    labels: str = ""
    # Files of pairs of answers, the better one named, globs or folders: JSON lines or Parquet with
    # chosen and rejected, which preferences take in.
    preferences: tuple[str, ...] = ()
    # a lake's duplicates artifact (digest) of the dump before: what it kept is not kept again
    previous_duplicates: str = ""

    def __post_init__(self) -> None:
        ranges.check(
            self,
            above_zero="group_files processes nodes rendezvous_seconds",
            minus_one="files",
            one_of={"runner": RUNNERS},
        )
        host, _, port = self.rendezvous.rpartition(":")
        is_place = bool(host) and port.isdecimal() and 0 < int(port) < 65536
        ranges.refuse(
            self,
            (
                bool(self.ray_address) and self.runner != "ray",
                "ray_address: only with input.runner=ray (--runner ray)",
            ),
            (
                self.node_rank >= self.nodes,
                f"node_rank ({self.node_rank}): below input.nodes ({self.nodes}), from 0",
            ),
            (
                self.nodes > 1 and not is_place,
                f"rendezvous ({self.rendezvous!r}): HOST:PORT of node 0, as all nodes reach it",
            ),
            (bool(self.rendezvous) and self.nodes == 1, "rendezvous: only with input.nodes"),
            (
                bool(self.chat_model) and bool(self.base or self.conversations),
                "chat_model: RL and RLHF start from it as it is, without input.base or"
                " input.conversations",
            ),
        )


@dataclasses.dataclass(frozen=True)
class LoggingConfig:
    """Where the curves of training runs go while they run. Not part of any digest."""

    tensorboard: bool = True  # event files, a folder a run: `tensorboard --logdir FOLDER`
    # likewise, where its package is installed (pip install wandb); without a key of theirs it
    # writes for a later `wandb sync`
    wandb: bool = False
    trackio: bool = False  # likewise (pip install trackio): `trackio show`
    project: str = "crawl2chat"  # under which wandb and trackio file the runs
    folder: str = ""  # of all runs; empty: `runs` in the lake (of an s3:// lake: in its cache)

    def __post_init__(self) -> None:
        ranges.check(self)


class Tables(BaseModel):
    """All tables, each of the right types; whether they go together `flows.config` asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str = Field(DEFAULT_PRESET, description="what isn't given below comes from this preset")
    input: InputConfig = Field(default_factory=InputConfig, description="where the pages come from")
    download: DownloadConfig = Field(
        default_factory=DownloadConfig, description="how a dump is fetched; changes no digest"
    )
    logging: LoggingConfig = Field(
        default_factory=LoggingConfig,
        description="live curves of training runs; changes no digest",
    )
    sample_web: SampleWebConfig = Field(
        default_factory=SampleWebConfig, description="the embedded sample crawl"
    )
    recipe: str = Field(DEFAULT_RECIPE, description="whose numbers the next four tables start from")
    scan: ScanConfig = Field(
        default_factory=ScanConfig, description="the pass over each WARC: main text and signals"
    )
    select: SelectConfig = Field(
        default_factory=SelectConfig, description="which pages are kept, by their signals"
    )
    dedup: DedupConfig = Field(default_factory=DedupConfig, description="what counts as the same")
    corpus: CorpusConfig = Field(
        default_factory=CorpusConfig, description="personal data, evaluation sets, split"
    )
    quality_model: QualityModelConfig = Field(
        default_factory=QualityModelConfig, description="the learned quality filter"
    )
    search_index: SearchIndexConfig = Field(
        default_factory=SearchIndexConfig, description="the corpus's passages, to look things up in"
    )
    tokenizer: TokenizerConfig = Field(default_factory=TokenizerConfig)
    tokenizer_report: TokenizerReportConfig = Field(
        default_factory=TokenizerReportConfig, description="bytes per token, by language and size"
    )
    tokens: TokensConfig = Field(default_factory=TokensConfig, description="token shards")
    pretrain: PretrainConfig = Field(default_factory=PretrainConfig)
    extend: ExtendConfig = Field(
        default_factory=ExtendConfig, description="a longer context for the base model"
    )
    positions: PositionsConfig = Field(
        default_factory=PositionsConfig, description="bits per byte by place in the page"
    )
    scaling: ScalingConfig = Field(
        default_factory=ScalingConfig, description="a ladder of base models and its law"
    )
    conversations: ConversationsConfig = Field(
        default_factory=ConversationsConfig, description="conversations made from the corpus"
    )
    imported_conversations: ImportedConversationsConfig = Field(
        default_factory=ImportedConversationsConfig,
        description="how files of conversations are read",
    )
    teacher: TeacherConfig = Field(
        default_factory=TeacherConfig, description="conversations made by another model"
    )
    solutions: SolutionsConfig = Field(
        default_factory=SolutionsConfig,
        description="right answers of a larger model to tasks that code can check",
    )
    labels: LabelsConfig = Field(
        default_factory=LabelsConfig, description="tables of what human labelers have finished"
    )
    sft: SftConfig = Field(default_factory=SftConfig, description="supervised fine-tuning")
    interrogation: InterrogationConfig = Field(
        default_factory=InterrogationConfig, description="what a chat model is asked, and labels"
    )
    interrogated: SftConfig = Field(
        default_factory=interrogated_defaults,
        description="fine-tuning on what the interrogation found",
    )
    rl: RlConfig = Field(default_factory=RlConfig, description="reinforcement learning")
    preferences: PreferencesConfig = Field(
        default_factory=PreferencesConfig, description="whose answers are compared, and by whom"
    )
    reward_model: RewardModelConfig = Field(
        default_factory=RewardModelConfig, description="a model of who prefers which answer"
    )
    rlhf: RlhfConfig = Field(
        default_factory=RlhfConfig, description="optimising a chat model for preferences"
    )
    evals: EvalsConfig = Field(default_factory=EvalsConfig, description="what is measured")
    game_table: GameTableConfig = Field(
        default_factory=GameTableConfig, description="connect four: the board and its whole table"
    )
    game_conversations: GameConversationsConfig = Field(
        default_factory=GameConversationsConfig, description="the teacher's games, as conversations"
    )
    game_sft: GameSftConfig = Field(
        default_factory=GameSftConfig, description="a model that imitates the teacher"
    )
    game_rl: GameRlConfig = Field(
        default_factory=GameRlConfig, description="the same model, by practice against itself"
    )
    game_evals: GameEvalsConfig = Field(
        default_factory=GameEvalsConfig, description="how the game's players are judged"
    )
