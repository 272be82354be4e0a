"""lm-evaluation-harness on a served model: the scores that the model has in this process.

Its Python is named by CRAWL2CHAT_HARNESS_PYTHON, or is that of `.venv-harness` (`make interop`).
"""

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serve_process import ServeProcess, serve_process
from tool_model import sums, tool_model  # noqa: F401

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.evals import icl
from pipeline.evals.icl import Question
from pipeline.model import load
from pipeline.model.engine import Engine

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOLERANCE = 2e-4  # nats of a whole continuation, as in tests/benchmarks/evals_parity.py
MOST_TOKENS = 12

HEAD = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
doc_to_text: "{{{{context}}}}"
metadata:
  version: 1.0
"""
KINDS = {
    "choice": """output_type: multiple_choice
doc_to_choice: "{{choices}}"
doc_to_target: gold
target_delimiter: ""
metric_list:
  - metric: acc
    aggregation: mean
""",
    "cloze": """output_type: loglikelihood
doc_to_target: "{{answer}}"
target_delimiter: ""
metric_list:
  - metric: acc
    aggregation: mean
""",
    "writing": """output_type: generate_until
doc_to_target: "{{answer}}"
target_delimiter: ""
generation_kwargs:
  until: ["."]
  max_gen_toks: 12
  temperature: 0
metric_list:
  - metric: exact_match
    aggregation: mean
""",
}
Harness = Callable[[str, str, Path], dict[str, Any]]


@pytest.fixture(scope="module")
def server(tool_model: Path) -> Any:  # noqa: F811
    with serve_process("--model", tool_model, "--set", "precision=float32") as running:
        yield running


@pytest.fixture
def harness(server: ServeProcess, tmp_path: Path) -> Harness:
    """Lets the harness ask the server what stands in a folder."""
    named = os.environ.get("CRAWL2CHAT_HARNESS_PYTHON", ROOT / ".venv-harness" / "bin" / "python")
    if not Path(named).exists():
        pytest.skip("no lm-evaluation-harness here: `make interop` sets it up")

    def ask(client: str, tasks: str, folder: Path) -> dict[str, Any]:
        path = "chat/completions" if "chat" in client else "completions"
        options = ["--client", client, "--url", f"{server.url}/{path}", "--tasks", tasks]
        offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": "none"}
        done = subprocess.run(
            [named, HERE / "lm_eval_api.py", folder, *options, "--model", server.models[0]],
            capture_output=True,
            text=True,
            env={**os.environ, **offline, "HF_DATASETS_CACHE": str(tmp_path / "datasets")},
        )
        assert done.returncode == 0, done.stderr[-6000:]
        return json.loads(done.stdout)["tasks"]

    return ask


def write_task(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / f"{name}.yaml").write_text(HEAD.format(name=name, file=file) + KINDS[name])


def questions(count: int = 12) -> list[Question]:
    """Sums in the words that the model was taught, with three answers each."""
    rng = random.Random(5)
    made = []
    for number in range(count):
        a, b = rng.randint(1, 9), rng.randint(1, 9)
        right = number % 3
        choices = [f" {a + b + (at - right)}." for at in range(3)]
        made.append(Question(tuple((f"{a} + {b} It is", c) for c in choices), right, ""))
    return made


def test_scores_of_texts_are_those_in_this_process(
    harness: Harness,
    tool_model: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Log-probabilities, greedy flags and accuracies; half of the cloze answers are greedy ones."""
    model, tokenizer = load(tool_model)
    asked = questions()
    contexts = [question.pairs[0][0] for question in asked]
    greedy = Engine(model).generate(
        [tokenizer.encode(context) for context in contexts], max_new_tokens=3, temperature=0
    )
    cloze = []
    for number, (context, (made,)) in enumerate(zip(contexts, greedy)):
        own = tokenizer.decode(made.tokens)
        fits = number % 2 == 0 and tokenizer.encode(context + own) == [
            *tokenizer.encode(context),
            *made.tokens,
        ]
        cloze.append(Question(((context, own if fits else " 7 + 1"),), 0, ""))
    rows = [
        {"context": q.pairs[0][0], "choices": [c for _, c in q.pairs], "gold": q.gold}
        for q in asked
    ]
    write_task(tmp_path, "choice", rows)
    write_task(tmp_path, "cloze", [dict(zip(("context", "answer"), q.pairs[0])) for q in cloze])
    told = harness("local-completions", "choice,cloze", tmp_path)
    for name, mine in (("choice", asked), ("cloze", cloze)):
        ours = icl.answers(model, tokenizer, mine, document_start=False)
        expected = [pair for a in ours for pair in zip(a.log_probabilities, a.greedy)]
        found = [reply for replies in told[name]["replies"] for reply in replies]
        assert len(found) == len(expected)
        for (logprob, is_greedy), (ours_, greedily) in zip(found, expected):
            assert float(logprob) == pytest.approx(ours_, abs=TOLERANCE)
            assert str(is_greedy) == str(greedily)
        if name == "cloze":
            right = [a.greedy[0] for a in ours]
            assert 0 < sum(right) < len(right)
        else:
            best = [max(range(3), key=a.log_probabilities.__getitem__) for a in ours]
            right = [choice == q.gold for choice, q in zip(best, asked)]
        assert told[name]["metrics"]["acc,none"] == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize("client", ["local-completions", "local-chat-completions"])
def test_what_is_written_is_what_is_written_in_this_process(
    client: str,
    harness: Harness,
    tool_model: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    model, tokenizer = load(tool_model)
    asked = [talk.messages[0].content for talk in sums(8, 9)]
    if client == "local-completions":
        prompts, stops = [tokenizer.encode(text) for text in asked], tokenizer.stop_tokens
    else:
        prompts = [prompt([user(text)], tokenizer) for text in asked]
        stops = (tokenizer.special(STOP), tokenizer.document_token)
    written = Engine(model).generate(
        prompts,
        max_new_tokens=MOST_TOKENS,
        temperature=0,
        stop_tokens=stops,
        stop_strings=(".",),
        tokenizer=tokenizer,
    )
    expected = [str(one.text) for (one,) in written]
    # every other reference is right, so that the score is neither 0 nor 1
    rows = [
        {"context": text, "answer": own if number % 2 else "something else"}
        for number, (text, own) in enumerate(zip(asked, expected))
    ]
    write_task(tmp_path, "writing", rows)
    told = harness(client, "writing", tmp_path)["writing"]
    assert [replies[0] for replies in told["replies"]] == expected
    assert told["metrics"]["exact_match,none"] == 0.5
