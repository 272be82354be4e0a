"""The stage `reward_model`: comparisons of answers in, a model that scores answers out.

A client of pretraining's loop. Trained are an ensemble's members (one, unless more are asked for)
on all train pairs, and models on fewer pairs, which say what more comparisons would bring. All of
them are measured on the validation split, whose prompts none has learned from: accuracy,
calibration, and how far members agree. The first member lies in the artifact's folder itself, the
others in folders of it.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from pipeline import model as models
from pipeline.model import Transformer
from pipeline.preferences.preference_pairs import PairSets, TokenPair, nested, read_pairs
from pipeline.preferences.proxy_reward import MEMBER
from pipeline.preferences.reward_calibration import (
    AgreementFigures,
    PairFigures,
    ReliabilityRow,
    agreement_figures,
    pair_figures,
    reliability,
)
from pipeline.preferences.reward_config import USELESS_BELOW, RewardModelConfig
from pipeline.preferences.reward_model import load_reward_model
from pipeline.preferences.reward_run import STAGE_NAME, RewardRun, Uncharted, train_once
from pipeline.stage import SILENT, Progress, Stage
from pipeline.tokenizer import Tokenizer
from pipeline.training import distribution, runtime
from storage.errors import UserError
from storage.schemas import PAIR_CURVE, RELIABILITY
from storage.tables import read_table, table, write_table


class RewardModelInputs(TypedDict):
    """Folders of artifacts."""

    model: list[Path]  # one that converses
    preferences: list[Path]  # whatever has a preferences.parquet, one at least


class RewardModelStatistics(TypedDict):
    """Of a `reward_model` artifact."""

    parameters: int
    precision: str
    processes: int
    members: int
    steps: int  # of each member
    pairs: int  # of split train, ties among them
    prompts: int  # of those
    ties: int  # of those
    refused: dict[str, int]  # comparisons that could not be used, by reason
    raters_by_position: list[str]
    final_loss: float  # nats a pair, of the first member's last step
    validation_ties: int  # which count in none of the figures
    # on the decided pairs of split validation, of the members' mean; None without any
    validation: PairFigures | None
    agreement: AgreementFigures | None  # None of one member, or without validation pairs


def build(
    out: Path,
    inputs: RewardModelInputs,
    config: RewardModelConfig,
    progress: Progress,
    scratch: Path,
) -> RewardModelStatistics | None:
    """The `reward_model` stage."""
    device, dtype = runtime.prepare(
        config.device, config.precision, config.threads, config.products
    )
    check_shared(config)
    chat, tokenizer = models.load(inputs["model"][0], device, dtype)
    if not tokenizer.has_conversation_tokens:
        raise UserError(
            f"{inputs['model'][0]} is no chat model: a reward model starts from the sft stage's, or"
            " a later one"
        )
    if distribution.rank() != 0:
        progress = SILENT
    pairs = read_pairs(inputs["preferences"], tokenizer, chat.config.max_context, config)
    _check(pairs)
    _say(pairs, progress)
    members = _members(chat, tokenizer, pairs.train, config, progress, scratch)
    subsets = _subsets(chat, tokenizer, pairs.train, config, progress, scratch)
    if distribution.rank() != 0:
        return None
    for number, folder in enumerate(members):
        target = out / f"{MEMBER}{number}" if number else out
        clock = (
            shutil.ignore_patterns("provenance") if number else None
        )  # it differs from run to run
        shutil.copytree(folder, target, ignore=clock, dirs_exist_ok=True)
    decided = [pair for pair in pairs.validation if not pair.tie]
    measured, agreement = None, None
    bins: list[ReliabilityRow] = []
    if decided:
        scores = [_scores(folder, decided, device, dtype) for folder in members]
        chosen, rejected = (np.array(part) for part in zip(*scores))  # [members, pairs]
        asked = [pair.prompt for pair in decided]
        mean = chosen.mean(axis=0), rejected.mean(axis=0)
        measured = pair_figures(*mean, asked, config.bootstrap, config.seed)
        progress.note(f"{STAGE_NAME}: {_said(measured)}")
        if len(members) > 1:
            agreement = agreement_figures(chosen, rejected)
            bins += [{**row, "member": None} for row in reliability(*mean)]
        for number, (won, lost) in enumerate(scores):
            bins += [{**row, "member": number} for row in reliability(won, lost)]
    else:
        progress.note(f"{STAGE_NAME}: no decided comparison of split validation: nothing measured")
    curve = [
        _curve_row(folder, run, subset, decided, device, dtype)
        for folder, run, subset in subsets
        if decided
    ]
    write_table(table(bins, RELIABILITY), out / "reliability.parquet")
    write_table(table(curve, PAIR_CURVE), out / "pair_curve.parquet")
    metrics = read_table(out / "metrics.parquet")
    return {
        "parameters": chat.parameter_count - _language_head(chat) + chat.config.width,
        "precision": str(dtype).removeprefix("torch."),
        "processes": distribution.world(),
        "members": len(members),
        "steps": metrics["step"][-1].as_py(),
        "pairs": len(pairs.train),
        "prompts": len({pair.prompt for pair in pairs.train}),
        "ties": sum(pair.tie for pair in pairs.train),
        "refused": pairs.refused,
        "raters_by_position": pairs.raters_by_position,
        "final_loss": metrics["loss"][-1].as_py(),
        "validation_ties": len(pairs.validation) - len(decided),
        "validation": measured,
        "agreement": agreement,
    }


def check_shared(config: RewardModelConfig) -> None:
    """Refuse batches that the processes can't share."""
    if config.pairs_per_step % distribution.world():
        raise UserError(
            f"reward_model.pairs_per_step is {config.pairs_per_step}: it must be a multiple of the"
            f" {distribution.world()} processes"
        )


def _check(pairs: PairSets) -> None:
    """Refuse what nothing can be learned from."""
    why = ", ".join(f"{count:,} {reason}" for reason, count in pairs.refused.items())
    left_out = f" (left out: {why})" if why else ""
    if not pairs.train:
        raise UserError(
            f"no comparison of split train can be used{left_out}: a reward model learns from pairs"
        )
    if all(pair.tie for pair in pairs.train):
        raise UserError(
            f"all {len(pairs.train):,} comparisons of split train are ties{left_out}: nothing says"
            " which answer is better"
        )


def _say(pairs: PairSets, progress: Progress) -> None:
    train, validation = pairs.train, pairs.validation
    ties = sum(pair.tie for pair in train)
    progress.note(
        f"{STAGE_NAME}: {len(train):,} comparisons of {len({p.prompt for p in train}):,} prompts"
        f" ({ties:,} ties), {len(validation):,} for validation"
    )
    for reason, count in pairs.refused.items():
        progress.note(f"{STAGE_NAME}: {count:,} comparisons left out: {reason}")
    for rater in pairs.raters_by_position:
        progress.note(f"{STAGE_NAME}: {rater or 'a rater'} chose by an answer's place: left out")
    if len(train) < USELESS_BELOW:
        progress.note(
            f"{STAGE_NAME}: fewer than {USELESS_BELOW:,} comparisons, with which Gao et al. 2022"
            " found models hardly better than chance: look at the accuracy before optimising"
        )


def _members(
    chat: Transformer,
    tokenizer: Tokenizer,
    pairs: Sequence[TokenPair],
    config: RewardModelConfig,
    progress: Progress,
    scratch: Path,
) -> list[Path]:
    """The folders of the ensemble's members, trained on all pairs; the first draws the curve."""
    folders = []
    for number in range(config.ensemble):
        run = RewardRun(config, config.seed + number, len(pairs))
        told = Uncharted(progress) if number else progress
        # the first one's checkpoints lie where every stage's do
        place = scratch / f"{MEMBER}{number}" if number else scratch
        folders.append(train_once(chat, tokenizer, pairs, run, place, told))
    return folders


def _subsets(
    chat: Transformer,
    tokenizer: Tokenizer,
    pairs: Sequence[TokenPair],
    config: RewardModelConfig,
    progress: Progress,
    scratch: Path,
) -> list[tuple[Path, RewardRun, list[TokenPair]]]:
    """Models on fewer pairs: their folders, what they are made of, and the pairs."""
    made = []
    for count in config.pair_counts:
        if count > len(pairs):
            progress.note(f"{STAGE_NAME}: pair_counts {count:,}: there are only {len(pairs):,}")
            continue
        for number in range(config.pair_seeds):
            run = RewardRun(config, config.seed + number, count)
            subset = nested(pairs, run.seed)[:count]
            place = scratch / f"pairs-{count}-{number}"
            told = Uncharted(progress)
            made.append((train_once(chat, tokenizer, subset, run, place, told), run, subset))
    return made


def _scores(
    folder: Path, pairs: Sequence[TokenPair], device: torch.device, dtype: torch.dtype
) -> tuple[np.ndarray, np.ndarray]:  # [pairs] float64 each
    """The scores that a trained model gives winners and losers.

    Raises:
        UserError: one is no finite number; it names the comparison.
    """
    model, _ = load_reward_model(folder, device, dtype)
    both = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    scores = model.score(both).double().numpy()
    if not np.isfinite(scores).all():
        first = int(np.argmax(~np.isfinite(scores))) % len(pairs)
        raise UserError(
            f"the reward model gives no finite score for an answer of comparison {pairs[first].id}"
            f" (prompt {pairs[first].prompt}): lower reward_model.rate_factor"
        )
    chosen, rejected = np.split(scores, 2)
    return chosen, rejected


def _curve_row(
    folder: Path,
    run: RewardRun,
    subset: Sequence[TokenPair],
    decided: Sequence[TokenPair],
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, Any]:
    """A row of PAIR_CURVE."""
    asked = [pair.prompt for pair in decided]
    scores = _scores(folder, decided, device, dtype)
    found = pair_figures(*scores, asked, run.config.bootstrap, run.config.seed)
    return {
        "pairs": run.pairs,
        "prompts": len({pair.prompt for pair in subset}),
        "seed": run.seed,
        "steps": run.steps,
        "validation_pairs": found["pairs"],
        "accuracy": found["accuracy"],
        "accuracy_low": found["accuracy_low"],
        "accuracy_high": found["accuracy_high"],
        "log_loss": found["log_loss"],
        "ece": found["ece"],
    }


def _said(found: PairFigures) -> str:
    return (
        f"ranks {found['accuracy']:.1%} of {found['pairs']:,} validation pairs as raters did"
        f" ({found['accuracy_low']:.1%} to {found['accuracy_high']:.1%}), log loss"
        f" {found['log_loss']:.3f} nats (a coin: 0.693), calibration error {found['ece']:.3f}"
    )


def _language_head(chat: Transformer) -> int:
    return 0 if chat.lm_head is None else chat.lm_head.weight.numel()


STAGE = Stage(STAGE_NAME, 1, RewardModelConfig, build)
