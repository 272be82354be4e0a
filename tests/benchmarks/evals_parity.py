"""Our in-context evaluation beside lm-evaluation-harness and nanochat, on the same model folders.

Models of three families with random weights, and one more if --model names it, are saved as Hugging
Face folders. Harness and ours score the same prompts (our few-shot text, given to the harness as
the row's question): log-probabilities, greedy flags and accuracies must agree. nanochat draws the
same examples and asks the same questions in its own layout (examples apart by an empty line), which
ours is asked to use for this row; it averages a choice over the tokens in which choices differ.
Seconds are of one run each, loading left out.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from pipeline import model as models
from pipeline.evals import core, icl, icl_files
from pipeline.evals.icl import Answer, IclTask, Question
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer import train as tokenizer_training
from pipeline.tokenizer.config import TokenizerConfig
from tests.benchmarks.tables import add_option, write_table

HERE = Path(__file__).parent
FAMILIES = ("qwen3", "llama", "gpt2")
COMPARED = ("arc_easy", "winograd", "lambada_openai", "bigbench_operators")
TABLE = "evals-table"
TOLERANCE = 2e-4  # nats of a whole continuation: float32 sums of up to some hundred terms
CONTEXT = 2048

YAML = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: {output}
doc_to_text: "{{{{context}}}}"
{answer}
metric_list:
{metrics}
metadata:
  version: 1.0
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eval", type=Path, required=True, help="folder with core_icl/")
    parser.add_argument("--harness-python", type=Path, required=True)
    parser.add_argument("--nanochat", type=Path, help="its checkout")
    parser.add_argument("--model", type=Path, help="one more model folder")
    parser.add_argument("--questions", type=int, default=40, help="of each task")
    parser.add_argument("--families", default=",".join(FAMILIES))
    add_option(parser)
    given = parser.parse_args()
    if given.questions <= max(task.shots for task in core.TASKS):
        raise SystemExit("--questions: more than the 10 examples that nanochat draws from them")
    torch.set_num_threads(2)
    files = sorted((given.eval / "core_icl").iterdir())
    tasks = [task for task in core.TASKS if task.name in COMPARED]
    with tempfile.TemporaryDirectory(prefix="evals-parity-") as scratch:
        folders = make_models(Path(scratch), tasks, files, given.families.split(","))
        if given.model:
            folders[given.model.name] = given.model
        lines = [
            "| model | task | log-probabilities, largest difference | greedy, acc, acc_norm |"
            " harness, s | ours, s |",
            "|---|---|--:|---|--:|--:|",
        ]
        agreed = True
        for name, folder in folders.items():
            for row in against_harness(
                name, folder, tasks, files, given.questions, given.harness_python, Path(scratch)
            ):
                lines.append(row[0])
                agreed &= row[1]
        if given.nanochat:
            first = next(iter(folders.values()))
            lines += ["", *against_nanochat(first, tasks, files, given)]
    text = "\n".join(lines)
    print(text)
    if given.write:
        write_table(given.write, TABLE, text)
    if not agreed:
        raise SystemExit("the harness's numbers are not ours: see the table")


def make_models(
    scratch: Path, tasks: list[IclTask], files: list[Path], families: list[str]
) -> dict[str, Path]:
    """Small models whose logits depend on the context, as folders.

    Their tokenizer sees right and wrong answers alike: examples would teach it the right ones.
    """
    texts = []
    for task in tasks:
        asked = icl.questions(dataclasses.replace(task, shots=0), read(files, task), 600)
        texts += [context + answer for question in asked for context, answer in question.pairs]
    tokenizer = tokenizer_training.train(iter(texts), TokenizerConfig(vocab_size=2048))
    folders = {}
    for family in families:
        config = ModelConfig(
            vocab_size=tokenizer.vocab_size,
            layers=4,
            width=256,
            heads=4,
            kv_heads=4 if family == "gpt2" else 2,
            head_dim=64,
            ffn_width=1024 if family == "gpt2" else 768,
            max_context=CONTEXT,
            tie_embeddings=family == "gpt2",
            family=family,
        )
        model = Transformer(config).init_weights(0)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith("weight") and any(
                    part in name for part in ("o_proj", "down_proj", "lm_head")
                ):
                    weight.copy_(torch.randn(weight.shape, generator=generator) * 0.05)
        folders[family] = scratch / family
        models.save(model, tokenizer, folders[family])
    return folders


def against_harness(
    name: str,
    folder: Path,
    tasks: list[IclTask],
    files: list[Path],
    count: int,
    python: Path,
    scratch: Path,
) -> list[tuple[str, bool]]:
    """A line of the table for each task, and whether both agree."""
    model, tokenizer = models.load(folder)
    asked = {t.name: icl.questions(t, read(files, t), count) for t in tasks}
    asked = {
        n: half_greedy(q, model, tokenizer) if len(q[0].pairs) == 1 else q for n, q in asked.items()
    }
    work = scratch / f"{name}-tasks"
    work.mkdir()
    for task, questions in asked.items():
        write_task(work, task, questions)
    theirs = run_json(
        [python.absolute(), HERE / "peers" / "lm_eval_run.py", work],
        ["--model", folder, "--tasks", ",".join(asked)],
        env={"HF_DATASETS_CACHE": str(scratch / "datasets")},
    )
    lines = []
    for task, questions in asked.items():
        started = time.perf_counter()
        ours = icl.answers(model, tokenizer, questions, document_start=False)
        seconds = time.perf_counter() - started
        peer = theirs["tasks"][task]
        worst, same = compare(questions, ours, peer)
        agreed = same and worst <= TOLERANCE
        words = metrics_words(questions, ours) if same else "DIFFER"
        lines.append(
            (
                f"| {name} | {task}, {len(questions)} questions | {worst:.1e} nats | {words} |"
                f" {peer['seconds']:.1f} | {seconds:.1f} |",
                agreed,
            )
        )
    return lines


def compare(
    questions: list[Question], ours: list[Answer], theirs: dict[str, Any]
) -> tuple[float, bool]:
    """The largest difference of a log-probability, and whether flags and accuracies are equal."""
    flat = [pair for answer in theirs["answers"] for pair in answer]
    mine = [(total, same) for a in ours for total, same in zip(a.log_probabilities, a.greedy)]
    if len(flat) != len(mine):
        raise SystemExit(f"the harness scored {len(flat)} pairs, ours are {len(mine)}")
    worst = max(abs(float(x[0]) - y[0]) for x, y in zip(flat, mine))
    same = all(bool(x[1]) == y[1] for x, y in zip(flat, mine))
    for key, value in our_metrics(questions, ours).items():
        same &= abs(theirs["metrics"][f"{key},none"] - value) < 1e-9
    return worst, same


def our_metrics(questions: list[Question], ours: list[Answer]) -> dict[str, float]:
    """The harness's metrics from our log-probabilities, by its own definitions."""
    if not is_choice(questions):
        greedy = [flag for answer in ours for flag in answer.greedy]
        return {"acc": sum(greedy) / len(greedy)}
    right = {"acc": 0, "acc_norm": 0}
    for question, answer in zip(questions, ours):
        totals = list(answer.log_probabilities)
        lengths = [len(continuation) - 1 for _, continuation in question.pairs]  # no space
        by_length = [total / length for total, length in zip(totals, lengths)]
        right["acc"] += totals.index(max(totals)) == question.gold
        right["acc_norm"] += by_length.index(max(by_length)) == question.gold
    return {key: value / len(questions) for key, value in right.items()}


def metrics_words(questions: list[Question], ours: list[Answer]) -> str:
    """`acc 0.250, acc_norm 0.275: equal`."""
    found = our_metrics(questions, ours)
    greedy = sum(flag for answer in ours for flag in answer.greedy)
    values = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
    return f"equal: {greedy} greedy, {values}"


def is_choice(questions: list[Question]) -> bool:
    """Several continuations of one context, which the harness calls multiple choice."""
    pairs = questions[0].pairs
    return len(pairs) > 1 and len({context for context, _ in pairs}) == 1


def half_greedy(
    questions: list[Question], model: Transformer, tokenizer: Tokenizer
) -> list[Question]:
    """Every other continuation becomes the model's own, so that greedy flags are of both kinds."""
    prompts = [tokenizer.encode(q.pairs[0][0])[-(CONTEXT // 2) :] for q in questions]
    found = Engine(model).generate(prompts, max_new_tokens=3, temperature=0.0)
    made = []
    for number, (question, (completion,)) in enumerate(zip(questions, found)):
        context = question.pairs[0][0]
        said = tokenizer.decode(completion.tokens)
        if number % 2 == 0 and said.strip() and "\ufffd" not in said:
            question = dataclasses.replace(question, pairs=((context, said),))
        made.append(question)
    return made


def write_task(folder: Path, name: str, questions: list[Question]) -> None:
    """Rows and a definition as the harness reads them."""
    choice = is_choice(questions)
    rows: list[dict[str, Any]] = []
    for question in questions:
        if choice:
            choices = [continuation[1:] for _, continuation in question.pairs]
            context = question.pairs[0][0]
            rows.append({"context": context, "choices": choices, "gold": question.gold})
        else:
            rows += [{"context": c, "answer": answer} for c, answer in question.pairs]
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if choice:
        answer = 'doc_to_choice: "{{choices}}"\ndoc_to_target: gold\ntarget_delimiter: " "'
    else:
        answer = 'doc_to_target: "{{answer}}"'
    names = ("acc", "acc_norm") if choice else ("acc",)
    metrics = "\n".join(f"  - metric: {n}\n    aggregation: mean" for n in names)
    output = "multiple_choice" if choice else "loglikelihood"
    text = YAML.format(name=name, file=file, output=output, answer=answer, metrics=metrics)
    (folder / f"{name}.yaml").write_text(text)


def against_nanochat(
    folder: Path, tasks: list[IclTask], files: list[Path], given: argparse.Namespace
) -> list[str]:
    """The same questions and examples by nanochat's code: verdicts and seconds."""
    model, tokenizer = models.load(folder)
    spaced = [dataclasses.replace(task, separator="\n\n") for task in tasks]
    asked = {t.name: icl.questions(t, read(files, t), given.questions) for t in spaced}
    with tempfile.TemporaryDirectory(prefix="evals-parity-") as scratch:
        file = Path(scratch) / "tasks.json"
        kinds = {"language_modelling": "language_modeling"}
        file.write_text(
            json.dumps(
                {
                    task.name: {
                        "meta": {
                            "task_type": kinds.get(task.kind, task.kind),
                            "num_fewshot": task.shots,
                            "continuation_delimiter": task.delimiter,
                        },
                        "rows": icl.shuffled(read(files, task))[: given.questions],
                    }
                    for task in spaced
                }
            )
        )
        theirs = run_json(
            [sys.executable, HERE / "peers" / "nanochat_core.py", file],
            ["--checkout", given.nanochat, "--model", folder],
            env={},
        )
    lines = [
        "| task | verdicts as nanochat's | nanochat, s | ours, s | times |",
        "|---|--:|--:|--:|--:|",
    ]
    total = [0.0, 0.0]
    for task in spaced:
        questions = asked[task.name]
        started = time.perf_counter()
        ours = icl.answers(model, tokenizer, questions)
        seconds = time.perf_counter() - started
        right = [icl.is_right(task, q, a) for q, a in zip(questions, ours)]
        peer = theirs[task.name]
        same = sum(x == y for x, y in zip(right, peer["right"]))
        total = [total[0] + peer["seconds"], total[1] + seconds]
        lines.append(
            f"| {task.name} | {same} of {len(right)} | {peer['seconds']:.1f} | {seconds:.1f} |"
            f" {peer['seconds'] / seconds:.1f} |"
        )
    lines.append(f"| all | | {total[0]:.1f} | {total[1]:.1f} | {total[0] / total[1]:.1f} |")
    return lines


def read(files: list[Path], task: IclTask) -> list[dict[str, Any]]:
    """A task's rows; without its file there is nothing to compare."""
    file = icl_files.find(files, task)
    if file is None:
        raise SystemExit(f"no file of task {task.name}")
    return icl_files.read(file, task)


def run_json(command: list[Any], options: list[Any], env: dict[str, str]) -> Any:
    """The JSON a peer's script prints; offline, its chatter goes to stderr."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [str(part) for part in (*command, *options)],
        capture_output=True,
        text=True,
        env={**os.environ, **offline, **env},
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[1]} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
