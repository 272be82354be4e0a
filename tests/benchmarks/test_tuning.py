"""What the real-text table is tuned on: other documents than it reports, and who tried how much."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.tokenizer import shard_files
from pipeline.training.data_loader import TokenShards
from tests.benchmarks import kinds, real_text, train_peers, tuning


def artifact(tmp_path: Path) -> tuple[Path, Path]:
    """40 hosts of 3 documents to train on, 5 to validate on; a document's number is its tokens."""
    tokens, corpus = tmp_path / "tokens", tmp_path / "corpus"
    tokens.mkdir()
    corpus.mkdir()
    rows, documents, number = [], [], 0
    for split, hosts in (("train", 40), ("validation", 5)):
        name, texts = f"{split}-00000.safetensors", []
        for host in range(hosts):
            for _ in range(3):
                texts.append(np.array([0, number + 1, number + 1], np.uint16))
                documents.append({"shard": name, "id": f"id{number}", "bytes": 7})
                rows.append({"id": f"id{number}", "host": f"{split}{host}.example", "text": "x"})
                number += 1
        shard_files.save(tokens / name, texts, np.full(len(texts), 3))
    pq.write_table(pa.Table.from_pylist(documents), tokens / "document_ids.parquet")
    pq.write_table(pa.Table.from_pylist(rows), corpus / "corpus-en.parquet")
    return tokens, corpus


def test_no_document_of_the_report_and_no_host_of_both_sides_is_tuned_on(tmp_path: Path) -> None:
    tokens, corpus = artifact(tmp_path)
    out = tuning.split_of_training(tokens, corpus, tmp_path / "out")
    numbers = {
        split: [int(part.document(i)[1]) - 1 for i in range(len(part))]
        for split in ("train", "validation")
        for part in [TokenShards(out, split)]
    }
    assert sorted(numbers["train"] + numbers["validation"]) == list(range(120))
    hosts = {split: {number // 3 for number in found} for split, found in numbers.items()}
    assert not hosts["train"] & hosts["validation"]
    assert 1 <= len(hosts["validation"]) <= 12


def test_a_search_goes_on_from_the_best_and_keeps_all_that_was_tried() -> None:
    def bits(settings: dict[str, Any]) -> dict[str, Any]:
        return {"bits_per_byte": abs(settings["rows"] - 16) + abs(settings["rate"] - 4), "steps": 1}

    stages = (tuning.over("rows", 8, 16, 32), tuning.over("rate", 1, 2, 4), tuning.over("rows", 16))
    found = tuning.best_of(tuning.Search({"rows": 8, "rate": 2}, stages), bits)
    assert found["chosen"] == {"rows": 16, "rate": 4}
    tried = [tuple(one["settings"].values()) for one in found["tried"]]
    assert tried == [(8, 2), (16, 2), (32, 2), (16, 1), (16, 4)]


def test_peers_get_as_many_tries_as_ours() -> None:
    tries = {key: sum(map(len, s.stages)) for key, s in tuning.SEARCHES.items()}
    assert tries["nanochat"] >= max(tries["portable"], tries["speedrun"])
    sizes = [one["rows"] for one in tuning.SEARCHES["nanochat"].stages[0]]
    assert sizes == sorted(set(sizes))
    assert len(sizes) >= 3


def test_each_search_is_written_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tuned.json"
    there = {"how": "", "sides": {"portable": {"chosen": {}, "tried": []}}}
    file.write_text(json.dumps({"float32": there}))
    monkeypatch.setattr(tuning, "TUNED", file)
    kind = [kinds.Kind("ordinary", {}, "float32")]
    monkeypatch.setattr(kinds, "kinds", lambda: kind)
    found = {"bits_per_byte": 2.0, "steps": 3, "seconds": 4.0, "nats": np.zeros(3)}
    monkeypatch.setattr(real_text, "timed", lambda *_: found)
    held_out = train_peers.stream_windows(np.arange(40) % 7, 4)
    setting = real_text.Setting(tmp_path, tmp_path, 7, tmp_path, 2, 9.0, held_out)
    tuning.search(setting, ["nanochat"], "some documents")
    written = json.loads(file.read_text())["float32"]
    assert set(written["sides"]) == {"portable", "nanochat"}
    assert written["how"].startswith(
        "searched for each side by itself, on documents of training hosts"
    )
    assert len(written["sides"]["nanochat"]["tried"]) == 8
    kind[0] = kinds.Kind("bf16", {}, "bfloat16")
    tuning.search(setting, ["nanogpt"], "some documents")
    both = json.loads(file.read_text())
    assert both["float32"] == written
    assert set(both["bfloat16"]["sides"]) == {"nanogpt"}
    assert both["bfloat16"]["how"].endswith("bfloat16 products.")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_was_tuned_fits_the_sides(precision: str) -> None:
    found = real_text.tuned()[precision]
    sides = found["sides"]
    assert set(sides) == {side.key for side in real_text.SIDES} == set(tuning.SEARCHES)
    for key, search in tuning.SEARCHES.items():
        assert set(sides[key]["chosen"]) == set(search.start)
        tried = sides[key]["tried"]
        if tried:
            assert (
                min(tried, key=lambda one: one["bits_per_byte"])["settings"] == sides[key]["chosen"]
            )
    assert "on documents of training hosts" in found["how"]
    assert precision in found["how"]


def test_settings_that_were_not_searched_are_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = train_peers.stream_windows(np.arange(40) % 7, 4)
    setting = real_text.Setting(tmp_path, tmp_path, 7, tmp_path, 2, 9.0, held_out)
    found = {"float32": real_text.tuned()["float32"]}
    for side in found["float32"]["sides"].values():
        side["tried"] = [{}, {}]
    shown = [kinds.Kind("ordinary", {}, "float32")]
    assert real_text.note(setting, shown, "", found).count("(the best of 2 tried)") == 4
    found["float32"]["sides"]["nanochat"]["tried"] = []
    assert real_text.note(setting, shown, "", found).count("(not searched yet") == 1


def test_peers_multiply_bf16_where_the_cpu_does_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[list[str], dict[str, str]]] = []

    def side(command: list[Any], threads: int, environment: dict[str, str]) -> dict[str, Any]:
        calls.append(([str(word) for word in command], environment))
        point = {"bits_per_byte": 1.0}
        return {"seconds": 1.0, "clocked_steps": 1, "steps": 1, "points": [point]}

    monkeypatch.setattr(real_text, "last_line", side)
    held_out = train_peers.stream_windows(np.arange(40) % 7, 4)
    setting = real_text.Setting(tmp_path, tmp_path, 7, tmp_path, 2, 9.0, held_out)
    sides = {side.key: side for side in real_text.SIDES}
    for kind in (
        kinds.Kind("bf16", {}, "bfloat16"),
        kinds.Kind("ordinary", kinds.HELD_BACK, "float32"),
    ):
        for key, side_of in sides.items():
            calls.clear()
            chosen = tuning.SEARCHES[key].start
            side_of.run(setting, chosen, kind, 5, tmp_path, tmp_path)
            ((command, environment),) = calls
            assert kind.environment.items() <= environment.items()
            line = " ".join(command)
            if key == "nanogpt":
                assert ("--autocast" in command) == kind.bf16
                assert "--batch_size=8 --learning_rate=0.003 --min_lr=0.0003" in line
            elif key == "nanochat":
                assert environment["NANOCHAT_DTYPE"] == kind.precision
                assert "--total-batch-size=8192 --warmup-steps=40 --matrix-lr=0.16" in line
            else:
                laid = json.loads(command[-1])
                assert laid["precision"] == kind.precision
                assert laid["loop"]["rows_per_step"] == 16
                assert laid["optimizer"]["matrix_lr"] == 0.04
                assert "rows" not in laid["optimizer"]
