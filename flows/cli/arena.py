"""`crawl2chat arena`: blind votes between models in the terminal, and the leaderboard of them.

Votes lie in one file, by default in the lake's folder, under the name and the digest of the models
that answered: a model that was trained anew is another one.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cli import output
from flows.labeling_store import votes_path
from storage import Lake
from storage.errors import UserError

NOBODY = "anonymous"  # a rater who gives no name


def arena(chosen: argparse.Namespace) -> int:
    """Vote, or show or export what was voted."""
    asked = [bool(chosen.models), chosen.board, bool(chosen.export)]
    if sum(asked) != 1:
        raise UserError("arena: --models A B to vote on their answers, --board, or --export FILE")
    if chosen.models:
        return vote(chosen)
    return board(chosen) if chosen.board else export(chosen)


def vote(chosen: argparse.Namespace) -> int:
    """Give battles to a rater."""
    from flows.cli.rater_terminal import asking, screen
    from flows.cli.voting_session import Prompts, session
    from pipeline.evals.battles import BattleConfig
    from pipeline.evals.vote_store import opened_votes
    from pipeline.labels.task_store import check_rater_name

    lake, rater = Lake(chosen.lake), chosen.rater or NOBODY
    check_rater_name(rater)
    path = votes_path(lake, chosen.store or "")
    prompts = Prompts(*_given(chosen, lake))
    entrants = _entrants(lake, chosen.models)
    config = BattleConfig(chosen.max_tokens, chosen.temperature, chosen.seed)
    with opened_votes(path, create=True) as store:
        done = session(
            store, entrants, prompts, rater, config, asking(chosen.json), screen(chosen.json)
        )
    if chosen.json:
        output.document({**done, "store": str(path)})
    else:
        print(
            f"{done['voted']} votes, {done['passed']} passed, {done['alike']} with like answers;"
            " crawl2chat arena --board shows where the models stand"
        )
    return 0


def board(chosen: argparse.Namespace) -> int:
    """Show the leaderboard."""
    import dataclasses

    from pipeline.evals.contender_names import shown_votes
    from pipeline.evals.vote_ratings import LeaderboardConfig, leaderboard
    from pipeline.evals.vote_store import opened_votes

    with opened_votes(votes_path(Lake(chosen.lake), chosen.store or "")) as store:
        cast = store.votes()
    votes = shown_votes(cast)
    config = LeaderboardConfig(
        samples=chosen.samples, seed=chosen.seed, style_control=chosen.style_control
    )
    found = leaderboard(votes, config)
    if chosen.json:
        output.document({**dataclasses.asdict(found), "config": dataclasses.asdict(config)})
        return 0
    _show(found, config)
    return 0


def export(chosen: argparse.Namespace) -> int:
    """Write votes as pairs for `run rlhf`."""
    from pipeline.evals.vote_pairs import write_pairs
    from pipeline.evals.vote_store import opened_votes

    with opened_votes(votes_path(Lake(chosen.lake), chosen.store or "")) as store:
        cast = store.votes()
    count = write_pairs(cast, Path(chosen.export))
    if chosen.json:
        output.document({"path": chosen.export, "pairs": count})
    else:
        print(f"{chosen.export}: {count} pairs")
    return 0


def _show(found: Any, config: Any) -> None:
    body = [
        [
            _ranks(one.best_rank, one.worst_rank),
            one.model,
            f"{one.rating:.0f}",
            f"{one.low:.0f} to {one.high:.0f}",
            one.votes,
            f"{(one.won + one.tied / 2) / one.votes:.0%}",
        ]
        for one in found.standings
    ]
    output.rows(["rank", "model", "rating", "95% interval", "votes", "points"], body)
    for style in found.styles:
        print(
            f"style: {style.style} {style.coefficient:+.2f} ({style.low:+.2f} to"
            f" {style.high:+.2f}) logits for a usual difference"
        )
    print(_first_place(found))
    if found.smoothed:
        print(
            "Some model has lost, or won, everything that ties it to the others: ratings are with"
            " one drawn game more for each pair that met."
        )
    elif found.smoothed_samples:
        print(
            f"Few votes: in {found.smoothed_samples} of {config.samples} resamples one drawn game"
            " more for each pair that met holds the ratings."
        )
    for group in found.unrated:
        print(f"Not rated, since no vote ties them to those above: {', '.join(group)}")


def _ranks(best: int, worst: int) -> str:
    return f"{best}" if best == worst else f"{best} to {worst}"


def _first_place(found: Any) -> str:
    place = found.first_place
    exact = place.at_least == place.at_most
    count = f"{place.at_most:,} vote{'s' * (place.at_most != 1)}"
    if not exact:
        count = f"{count} at most"
    return (
        f"{found.votes:,} votes; {count}, given to the other side, would flip first place"
        f" ({place.then} above {place.first})"
    )


def _given(chosen: argparse.Namespace, lake: Lake) -> tuple[list[Any], list[Any], str]:
    """Prompts of a file, those that nobody's model has been trained on, and the file's name."""
    from pipeline.evals.battles import held_out_prompts
    from pipeline.labels.task_files import read_tasks

    if chosen.prompts:
        tasks = read_tasks(Path(chosen.prompts), "write")
        return [task.prompt for task in tasks], [], Path(chosen.prompts).name
    digest = lake.heads().get("conversations")
    if digest is None:
        return [], [], ""
    return [], held_out_prompts(lake.local("conversations", digest) / "conversations.parquet"), ""


def _entrants(lake: Lake, names: Sequence[str]) -> list[Any]:
    from flows.cli.models import find_model
    from pipeline.evals.battles import Entrant
    from pipeline.evals.contender_names import known_as
    from pipeline.export import load

    if len(set(names)) < 2:
        raise UserError("arena: two models or more: --models rl sft")
    found: dict[str, Path] = {}
    for name in dict.fromkeys(names):
        folder = find_model(lake, name)
        known = known_as(folder)
        if known in found:
            raise UserError(f"arena: {name} is {known}, which is there already")
        found[known] = folder
    return [Entrant(known, *load(folder)) for known, folder in found.items()]
