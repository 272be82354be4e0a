"""Measures one model: a suite is a module of this package, a score a row with n and an interval.

In: a model folder; the corpus; the crawl if it has facts.parquet (the sample web does); files of
tasks for suites `core`, `chat_core` and `refusals`. Only `core`, `few_shot`, `refusals`, `self`,
`tasks`, `tools`, `horizon` and nanochat's part of `chat_core` need no corpus. Out: evals.parquet,
and samples.parquet for people to read. With the same seed every model is asked the same questions.
"""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from pipeline import model as models
from pipeline.evals import (
    arithmetic_suite,
    bits_per_byte_suite,
    chat_core,
    chat_core_files,
    compression,
    core,
    facts_suite,
    few_shot,
    forgetting,
    format_suite,
    honesty_change,
    honesty_suite,
    horizon_suite,
    injection_suite,
    memorization,
    page_bits,
    preferences_suite,
    refusals_suite,
    search_suite,
    self_suite,
    simulate,
    spelling_suite,
    talk,
    targets_suite,
    tasks_suite,
    tools_suite,
    turns,
)
from pipeline.evals.asking import FactRow, Scores, Subject, spread
from pipeline.evals.config import ALSO_CHAT, PAGE_SUITES, EvalsConfig
from pipeline.sft.conversation_loader import encode
from pipeline.sft.conversations import ConversationRow
from pipeline.stage import Progress, Stage
from pipeline.training import runtime
from pipeline.training.data_loader import RowPart
from pipeline.training.watchdog import Watchdog
from storage.errors import UserError
from storage.schemas import EVALS, SAMPLES
from storage.tables import read_table, table, write_table

STAGE_OF = {"base": "pretrain"}  # the stage that made a model, if its name is another
WITHOUT_CORPUS = ("core", "chat_core", "few_shot", "refusals", "self", "tasks", "tools", "horizon")


class EvalsInputs(TypedDict):
    """Folders of artifacts, one each, and files of tasks."""

    model: list[Path]
    corpus: NotRequired[list[Path]]
    crawl: NotRequired[list[Path]]
    tasks: NotRequired[list[Path]]
    base: NotRequired[list[Path]]  # of a tuned model: what it began with, for suite `forgetting`
    conversations: NotRequired[list[Path]]  # whose held-back ones it reads
    # of a model that learned to admit ignorance: the fine-tuned one before, for suite `honesty`
    before: NotRequired[list[Path]]
    reward_model: NotRequired[list[Path]]  # whose score of the replies suite `preferences` adds


class EvalsStatistics(TypedDict):
    """Of an `evals` artifact."""

    model: str
    scores: dict[str, list[Any]]  # by suite/task/metric: value (None: not measured) and n
    missing_core_tasks: NotRequired[list[str]]  # of suite `core`: tasks without a file
    # of nanochat's ChatCORE, where files were given: tasks without a file or a sandbox
    missing_chat_core_tasks: NotRequired[list[str]]


def build(
    out: Path,
    inputs: EvalsInputs,
    config: EvalsConfig,
    progress: Progress,
    scratch: Path,
) -> EvalsStatistics:
    """The `evals` stage."""
    for suite in config.suites:
        if suite == "core" and not inputs.get("tasks"):
            raise UserError("suite core needs files of tasks: --tasks FOLDER (input.tasks)")
        if suite == "core":
            core.read(inputs["tasks"])  # a row that can't be asked is reported before any work
        if suite == refusals_suite.SUITE:
            refusals_suite.read(inputs.get("tasks", []))  # likewise
        if suite == "chat_core":
            given = chat_core_files.read(inputs.get("tasks", []))
            if not given and not inputs.get("corpus"):
                raise UserError(
                    "suite chat_core needs a corpus, or files of nanochat's ChatCORE:"
                    " --tasks FOLDER"
                )
        if suite not in WITHOUT_CORPUS and not inputs.get("corpus"):
            raise UserError(f"suite {suite} needs a corpus: name a lake that has one")
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    model, tokenizer = models.load(inputs["model"][0], device, dtype)
    model.eval()
    with Watchdog(config.watchdog_seconds) as watchdog:
        watchdog.expect("")
        subject = Subject(model, tokenizer, config, watchdog.expect)
        scores, missing, missing_chat = measure(subject, inputs, progress)
    if not scores.rows:
        raise UserError("no suite had anything to measure: the corpus has no validation documents")
    common = {"model": config.model, "stage": STAGE_OF.get(config.model, config.model)}
    rows = [{**common, **row, "seed": config.seed} for row in scores.rows]
    samples = [{"model": config.model, **row} for row in scores.samples]
    write_table(table(rows, EVALS), out / "evals.parquet")
    write_table(table(samples, SAMPLES), out / "samples.parquet")
    statistics: EvalsStatistics = {
        "model": config.model,
        "scores": {
            f"{row['suite']}/{row['task']}/{row['metric']}": [row["value"], row["n"]]
            for row in rows
        },
    }
    if "core" in config.suites:
        statistics["missing_core_tasks"] = missing
    if missing_chat:
        statistics["missing_chat_core_tasks"] = missing_chat
    return statistics


def measure(
    subject: Subject, inputs: EvalsInputs, progress: Progress
) -> tuple[Scores, list[str], list[str]]:
    """Run all suites of the config in their order.

    Returns:
        The scores, the names of CORE's tasks that had no file, and, if one of nanochat's ChatCORE
        had, of those that weren't asked.
    """
    config = subject.config
    corpus = inputs["corpus"][0] if inputs.get("corpus") else None  # else no suite asks for pages
    train, validation = (
        page_bits.Pages(corpus or Path(), name) for name in ("train", "validation")
    )
    known = _facts(inputs)
    questions = [fact["question"] for fact in known]
    limits = config.validation_documents, config.validation_bytes
    measured: dict[str, page_bits.PageBits] = {}
    missing: list[str] = []
    missing_chat: list[str] = []

    def read(name: str) -> page_bits.PageBits:  # by the model, once for all suites
        if name not in measured:
            split = {"validation": validation, "train": train}[name]
            measured[name] = page_bits.measure(subject, page_bits.choose(split, *limits))
        return measured[name]

    # What several suites score is asked once.
    @functools.cache
    def facts() -> facts_suite.AskedFacts:
        return facts_suite.ask(subject, known)

    def honest(scores: Scores) -> None:
        honesty_suite.report(facts(), config, scores)
        if subject.chats and inputs.get("before"):
            before = _subject(inputs["before"][0], subject)
            compared = honesty_change.compare(subject, before, facts())
            honesty_change.report(facts(), compared, config, scores)

    @functools.cache
    def sums() -> arithmetic_suite.AskedSums:
        return arithmetic_suite.ask(subject, train.texts(config.scanned_bytes))

    def texts() -> Iterable[str]:
        return train.texts(config.scanned_bytes)

    @functools.cache
    def words() -> spelling_suite.AskedWords:
        return spelling_suite.ask(subject, texts)

    @functools.cache
    def forms() -> format_suite.AskedForms:
        return format_suite.ask(subject, known)

    @functools.cache
    def requests() -> refusals_suite.AskedRequests:
        return refusals_suite.ask(subject)

    def refusals(scores: Scores) -> None:
        refusals_suite.report(requests(), config, scores)
        if files := refusals_suite.named(inputs.get("tasks", [])):
            refusals_suite.report(refusals_suite.ask_files(subject, files), config, scores)

    def chat(scores: Scores) -> None:
        if corpus is not None:
            tasks = chat_core.tasks(facts(), sums(), words(), forms(), requests())
            chat_core.report(tasks, scores)
            if lacking := chat_core.without(tasks):
                progress.note(f"chat_core: without {', '.join(lacking)}, which have no questions")
        files = inputs.get("tasks", [])
        if chat_core_files.has_any(files):
            missing_chat.extend(chat_core_files.measure(subject, files, scores))

    def compress(scores: Scores) -> None:
        compression.measure(subject, read("validation"), read("train"), train.texts, scores)

    suites: dict[str, Callable[[Scores], None]] = {
        "bits_per_byte": lambda s: bits_per_byte_suite.measure(
            read("validation"), train.texts(config.counted_bytes), subject, s
        ),
        "domains": lambda s: bits_per_byte_suite.by_domain(read("validation"), config, s),
        "compression": compress,
        "simulator": lambda s: simulate.measure(subject, validation, s),
        "memorization": lambda s: memorization.measure(subject, train, validation, s),
        "few_shot": lambda s: few_shot.measure(subject, known, s),
        "core": lambda s: missing.extend(core.measure(subject, inputs["tasks"], s, progress)),
        "chat_core": chat,
        "facts": lambda s: facts_suite.report(facts(), config, s),
        "honesty": honest,
        "targets": lambda s: targets_suite.measure(subject, known, s),
        "talk": lambda s: talk.measure(subject, known, s),
        "forgetting": lambda s: forgetting.measure(
            subject,
            models.load(inputs["base"][0], subject.model.device, subject.model.compute_dtype)[0],
            [page.text for page in page_bits.choose(validation, *limits)],
            _held_back(inputs, subject),
            s,
        ),
        "turns": lambda s: turns.measure(subject, questions, s),
        "arithmetic": lambda s: arithmetic_suite.report(sums(), config, s),
        "spelling": lambda s: spelling_suite.report(words(), texts, config, s),
        "format": lambda s: format_suite.report(forms(), config, s),
        "refusals": refusals,
        "self": lambda s: self_suite.measure(subject, s),
        preferences_suite.SUITE: lambda s: preferences_suite.measure(
            subject, (facts(), sums(), requests()), inputs.get("reward_model", []), s
        ),
        tasks_suite.SUITE: lambda s: tasks_suite.measure(subject, s),
        tools_suite.SUITE: lambda s: tools_suite.measure(subject, known, s, progress),
        search_suite.SUITE: lambda s: search_suite.measure(
            subject, corpus or Path(), known, s, progress
        ),
        injection_suite.SUITE: lambda s: injection_suite.measure(subject, texts(), s, progress),
        horizon_suite.SUITE: lambda s: horizon_suite.measure(subject, s, progress),
    }
    # What makes sense only for pages is asked only of base models.
    skipped = {suite for suite in PAGE_SUITES if suite not in ALSO_CHAT} if subject.chats else set()
    if not subject.chats:
        # It has no system message, calls nothing and reads no call's output.
        skipped |= {
            *(targets_suite.SUITE, tools_suite.SUITE),
            *(search_suite.SUITE, injection_suite.SUITE),
        }
    if not inputs.get("base"):
        skipped.add(forgetting.SUITE)
        if subject.chats and forgetting.SUITE in config.suites:
            progress.note("forgetting: not measured, for no base is given to compare with")
    chosen = [suite for suite in config.suites if suite not in skipped]
    scores = Scores()
    for done, suite in enumerate(chosen):
        progress.update(done, len(chosen), "suites", suite=suite)
        suites[suite](scores)
    progress.update(len(chosen), len(chosen), "suites")
    if missing:
        progress.note(f"core: no file for {', '.join(missing)}; the mean is of the other tasks")
    if missing_chat:
        progress.note(f"nanochat's ChatCORE: without {', '.join(missing_chat)}")
    return scores, missing, missing_chat


def _subject(folder: Path, like: Subject) -> Subject:
    """Another model, asked as this one is."""
    model, tokenizer = models.load(folder, like.model.device, like.model.compute_dtype)
    model.eval()
    return Subject(model, tokenizer, like.config, like.moved)


def _held_back(inputs: EvalsInputs, subject: Subject) -> list[RowPart]:
    """The conversations that were held back from fine-tuning, rendered."""
    rows: list[ConversationRow] = []
    for folder in inputs.get("conversations", []):
        rows += read_table(folder / "conversations.parquet").to_pylist()
    held_back = [row for row in rows if row["split"] == "validation"]
    return encode(spread(held_back, subject.config.validation_documents), subject.tokenizer)


def _facts(inputs: EvalsInputs) -> list[FactRow]:
    """The crawl's facts; empty if no crawl is given or it has none."""
    for folder in inputs.get("crawl", []):
        path = folder / "facts.parquet"
        if path.is_file():
            facts: list[FactRow] = read_table(path).to_pylist()
            return facts
    return []


STAGE = Stage("evals", 10, EvalsConfig, build, data=("unicode",))
