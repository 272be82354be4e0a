"""Training runs, past and under way: their curves side by side, and what set them apart.

What runs is read from the files that runs write as they go (`LakeReader.live_runs`); what has
ended, from the lake's tables, which are the truth.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.live_run import LiveRun
from pipeline.serve.pages.addresses import MOST_PAGES, paged
from pipeline.serve.pages.curve_picture import curve_picture
from pipeline.serve.pages.page_frame import WebPage, lake_of, render
from pipeline.serve.pages.run_curves import BY, FIGURES, Curve, columns_of, curves
from pipeline.serve.pages.settings_difference import settings
from storage.errors import UserError
from storage.schemas import TRAINED

PAGE = WebPage("training", "Training", "How did it learn, what did that cost, and what came of it?")
SIZE = 20  # runs of a page of the list
MOST_RUNS = 4  # in one picture; ours
# A run writes every few seconds, or once a step: one that was silent for so long may be no more.
SILENT_SECONDS = 120.0
RUNS = f"""
    SELECT kind, artifact, created, seconds, current FROM artifacts
    WHERE kind IN ({", ".join(f"'{kind}'" for kind in TRAINED)})
    ORDER BY created DESC, artifact LIMIT $size OFFSET $skipped
"""
ENDS = """
    SELECT artifact, max(step) AS steps, max(tokens) AS tokens, max(energy_kwh) AS energy_kwh,
        arg_max(loss, step) AS loss, arg_max(reward, step) AS reward,
        min(validation_bits_per_byte) AS validation
    FROM all_metrics WHERE artifact IN ({}) GROUP BY artifact
"""
# Kinds whose loss is that of the next token; others minimise something else.
NEXT_TOKEN = {"base", "extended", "sft", "interrogated", "game_sft"}
# Of a run whose tables are gone, or came from elsewhere without any.
NO_ENDS = dict.fromkeys(("steps", "tokens", "energy_kwh", "loss", "reward", "validation"))
Runs = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]], Field(max_length=MOST_RUNS)
]
By = Annotated[str, Query(pattern=f"^({'|'.join(BY)})$")]

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def training(
    request: Request,
    run: Annotated[Runs | None, Query()] = None,
    by: By = "step",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
) -> Response:
    """The list, and the curves of `run`: by default of what runs, else of the newest base model."""
    lake = lake_of(request)
    live = lake.live_runs()
    found: list[dict[str, Any]] = lake.rows(
        RUNS, {"size": SIZE + 1, "skipped": (page - 1) * SIZE}
    ).to_pylist()
    shown, piece = paged(found, SIZE, page, PAGE.path, run=None, by=by if by != "step" else None)
    ends = _ends(lake, [row["artifact"] for row in shown])
    chosen = run if run is not None else _first(live, found)
    drawn = [_drawn(lake, live, artifact, by) for artifact in dict.fromkeys(chosen)]
    return render(
        request,
        PAGE,
        live=[_running(one) for one in live],
        runs=[{**NO_ENDS, **row, **ends.get(row["artifact"], {})} for row in shown],
        piece=piece,
        chosen=[one["artifact"] for one in drawn],
        drawn=drawn,
        by=by,
        ways=BY,
        figures=_figures(drawn),
        told=_told(drawn, by),
        settings=settings([one["recipe"] for one in drawn]) if drawn else [],
        most_runs=MOST_RUNS,
    )


@router.get("/training/curves")
def drawn_again(request: Request, run: Annotated[Runs, Query()], by: By = "step") -> Response:
    """The curves of these runs as they are now."""
    lake = lake_of(request)
    live = lake.live_runs()
    drawn = [_drawn(lake, live, artifact, by) for artifact in dict.fromkeys(run)]
    return Response(orjson.dumps(_told(drawn, by)), media_type="application/json")


def _told(drawn: list[dict[str, Any]], by: str) -> dict[str, Any]:
    """For the script."""
    names = ("kind", "artifact", "live", "curves")
    return {"by": by, "runs": [{name: one[name] for name in names} for one in drawn]}


def _first(live: Sequence[LiveRun], found: list[dict[str, Any]]) -> list[str]:
    running = [one.artifact for one in live if _is_running(one)]
    bases = [row["artifact"] for row in found if row["kind"] == "base"]
    return (running or bases or [row["artifact"] for row in found])[:1]


def _is_running(run: LiveRun) -> bool:
    return time.time() - run.seen < SILENT_SECONDS


def _running(run: LiveRun) -> dict[str, Any]:
    """A run that has no artifact yet, for the list."""
    measured = [v for v in run.columns.get("validation_bits_per_byte", ()) if v == v]
    last = {name: float(column[-1]) for name, column in run.columns.items() if len(column)}
    return {
        "kind": run.kind,
        "artifact": run.artifact,
        "title": run.title,
        "running": _is_running(run),
        "silent": max(0.0, time.time() - run.seen),
        "steps": int(last.get("step", 0)),
        **{name: _number(last.get(name)) for name in ("tokens", "loss", "reward", "energy_kwh")},
        "seconds": _number(last.get("seconds")),
        "validation": min(measured) if measured else None,
    }


def _number(value: float | None) -> float | None:
    """None for what is none."""
    return None if value is None or value != value else value


def _ends(lake: LakeReader, artifacts: list[str]) -> dict[str, dict[str, Any]]:
    """What each run came to, by artifact."""
    if not artifacts:
        return {}
    rows = lake.rows(ENDS.format(", ".join("?" * len(artifacts))), artifacts).to_pylist()
    return {row.pop("artifact"): row for row in rows}


def _drawn(lake: LakeReader, live: Sequence[LiveRun], artifact: str, by: str) -> dict[str, Any]:
    """A run with its curves.

    Raises:
        ApiError: there is none.
    """
    for one in live:
        if one.artifact == artifact:
            found = curves(one.columns, by)
            facts = {"kind": one.kind, "recipe": one.recipe, "live": _is_running(one)}
            return {**facts, "artifact": artifact, "curves": _plain(found), "energy_method": ""}
    rows: list[dict[str, Any]] = lake.rows(
        "SELECT kind, recipe FROM artifacts WHERE artifact = ? LIMIT 1", [artifact]
    ).to_pylist()
    if not rows or rows[0]["kind"] not in TRAINED:
        raise ApiError(404, f"the lake has no training run {artifact}")
    found = curves(columns_of(lake, artifact), by)
    return {
        "kind": rows[0]["kind"],
        "recipe": json.loads(rows[0]["recipe"] or "{}"),
        "live": False,
        "artifact": artifact,
        "curves": _plain(found),
        "energy_method": _energy_method(lake, rows[0]["kind"], artifact),
    }


def _plain(found: Mapping[str, Curve]) -> dict[str, list[list[float]]]:
    return {name: [curve.x, curve.y] for name, curve in found.items()}


def _energy_method(lake: LakeReader, kind: str, artifact: str) -> str:
    """How the artifact's energy was found; "" where that isn't known."""
    try:
        found: str = lake.manifest(kind, artifact).provenance.get("energy_method", "")
    except UserError:  # gone meanwhile
        return ""
    return found


def _figures(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A picture for each figure that one of the runs has."""
    found = []
    for figure in FIGURES:
        series = [one["curves"].get(figure.column) for one in drawn]
        if any(series):
            there = [None if points is None else Curve(*points) for points in series]
            told = {**figure._asdict(), "picture": curve_picture(there), "series": there}
            if figure.column == "loss" and not {one["kind"] for one in drawn} <= NEXT_TOKEN:
                told["unit"] = "what each run minimises"
            found.append(told)
    return found
