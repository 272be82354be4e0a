"""SIGKILL to the search index's stage, again and again: the same bytes in the end."""

import random
import signal
import sqlite3
import time
from pathlib import Path

from search_corpora import write_corpus, write_index
from worker_process import start_worker

from pipeline.config import to_dict
from pipeline.tools.config import SearchIndexConfig
from pipeline.tools.search_index import FILE

DOCUMENTS = 12_000  # some seconds of work: a quick machine isn't done before the last kill


def committed(database: Path, while_written: bool) -> int:
    """Rows of the corpus that are done for good; while it is written, past its locks."""
    place = f"file:{database}?mode={'ro&immutable=1' if while_written else 'rw'}"
    try:
        connection = sqlite3.connect(place, uri=True)
        found = connection.execute("SELECT rows FROM progress").fetchone()
        connection.close()
    except sqlite3.Error:  # not there yet, or half written
        return -1
    return int(found[0])


def test_killed_within_and_between_commits_it_goes_on(tmp_path: Path) -> None:
    rng = random.Random(0)
    vocabulary = [f"word{number}" for number in range(3_000)]
    texts = [f"{' '.join(rng.choices(vocabulary, k=40))}." for _ in range(DOCUMENTS)]
    corpus = write_corpus(tmp_path / "corpus", texts)
    statistics = write_index(tmp_path / "undisturbed", corpus)
    expected = (tmp_path / "undisturbed" / FILE).read_bytes()
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    for folder in (out, scratch):
        folder.mkdir()
    spec = {
        "kind": "search_index",
        "entry": "pipeline.tools.search_index:build",
        "out": str(out),
        "inputs": {"corpus": [str(corpus)]},
        "config": to_dict(SearchIndexConfig()),
        "scratch": str(scratch),
        "processes": 1,
    }
    kept = []
    for goal in (0, 2_000, 4_000):
        process = start_worker(tmp_path, spec)
        while process.poll() is None and committed(scratch / FILE, True) < goal:
            time.sleep(0.002)
        time.sleep(0.03)  # into the next ones
        process.send_signal(signal.SIGKILL)
        _, stderr = process.communicate()
        assert process.returncode == -signal.SIGKILL, stderr
        assert not list(out.iterdir())
        kept.append(committed(scratch / FILE, False))
    process = start_worker(tmp_path, spec)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stdout + stderr
    assert f"{kept[-1]:,} documents of an earlier run are kept" in stdout
    assert kept == sorted(kept)
    assert 4_000 <= kept[-1] < DOCUMENTS
    assert (out / FILE).read_bytes() == expected
    assert str(statistics["passages"]) in stdout
