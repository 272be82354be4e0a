"""Measures one model: bits per byte, facts, valid turns, arithmetic, spelling.

In: a model folder, the corpus, and the crawl where it carries facts.parquet (the sample web does).
Out: evals.parquet, each score with n and a 95% interval, and samples.parquet for people to read.
The same seed asks every model the same questions.
"""

from pathlib import Path
from typing import Any

from pipeline import model as models
from pipeline.corpus.read import corpus_table
from pipeline.evals import arithmetic, compression, facts, spelling, turns
from pipeline.evals.asking import Scores, Subject
from pipeline.evals.config import SUITES, EvalConfig
from pipeline.stage import Progress, Stage
from pipeline.training import runtime
from storage.errors import UserError
from storage.schemas import EVALS, SAMPLES
from storage.tables import read_table, table, write_table

STAGE_OF = {"base": "pretrain"}  # the stage that made a model, where it has another name


def build(
    out: Path,
    inputs: dict[str, list[Path]],
    config: EvalConfig,
    progress: Progress,
    scratch: Path,
) -> dict[str, Any]:
    """The `evals` stage."""
    for suite in config.suites:
        if suite not in SUITES:
            raise UserError(f"unknown suite {suite!r}: one of {', '.join(SUITES)}")
    device, dtype = runtime.prepare(config.device, config.precision, config.threads)
    model, tokenizer = models.load(inputs["model"][0], device, dtype)
    model.eval()
    subject = Subject(model, tokenizer, config)
    documents = corpus_table(inputs["corpus"][0], ["id", "text", "split"])
    validation, train = [], []
    for row in documents.to_pylist():
        if row["split"] == "validation":
            validation.append((row["id"], row["text"]))
        else:
            train.append(row["text"])
    known = _facts(inputs)
    questions = [fact["question"] for fact in known]
    suites = {
        "bits_per_byte": lambda scores: compression.measure(subject, validation, scores),
        "facts": lambda scores: facts.measure(subject, known, scores),
        "turns": lambda scores: turns.measure(subject, questions, scores),
        "arithmetic": lambda scores: arithmetic.measure(subject, train, scores),
        "spelling": lambda scores: spelling.measure(subject, train, scores),
    }
    scores = Scores()
    for done, suite in enumerate(config.suites):
        progress.update(done, len(config.suites), "suites", suite=suite)
        suites[suite](scores)
    progress.update(len(config.suites), len(config.suites), "suites")
    if not scores.rows:
        raise UserError("no suite had anything to measure: the corpus has no validation documents")
    common = {"model": config.model, "stage": STAGE_OF.get(config.model, config.model)}
    rows = [{**common, **row, "seed": config.seed} for row in scores.rows]
    samples = [{"model": config.model, **row} for row in scores.samples]
    write_table(table(rows, EVALS), out / "evals.parquet")
    write_table(table(samples, SAMPLES), out / "samples.parquet")
    return {
        "model": config.model,
        "scores": {
            f"{row['suite']}/{row['task']}/{row['metric']}": [row["value"], row["n"]]
            for row in rows
        },
    }


def _facts(inputs: dict[str, list[Path]]) -> list[dict[str, Any]]:
    """The crawl's facts, where a crawl was handed over and carries them."""
    for folder in inputs.get("crawl", []):
        path = folder / "facts.parquet"
        if path.is_file():
            return read_table(path).to_pylist()
    return []


STAGE = Stage("evals", 1, EvalConfig, build)
