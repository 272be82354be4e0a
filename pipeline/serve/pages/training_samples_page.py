"""What models said: to the questions of a suite, stage by stage, and during RL, step by step."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report.scores import STAGES
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.pages.addresses import MOST_PAGES, address, paged
from pipeline.serve.pages.page_frame import WebPage, lake_of, render

PAGE = WebPage("training/samples", "Samples", "What did it say before, and what does it say now?")
QUESTIONS = 10  # of a page
ANSWERS = 12  # of an RL step that are shown …
EACH = 3  # … of each prompt the best
MOST_CHARACTERS = 1_200  # of a text that is shown; ours
SUITES = (
    "SELECT suite, count(DISTINCT prompt) AS prompts FROM samples GROUP BY suite ORDER BY suite"
)
PROMPTS = f"""
    SELECT prompt FROM samples WHERE suite = $suite GROUP BY prompt ORDER BY prompt
    LIMIT {QUESTIONS + 1} OFFSET $skipped
"""
SAID = f"""
    SELECT model, prompt, left(completion, {MOST_CHARACTERS}) AS completion,
        left(expected, {MOST_CHARACTERS}) AS expected, correct
    FROM samples WHERE suite = $suite AND list_contains($prompts, prompt)
"""
# An RL run's own rows: `artifact` opens its file alone.
RUNS = """
    SELECT kind, artifact FROM artifacts WHERE kind IN ('rl', 'rlhf')
    ORDER BY current DESC, created DESC LIMIT 20
"""
STEPS = """
    SELECT min(step) AS first, max(step) AS last FROM all_rollouts WHERE artifact = ?
"""
ROLLOUTS = f"""
    SELECT step, task, left(prompt, {MOST_CHARACTERS}) AS prompt,
        left(completion, {MOST_CHARACTERS}) AS completion, reward, advantage, proxy, gold, kl
    FROM all_rollouts WHERE artifact = $run AND step = $step
    QUALIFY row_number() OVER (PARTITION BY "group" ORDER BY reward DESC, completion) <= {EACH}
        OR "group" IS NULL
    ORDER BY "group", reward DESC, completion LIMIT {ANSWERS}
"""

router = APIRouter(include_in_schema=False)


@router.get(PAGE.path)
def samples(
    request: Request,
    suite: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
    run: Annotated[str, Query(pattern=r"^([0-9a-f]{16})?$")] = "",
    step: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> Response:
    """A page of a suite's questions, and the answers of one step of RL."""
    lake = lake_of(request)
    suites: list[dict[str, Any]] = lake.rows(SUITES).to_pylist()
    names = [row["suite"] for row in suites]
    chosen = suite if suite in names else (names or [""])[0]
    found = lake.rows(PROMPTS, {"suite": chosen, "skipped": (page - 1) * QUESTIONS})
    prompts, piece = paged(
        found["prompt"].to_pylist(), QUESTIONS, page, PAGE.path, suite=chosen, run=run, step=step
    )
    return render(
        request,
        PAGE,
        suites=suites,
        chosen=chosen,
        questions=_questions(lake, chosen, list(prompts)),
        piece=piece,
        rollouts=_rollouts(lake, run, step),
        address=address,
        run=run,
    )


def _questions(lake: LakeReader, suite: str, prompts: list[str]) -> list[dict[str, Any]]:
    """Each with who said what to it, the stages as they are made."""
    rows: list[dict[str, Any]] = lake.rows(SAID, {"suite": suite, "prompts": prompts}).to_pylist()
    by_prompt: dict[str, list[dict[str, Any]]] = {prompt: [] for prompt in prompts}
    for row in rows:
        by_prompt[row["prompt"]].append(row)
    order = {name: place for place, name in enumerate(STAGES)}
    return [
        {
            "prompt": prompt[:MOST_CHARACTERS],
            "expected": next((row["expected"] for row in said if row["expected"]), ""),
            "answers": sorted(said, key=lambda row: (order.get(row["model"], 99), row["model"])),
        }
        for prompt, said in by_prompt.items()
    ]


def _rollouts(lake: LakeReader, run: str, step: int | None) -> dict[str, Any] | None:
    """Answers of one step, by default the first, if the run kept any; None: the lake has no RL."""
    runs: list[dict[str, Any]] = lake.rows(RUNS).to_pylist()
    artifacts = [row["artifact"] for row in runs]
    if not artifacts:
        return None
    chosen = run if run in artifacts else artifacts[0]
    (ends,) = lake.rows(STEPS, [chosen]).to_pylist()
    first, last = ends["first"] or 0, ends["last"] or 0
    at = min(max(first if step is None else step, first), last)
    shown: list[dict[str, Any]] = lake.rows(ROLLOUTS, {"run": chosen, "step": at}).to_pylist()
    return {"runs": runs, "run": chosen, "first": first, "last": last, "step": at, "rows": shown}
