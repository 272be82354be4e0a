"""llama.cpp beside us: its server with continuous batching, and its own benchmarks.

In: the folder where `peers/llama_cpp.sh` has put its programs, and GGUF files. Out: the command of
a server with so many slots, and tokens a second of the engine alone.
"""

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

# A slot's context is the whole one over the slots. No cache of finished talks in main memory: with
# prompts that never come again it is copying for nothing. No polling between two layers' work where
# clients want the same cores.
ALWAYS = ("--no-ui", "--offline", "--cache-ram", "0", "--poll", "0", "--no-slots")

TRIES = 3  # its benchmarks print from a thread, whose only line the end may cut off


def server(
    programs: Path, model: Path, port: int, slots: int, context: int, threads: int
) -> list[str]:
    """A command; it serves on 127.0.0.1 as soon as /health says so."""
    return [
        str(programs / "llama-server"),
        *("--model", str(model), "--host", "127.0.0.1", "--port", str(port)),
        *("--parallel", str(slots), "--ctx-size", str(slots * context)),
        *("--threads", str(threads), "--threads-batch", str(threads)),
        *ALWAYS,
    ]


@dataclasses.dataclass(frozen=True)
class EngineSpeed:
    """Tokens a second, nothing sampled."""

    rows: int
    reading: float  # of prompts
    writing: float


def alone(
    programs: Path, model: Path, prompt: int, new: int, threads: int, repeats: int
) -> EngineSpeed:
    """One row, by llama-bench."""
    found = json_lines(
        [
            programs / "llama-bench",
            *("--model", model, "--threads", threads, "--n-prompt", prompt, "--n-gen", new),
            *("--repetitions", repeats, "--output", "jsonl"),
        ]
    )
    speeds = {bool(line["n_gen"]): float(line["avg_ts"]) for line in found}
    return EngineSpeed(1, speeds[False], speeds[True])


def together(
    programs: Path, model: Path, prompt: int, new: int, threads: int, rows: int
) -> EngineSpeed:
    """Many rows, by llama-batched-bench."""
    (found,) = json_lines(
        [
            programs / "llama-batched-bench",
            *("--model", model, "--threads", threads, "--ctx-size", rows * (prompt + new)),
            *("-npp", prompt, "-ntg", new, "-npl", rows, "--output-format", "jsonl"),
        ]
    )
    return EngineSpeed(rows, found["speed_pp"], found["speed_tg"])


def json_lines(command: Sequence[object]) -> list[dict]:
    """The JSON among what a program prints.

    Raises:
        SystemExit: it fails or prints none.
    """
    for _ in range(TRIES):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode or found:
            break
    if done.returncode or not found:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return found
