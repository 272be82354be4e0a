"""The command doctor: what this machine has, and what would go wrong here. Exit 1 if anything
would.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from flows.cli import output
from pipeline.tools.tool import ToolError
from storage.errors import UserError
from storage.redaction import redact

MIN_FREE_DISK_GIB = 2.0  # the demo's lake takes well under one
MIN_MEMORY_GIB = 4.0
BUSY_LOAD = 0.5  # programs a core that run or wait: beyond it training's two threads have company
GIB = 1024**3
PACKAGES = ("torch", "prefect", "pyarrow", "duckdb", "trafilatura", "fasttext", "tokenizers")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

Check = tuple[str, str]  # ok, warning or problem; what was found


def doctor(chosen: argparse.Namespace) -> int:
    """Run all checks."""
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", _python),
        ("packages", _packages),
        ("url lists", _url_lists),
        ("processor", _processor),
        ("kernels", _kernels),
        ("load", _load),
        ("memory", _memory),
        ("disk", lambda: _disk(chosen.lake)),
        ("lake", lambda: _lake(chosen.lake)),
        ("presets", _presets),
        ("programs", _programs),
        ("sandbox", _sandbox),
        ("search", _search),
        ("prefect server", _server),
    ]
    found = []
    for name, check in checks:
        state, what = check()
        found.append({"check": name, "state": state, "found": redact(what)})
    if chosen.json:
        output.document(found)
    else:
        output.rows(("check", "state", "found"), [tuple(row.values()) for row in found])
    return 1 if any(row["state"] == "problem" for row in found) else 0


def _python() -> Check:
    return "ok", f"{sys.version.split()[0]} at {sys.executable}"


def _packages() -> Check:
    missing, there = [], []
    for name in PACKAGES:
        try:
            there.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return "problem", f"not installed: {', '.join(missing)} (make setup)"
    return "ok", ", ".join(there)


def _url_lists() -> Check:
    from pipeline.filters.language import model_path
    from pipeline.filters.url_lists import ARCHIVE

    spec = importlib.util.find_spec("datatrove")
    assets = Path(str(spec and spec.origin)).parent / "assets"
    if not (assets / ARCHIVE).is_file():
        return "problem", f"datatrove's URL lists are missing: {assets / ARCHIVE}"
    if not model_path().is_file():
        return "problem", f"the language model is missing: {model_path()}"
    return "ok", "URL lists and language model are installed"


def _processor() -> Check:
    import torch

    from pipeline.model import device, precision, products

    place = device.pick("auto")
    chosen = precision.resolve("auto", place)
    by = f" ({products.resolve('auto', place)})" if place.type == "cpu" else ""
    name = torch.cuda.get_device_name(place) if place.type == "cuda" else place.type
    return "ok", f"{os.cpu_count()} cores; training on {name}, matrix products in {chosen}{by}"


def _kernels() -> Check:
    from pipeline.model import instructions

    try:
        found = instructions.described()
    except UserError as error:
        return "problem", str(error)
    if "by torch" in found:
        return "warning", f"{found}: the extensions are not built (make setup)"
    return "ok", found


def _load() -> Check:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores * BUSY_LOAD:
        return "warning", f"{load:.1f} on {cores} cores: the machine is busy, times say little"
    return "ok", f"{load:.1f} on {cores} cores"


def _memory() -> Check:
    import psutil

    total = psutil.virtual_memory().total / GIB
    if CGROUP_LIMIT.is_file() and (limit := CGROUP_LIMIT.read_text().strip()).isdigit():
        total = min(total, int(limit) / GIB)
    state = "ok" if total >= MIN_MEMORY_GIB else "warning"
    return state, f"{total:.1f} GiB (the demo wants {MIN_MEMORY_GIB:g})"


def _disk(url: str) -> Check:
    place = Path.cwd() if "://" in url else Path(url).expanduser().absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / GIB
    state = "ok" if free >= MIN_FREE_DISK_GIB else "warning"
    return state, f"{free:.1f} GiB free at {place}"


def _lake(url: str) -> Check:
    from storage import Lake

    try:
        lake = Lake(url)
        count, heads = len(lake.glance()), lake.heads()
    except (UserError, OSError) as error:
        return "problem", f"{url}: {error}"
    newest = ", ".join(heads) or "nothing yet"
    return "ok", f"{url}: {count} artifacts; newest run: {newest}"


def _presets() -> Check:
    from flows.config import load, preset_names

    for name in preset_names():
        try:
            load(name)
        except UserError as error:
            return "problem", f"{name}: {error}"
    return "ok", ", ".join(preset_names())


def _programs() -> Check:
    """What runs programs that models write, unless a run says otherwise."""
    from pipeline.tools.config import PythonConfig
    from pipeline.tools.python_tool import python_tool

    try:
        tool = python_tool(PythonConfig(processes=1))
        said = tool.call({"code": "6 * 7"})
        tool.close()
    except (UserError, ToolError) as error:
        return "warning", str(error)
    if said != "42":
        return "problem", f"by monty 6 * 7 is {said}"
    return "ok", f"by monty {importlib.metadata.version('pydantic-monty')}"


def _sandbox() -> Check:
    """What isolates programs in CPython here."""
    from pipeline.tools.config import PythonConfig
    from pipeline.tools.fork_server import check_layers, layers_here

    config = PythonConfig("cpython")
    try:
        report = layers_here(config)
        check_layers(report, config)
    except UserError as error:
        return "warning", str(error)
    return "warning" if report.absent else "ok", f"cpython: {report.described}"


def _search() -> Check:
    """What search indexes are made with."""
    from pipeline.tools import fts5

    try:
        return "ok", fts5.described()
    except UserError as error:
        return "problem", str(error)


def _server() -> Check:
    from flows.runner.server import ServerNotStarted, check_home, configured_url, is_up

    try:
        check_home()
        url = configured_url()
    except (UserError, ServerNotStarted) as error:
        return "problem", str(error)
    if url is None:
        return "ok", "none configured: each run brings its own (make server starts one with the UI)"
    if is_up(url):
        return "ok", url
    return "problem", f"{url} does not answer: start it (make server) or unset PREFECT_API_URL"
