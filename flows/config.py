"""The one typed config of a run: a table for each stage, validated before anything runs.

A preset (flows/presets/*.toml) names only what differs from the stages' own defaults. What is
given besides, as `--set table.key=value`, as a deployment's parameters or in the UI's form, is
laid over the preset. `auto` for device, precision and products is settled to this machine's before
a digest is made.
"""

import dataclasses
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from flows.curves import LoggingConfig
from flows.impossible import impossible
from flows.ranges import out_of_range
from pipeline.config import to_dict
from pipeline.corpus.config import AssembleConfig, CorpusConfig, DedupConfig, SelectConfig
from pipeline.corpus.recipes import DEFAULT_RECIPE, TABLES, recipe
from pipeline.crawl.sample_web.config import SampleWebConfig
from pipeline.crawl.source import DownloadConfig
from pipeline.evals.config import EvalConfig, PositionsConfig
from pipeline.filters.quality_model import QualityModelConfig
from pipeline.rl.config import RlConfig
from pipeline.sft.config import SftConfig, SynthesisConfig
from pipeline.tokenizer.config import ShardConfig, TokenizerConfig, TokenizerReportConfig
from pipeline.training.config import ExtendConfig, PretrainConfig, ScalingConfig
from pipeline.training.depth import DIAL_SHAPE, dial
from storage.errors import UserError
from storage.redaction import hide

PRESETS = Path(__file__).parent / "presets"
DEFAULT_PRESET = "demo"
MOST = 2**63  # of any number of a config, and no number is infinite


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
    benchmarks: tuple[str, ...] = ()  # files of evaluation sets, for assemble.decontamination
    # files of in-context tasks, or a folder of them, which suite `core` then asks
    tasks: tuple[str, ...] = ()
    # a lake's duplicates artifact (digest) of the dump before: what it kept is not kept again
    previous_duplicates: str = ""


class RunConfig(BaseModel):
    """Every setting of a run, by stage."""

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
    corpus: CorpusConfig = Field(
        default_factory=CorpusConfig, description="the pass over each WARC: main text and signals"
    )
    select: SelectConfig = Field(
        default_factory=SelectConfig, description="which pages are kept, by their signals"
    )
    dedup: DedupConfig = Field(default_factory=DedupConfig, description="what counts as the same")
    assemble: AssembleConfig = Field(
        default_factory=AssembleConfig, description="personal data, evaluation sets, split"
    )
    quality_model: QualityModelConfig = Field(
        default_factory=QualityModelConfig, description="the learned quality filter"
    )
    tokenizer: TokenizerConfig = Field(default_factory=TokenizerConfig)
    tokenizer_report: TokenizerReportConfig = Field(
        default_factory=TokenizerReportConfig, description="bytes per token, by language and size"
    )
    tokens: ShardConfig = Field(default_factory=ShardConfig, description="token shards")
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
    synthesis: SynthesisConfig = Field(
        default_factory=SynthesisConfig, description="conversations made from the corpus"
    )
    sft: SftConfig = Field(default_factory=SftConfig, description="supervised fine-tuning")
    rl: RlConfig = Field(default_factory=RlConfig, description="reinforcement learning")
    evals: EvalConfig = Field(default_factory=EvalConfig, description="what is measured")

    @model_validator(mode="after")
    def _possible(self) -> "RunConfig":
        tree = {name: to_dict(getattr(self, name)) for name in RunConfig.model_fields}
        for problem in (*out_of_range(tree), *impossible(self)):
            raise ValueError(problem)
        return self


# A flow's parameter: what the UI or a deployment gives may be partial, the preset fills it up.
Settings = Annotated[
    RunConfig, BeforeValidator(lambda v: full_tree(v) if isinstance(v, dict) else v)
]


def preset_names() -> list[str]:
    """The presets there are."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(
    preset: str = DEFAULT_PRESET, changes: list[str] | None = None, **tables: Any
) -> RunConfig:
    """A preset with `table.key=value` changes and tables laid over it; UserError if it can't be."""
    given: dict[str, Any] = {"preset": preset, **tables}
    for change in changes or []:
        _insert(given, *parse_change(change))
    try:
        return RunConfig.model_validate(full_tree(given))
    except ValidationError as error:
        raise UserError(_one_line(error)) from error


def full_tree(given: dict[str, Any]) -> dict[str, Any]:
    """Defaults, then the preset, then what is given, as one nested dict."""
    given = hide(given)  # what is a secret in an address goes no further, to no database either
    name = given.get("preset", DEFAULT_PRESET)
    path = PRESETS / f"{name}.toml"
    if name not in preset_names():
        raise UserError(f"unknown preset {name!r}: one of {', '.join(preset_names())}")
    chosen = tomllib.loads(path.read_text())
    named = given.get("recipe", chosen.get("recipe", DEFAULT_RECIPE))
    if not isinstance(named, str):
        raise UserError(f"recipe: {named!r} is no text")
    tree = _defaults(named)
    _lay_over(tree, {**chosen, "preset": name}, "")
    _lay_over(tree, given, "")
    if tree["pretrain"]["depth"]:
        _turn_the_dial(tree, chosen, given)
    return tree


def _turn_the_dial(tree: dict[str, Any], chosen: dict[str, Any], given: dict[str, Any]) -> None:
    """The numbers that follow from pretrain.depth; those set beside it, not below it, stay."""
    above = [given.get("pretrain", {})]
    if "depth" not in above[0]:  # the preset turns it, so the preset's own numbers stay as well
        above.insert(0, chosen.get("pretrain", {}))
    pretrain = tree["pretrain"]
    fixed = {
        table: {key: pretrain[table][key] for tables in above for key in tables.get(table, {})}
        for table in ("shape", "loop", "optimizer")
    }
    for key, value in pretrain["shape"].items():
        if key not in DIAL_SHAPE:
            fixed["shape"].setdefault(key, value)
    vocab_size, ratio = tree["tokenizer"]["vocab_size"], pretrain["tokens_per_parameter"]
    for table, numbers in dial(pretrain["depth"], vocab_size, ratio, fixed).items():
        _lay_over(pretrain[table], numbers, f"pretrain.{table}.")


def parse_change(text: str) -> tuple[str, Any]:
    """`rl.steps=10` as its key and TOML value; a bare word counts as a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"--set {text}: write it as table.key=value, e.g. rl.steps=10")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if value.strip() and all(c.isalnum() or c in "-_./:" for c in value.strip()):
            return key.strip(), value.strip()
        raise UserError(f"--set {text}: {value!r} is no TOML value (text needs quotes)") from None


def settle(stage: Any) -> Any:
    """A stage's config with device, precision and products as this machine has them, not `auto`."""
    from pipeline.model import device, precision, products

    chosen = device.pick(stage.device)
    return dataclasses.replace(
        stage,
        device=chosen.type,
        precision=precision.resolve(stage.precision, chosen),
        products=products.resolve(stage.products, chosen),
    )


def _defaults(recipe_name: str) -> dict[str, Any]:
    config = RunConfig(preset=DEFAULT_PRESET, recipe=DEFAULT_RECIPE)
    tree = {name: to_dict(getattr(config, name)) for name in RunConfig.model_fields}
    chosen = recipe(recipe_name)
    return {**tree, **{table: to_dict(getattr(chosen, table)) for table in TABLES}}


def _lay_over(tree: dict[str, Any], given: dict[str, Any], where: str) -> None:
    for key, value in given.items():
        name = f"{where}{key}"
        if key not in tree:
            place = f"in {where[:-1]}" if where else "as a table"
            raise UserError(f"unknown key {name!r}: {place} there are {', '.join(sorted(tree))}")
        old = tree[key]
        if isinstance(old, dict):
            if not isinstance(value, dict):
                raise UserError(f"{name} is a table: set one of {', '.join(sorted(old))} in it")
            _lay_over(old, value, f"{name}.")
        elif not _fits(old, value):
            raise UserError(f"{name}: {value!r} is no {_kind(old)}")
        else:
            tree[key] = value


def _fits(old: Any, new: Any) -> bool:
    """Whether a value is of the kind that stands there: TOML tells 1 from true and from "1"."""
    if old is None:
        return True
    if isinstance(old, bool) or isinstance(new, bool):
        return isinstance(old, bool) and isinstance(new, bool)
    if isinstance(new, int | float) and not abs(new) < MOST:  # nor nan
        return False
    if isinstance(old, float):
        return isinstance(new, int | float)
    if isinstance(old, list):
        return isinstance(new, list | tuple)
    return isinstance(new, type(old))


def _kind(value: Any) -> str:
    kinds: dict[type, Literal["true or false", "whole number", "number", "list", "text"]] = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        list: "list",
    }
    return kinds.get(type(value), "text")


def _insert(tree: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    for table in tables:
        tree = tree.setdefault(table, {})
        if not isinstance(tree, dict):
            raise UserError(f"--set {key}: {table} is no table")
    tree[last] = value


def _one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").splitlines()[0]
    return f"{place}: {message}" if place else message
