"""Every list, table and model that decides an output is in the digest of what it decides."""

import importlib
import json
import pkgutil
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pipeline
from pipeline import reference_data
from pipeline.corpus import assemble, assemble_group, duplicates, held_out_hosts, select
from pipeline.extract import classify
from pipeline.filters import language, public_suffix, url_lists
from pipeline.scan import stage as scan
from pipeline.stage import Stage
from storage.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = (".py", ".pyc", ".pyi", ".c", ".h", ".so", ".md")
# Files of our packages that decide no artifact's content, and why.
UNCHANGING = {
    "flows/presets/*.toml": "what a preset says is in the recipe",
    "pipeline/report/*.jinja": "the report is no artifact",
    "pipeline/serve/pages/static/*": "pages are no artifacts",
    "pipeline/serve/pages/static/vendor/*": "likewise",
    "pipeline/serve/pages/templates/*": "likewise",
    "pipeline/tokenizer/chat_template.jinja": "code: versions of the stages that write it stand",
    "py.typed": "it tells type checkers that a package has types",
}


def stages() -> list[Stage]:
    """All stages there are."""
    found: dict[str, Stage] = {}
    for module in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        if module.name.endswith("__main__"):
            continue
        path = REPOSITORY / (module.name.replace(".", "/") + ".py")
        if path.is_file() and "= Stage(" in path.read_text():
            known = vars(importlib.import_module(module.name)).values()
            found |= {stage.kind: stage for stage in known if isinstance(stage, Stage)}
    return list(found.values())


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data files where they can be changed."""
    for package, inside in reference_data.FILES.values():
        folder = reference_data._folder(package) if package else reference_data._HERE
        for file in inside:
            there = tmp_path / package / file
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file, there)
    monkeypatch.setattr(reference_data, "_folder", lambda package: tmp_path / package)
    monkeypatch.setattr(reference_data, "_HERE", tmp_path)
    reference_data._digests.cache_clear()
    yield tmp_path
    reference_data._digests.cache_clear()


def test_the_names_mean_the_files_that_are_read() -> None:
    assert reference_data.files("language-model") == [language.model_path()]
    assert reference_data.files("block-classifier") == [classify.MODEL]
    assert reference_data.files("url-lists")[0] == url_lists.assets_folder() / url_lists.ARCHIVE
    (suffixes,) = reference_data.files("public-suffixes")
    assert suffixes.name == public_suffix.SNAPSHOT
    assert all(
        path.is_file() for name in reference_data.FILES for path in reference_data.files(name)
    )


def test_every_name_belongs_to_a_stage() -> None:
    named = {name for stage in stages() for name in stage.data}
    assert named == {*reference_data.FILES, *reference_data.PACKAGES, reference_data.UNICODE}
    with pytest.raises(KeyError, match="no data are called x"):
        reference_data.digests(["x"])


@pytest.mark.parametrize("name", [*reference_data.FILES])
def test_another_byte_is_another_digest(copied: Path, name: str) -> None:
    for path in reference_data.files(name):
        before = {stage.kind: reference_data.inputs_of(stage.data) for stage in stages()}
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
        reference_data._digests.cache_clear()
        after = {stage.kind: reference_data.inputs_of(stage.data) for stage in stages()}
        changed = {kind for kind in before if before[kind] != after[kind]}
        assert changed == {stage.kind for stage in stages() if name in stage.data} != set()
    path.unlink()
    reference_data._digests.cache_clear()
    with pytest.raises(UserError, match=rf"{path.name}: .*: install .* again"):
        reference_data.digests([name])


def test_another_version_is_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*reference_data.PACKAGES, reference_data.UNICODE):
        reference_data._digests.cache_clear()
        (before,) = reference_data.digests([name])
        with monkeypatch.context() as patched:
            patched.setattr("importlib.metadata.version", lambda _: "99.1")
            patched.setattr(unicodedata, "unidata_version", "99.1")
            reference_data._digests.cache_clear()
            (after,) = reference_data.digests([name])
        assert before != after
        assert after.endswith(f":{name}-99.1")
    reference_data._digests.cache_clear()


def test_the_data_files_of_our_packages_are_named() -> None:
    named = {path for name in reference_data.FILES for path in reference_data.files(name)}
    for package in ("flows", "pipeline", "storage"):
        for path in (REPOSITORY / package).rglob("*"):
            if path.suffix in CODE or not path.is_file() or path in named:
                continue
            relative = path.relative_to(REPOSITORY)
            assert any(relative.match(known) for known in UNCHANGING), (
                f"{relative}: name it in pipeline.reference_data and in the stages that read it,"
                " or say here why it changes no output"
            )


# Runs stages in a process of its own, and notes which files they open; forks note them as well.
WATCHED = """
import json, os, sys
from pathlib import Path
from pipeline.corpus import assemble, assemble_group, duplicates, held_out_hosts, select
from pipeline.extract.config import ExtractConfig
from pipeline.scan import stage as scan
from pipeline.scan.config import ScanConfig
from pipeline.stage import SILENT

out, log = Path(sys.argv[1]), None

def hook(event, given):
    if event == "open" and log is not None and isinstance(given[0], (str, bytes, os.PathLike)):
        os.write(log, os.fsencode(given[0]) + b"\\n")

sys.addaudithook(hook)

def run(stage, config=None, name="", **inputs):
    global log
    log = os.open(out / f"{stage.kind}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if stage.preload:
        stage.preload(config or stage.config())
    folder = out / (name or stage.kind)
    folder.mkdir()
    stage.build(out=folder, inputs=inputs, config=config or stage.config(), progress=SILENT,
                scratch=out / f"{folder.name}.scratch")
    return folder

warc = [Path(sys.argv[2])]
other = ScanConfig(extract=ExtractConfig(engine="trafilatura"))
run(scan.STAGE, other, "other", warc=warc)
given = {"parts": [run(scan.STAGE, warc=warc)]}
group = run(select.GROUP, **given)
selection = run(select.STAGE, groups=[group])
copies = run(duplicates.STAGE, selection=[selection], **given)
given |= {"selection": [group], "duplicates": [copies]}
split = run(held_out_hosts.STAGE, groups=[run(held_out_hosts.GROUP, **given)])
joined = run(assemble_group.STAGE, split=[split], **given)
run(assemble.STAGE, groups=[joined], selection=[selection], duplicates=[copies], split=[split])
"""


def test_what_the_corpus_stages_open_is_named(
    tmp_path: Path,
    make_warc: Callable[..., list[int]],
    make_page: Callable[..., bytes],
    prose: Callable[..., str],
) -> None:
    pages = [
        {"url": f"http://h{n}.example/", "body": make_page(f"{prose(str(n), 8)}\n{pii}")}
        for n, pii in enumerate(
            ("Call +44 20 7946 0958 or mail jane.roe@mail.example.co.uk today.", "SSN 219-09-9999")
        )
    ]
    make_warc(tmp_path / "a.warc.gz", pages)
    command = [sys.executable, "-c", WATCHED, str(tmp_path), str(tmp_path / "a.warc.gz")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "scan" / "read.json").read_text())["records"] == 2
    packages = [Path(p) for p in sys.path if p.endswith("site-packages")]
    packages += [REPOSITORY / "pipeline", REPOSITORY / "storage"]
    by_version = {"phonenumbers", "stdnum", "justext"}  # of data.PACKAGES
    stages_run = (
        scan.STAGE,
        select.GROUP,
        select.STAGE,
        duplicates.STAGE,
        held_out_hosts.GROUP,
        held_out_hosts.STAGE,
    )
    for stage in (*stages_run, assemble_group.STAGE, assemble.STAGE):
        named = {path for name in stage.data for path in reference_data.files(name)}
        opened = {Path(line) for line in (tmp_path / f"{stage.kind}.log").read_text().split("\n")}
        odd = {
            path
            for path in opened - named
            if any(path.is_relative_to(folder) for folder in packages)
            and path.suffix not in CODE
            and ".dist-info" not in str(path)
            and not by_version & set(path.parts)
        }
        assert not odd, stage.kind
        if stage is scan.STAGE:
            assert {path for path in named if path.suffix != ".py"} <= opened
