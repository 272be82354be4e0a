"""Whether training gives the same bytes again: stages of preset ci, rerun in disturbed memory.

    python -m tests.benchmarks.reruns --times 20

Each rerun is a process of its own whose memory lies elsewhere: an environment of another size,
other settings of the C library's allocator, odd blocks taken before torch is loaded. It runs
pretrain, sft and rl on the same artifacts (a run of preset ci makes them, or --lake has them) and
hashes what they wrote, all but what a clock saw. `--untold` leaves MKL as it comes, to see the
fault. `--seconds` says instead what the mode costs: with and without it in turn, CPU seconds.
"""

import argparse
import ctypes
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STAGES = {
    "pretrain": ("tokens", "tokenizer"),
    "sft": ("base", "conversations", "tokens"),
    "rl": ("sft",),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--precisions", nargs="+", default=[], help="default: all this CPU has")
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES)
    parser.add_argument("--lake", type=Path, help="with a finished run of preset ci")
    parser.add_argument("--untold", action="store_true", help="MKL in no mode")
    parser.add_argument("--seconds", action="store_true", help="what the mode costs")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(json.loads(given.child))
        return
    with tempfile.TemporaryDirectory() as folder:
        inputs = artifacts(given.lake or finished_run(Path(folder) / "lake"))
        for precision in given.precisions or own_precisions():
            if given.seconds:
                compare(precision, given.stages, given.times, inputs)
            else:
                repeat(precision, given.stages, given.times, inputs, given.untold)


def finished_run(lake: Path) -> Path:
    """A lake of preset ci up to rl's input."""
    command = [sys.executable, "-m", "flows.cli", "run", "sft", "--preset", "ci"]
    command += ["--lake", str(lake)]
    subprocess.run(command, cwd=ROOT, check=True)
    return lake


def artifacts(lake: Path) -> dict[str, list[str]]:
    """The folders that the stages read."""
    from storage import Lake

    opened = Lake(lake)
    names = {name for needs in STAGES.values() for name in needs}
    return {name: [str(opened.local(name, opened.heads()[name]))] for name in names}


def own_precisions() -> list[str]:
    """float32, and bfloat16 where the CPU multiplies it."""
    from pipeline.model import precision

    return sorted({"float32", precision.resolve("auto", "cpu")}, reverse=True)


def repeat(
    precision: str, stages: list[str], times: int, inputs: dict[str, list[str]], untold: bool
) -> None:
    """Reruns, and a line for each stage: how many different results there were."""
    results: dict[str, list[str]] = {stage: [] for stage in stages}
    for number in range(times):
        said = rerun(number, precision, stages, inputs, untold)
        for stage in stages:
            results[stage].append(said["digests"][stage])
        print(f"{precision} {number + 1}/{times}: {said['digests']}", file=sys.stderr, flush=True)
    for stage, digests in results.items():
        mode, different = said["products"], len(set(digests))
        print(f"| {stage} | {precision} | {mode} | {len(digests)} | {different} |", flush=True)


def compare(precision: str, stages: list[str], times: int, inputs: dict[str, list[str]]) -> None:
    """CPU seconds with MKL told and untold, in turn."""
    seconds: dict[tuple[str, bool], list[float]] = {}
    for number in range(times):
        for untold in (number % 2 == 0, number % 2 == 1):
            said = rerun(0, precision, stages, inputs, untold)
            for stage in stages:
                seconds.setdefault((stage, untold), []).append(said["seconds"][stage])
    for stage in stages:
        told, plain = (statistics.median(seconds[stage, way]) for way in (False, True))
        print(
            f"| {stage} | {precision} | {plain:.2f} s | {told:.2f} s | {told / plain - 1:+.1%} |",
            flush=True,
        )


def rerun(
    number: int, precision: str, stages: list[str], inputs: dict[str, list[str]], untold: bool
) -> dict[str, Any]:
    """One process."""
    draw = random.Random(number)
    spec = {"number": number, "precision": precision, "stages": stages, "inputs": inputs}
    disturbed = {
        "PADDING": "x" * draw.randrange(1, 5000),
        "MALLOC_ARENA_MAX": str(draw.choice((1, 2, 8))),
        "MALLOC_TOP_PAD_": str(draw.randrange(0, 1 << 22)),
        "MALLOC_PERTURB_": str(draw.randrange(0, 256)),
        "PYTHONHASHSEED": "0",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    spec["untold"] = untold
    command = [sys.executable, "-m", "tests.benchmarks.reruns", "--child", json.dumps(spec)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | disturbed, stdout=subprocess.PIPE, check=True
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def child(spec: dict[str, Any]) -> None:
    """The stages in this process."""
    take_odd_blocks(random.Random(spec["number"]))
    from pipeline.model import products

    if spec["untold"]:
        os.environ.pop(products.VARIABLE)
        products.check = lambda: None
    from flows.config import load
    from pipeline.rl import train as rl
    from pipeline.sft import train as sft
    from pipeline.stage import SILENT
    from pipeline.training import pretrain

    changes = [f"{name}.{key}" for name in STAGES for key in (
        f"precision={spec['precision']}", "device=cpu", "threads=2",
    )]  # fmt: skip
    config = load("ci", changes)
    digests, seconds = {}, {}
    for name in spec["stages"]:
        stage = {"pretrain": pretrain, "sft": sft, "rl": rl}[name].STAGE
        with tempfile.TemporaryDirectory() as folder:
            out, scratch = Path(folder) / "out", Path(folder) / "scratch"
            out.mkdir()
            scratch.mkdir()
            inputs = {key: [Path(p) for p in spec["inputs"][key]] for key in STAGES[name]}
            start = time.process_time()
            said = stage.build(
                out=out,
                inputs=inputs,
                config=getattr(config, name),
                progress=SILENT,
                scratch=scratch,
            )
            seconds[name] = time.process_time() - start
            digests[name] = digest(out, said)
    print(
        json.dumps({"digests": digests, "seconds": seconds, "products": products.resolve("auto")})
    )


def take_odd_blocks(draw: random.Random) -> None:
    """Blocks of odd sizes, every other one given back: later ones come to lie elsewhere."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(ctypes.c_size_t(draw.randrange(1, 200_000))) for _ in range(400)]
    for block in blocks[::2]:
        library.free(block)


def digest(folder: Path, said: dict[str, Any]) -> str:
    """Of the statistics and of every file but what a clock saw."""
    total = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "provenance" not in path.parts:
            total.update(str(path.relative_to(folder)).encode())
            total.update(path.read_bytes())
    return total.hexdigest()[:16]


if __name__ == "__main__":
    main()
