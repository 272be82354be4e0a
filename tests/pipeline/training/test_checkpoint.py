import contextlib
import math
from typing import cast

import pytest
import safetensors.torch
import torch
from checkpoints import newest
from forgetful_disk import LOST, ForgetfulDisk

from pipeline.training import checkpoint
from pipeline.training.run_records import CheckpointMeta

NO_META = cast(CheckpointMeta, {})  # what it holds is nothing to the files


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3, 2), value), "b": torch.tensor([7], dtype=torch.int64)}


def test_round_trip_keeps_bits_and_meta(tmp_path):
    meta = cast(CheckpointMeta, {"loss": 0.1 + 0.2, "rows": [1, None, "x"], "bad": math.inf})
    checkpoint.save(tmp_path, 5, {"a": torch.tensor([0.1, -0.0, math.nan])}, meta)
    found = newest(tmp_path)
    assert found.step == 5
    assert found.meta == meta
    expected = torch.tensor([0.1, -0.0, math.nan])
    assert torch.equal(found.tensors["a"].view(torch.int32), expected.view(torch.int32))


def test_only_the_newest_two_are_kept(tmp_path):
    for step in (1, 2, 10, 11):
        checkpoint.save(tmp_path, step, tensors(step), NO_META)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint-000000010.json",
        "checkpoint-000000010.safetensors",
        "checkpoint-000000011.json",
        "checkpoint-000000011.safetensors",
    ]


def test_a_damaged_newest_falls_back(tmp_path):
    checkpoint.save(tmp_path, 1, tensors(1), NO_META)
    checkpoint.save(tmp_path, 2, tensors(2), NO_META)
    data = tmp_path / "checkpoint-000000002.safetensors"
    whole = data.read_bytes()
    for damage in (whole[:-1], whole[:-5] + b"\x01" + whole[-4:], b""):
        data.write_bytes(damage)
        assert newest(tmp_path).step == 1
    data.unlink()
    assert newest(tmp_path).step == 1
    data.write_bytes(whole)
    (tmp_path / "checkpoint-000000002.json").write_text('{"step": 2')
    assert newest(tmp_path).step == 1


def test_leftovers_of_a_killed_save_are_ignored_and_removed(tmp_path):
    checkpoint.save(tmp_path, 1, tensors(1), NO_META)
    (tmp_path / "checkpoint-000000002.safetensors").write_bytes(b"no json yet")
    (tmp_path / ".checkpoint-000000002.json.12.ab.part").write_bytes(b"{")
    assert newest(tmp_path).step == 1
    checkpoint.save(tmp_path, 2, tensors(2), NO_META)
    assert not list(tmp_path.glob("*.part"))
    assert newest(tmp_path).tensors["a"][0, 0] == 2


def test_no_checkpoint(tmp_path):
    assert newest(tmp_path) is None
    assert newest(tmp_path / "absent") is None


def test_the_file_is_what_the_formats_own_writer_would_read(tmp_path):
    given = {
        "bytes": torch.arange(7, dtype=torch.uint8),
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "half": torch.randn(3, 5).to(torch.bfloat16),
        "turned": torch.randn(4, 6).T,
        "empty": torch.zeros(0, 3),
        "flags": torch.tensor([True, False, True]),
        "long": torch.randn(checkpoint.CHUNK_BYTES // 4 + 5),
    }
    checkpoint.save(tmp_path, 3, given, NO_META)
    data = (tmp_path / "checkpoint-000000003.safetensors").read_bytes()
    loaded = checkpoint.load(tmp_path, 3)
    assert loaded is not None
    for found in (safetensors.torch.load(data), loaded.tensors):
        assert found.keys() == given.keys()
        for name, tensor in given.items():
            assert found[name].dtype == tensor.dtype
            assert torch.equal(found[name], tensor), name


def test_a_failed_save_leaves_no_half_file_and_the_older_ones(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 1, tensors(1), NO_META)
    before = sorted(p.name for p in tmp_path.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.durable.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, 2, tensors(2), NO_META)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert newest(tmp_path).step == 1


def test_keep_decides_what_stays(tmp_path):
    for step in (1, 2, 3, 4):
        checkpoint.save(tmp_path, step, tensors(step), NO_META, keep=lambda steps: {1, max(steps)})
    assert checkpoint.steps(tmp_path) == [1, 4]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("number", range(1, 11))
def test_after_a_power_cut_there_is_the_newest_or_the_one_before(tmp_path, lost, number):
    (tmp_path / "disk").mkdir()
    disk = ForgetfulDisk(tmp_path / "disk", tmp_path / "notes")

    def cut(count: int) -> None:
        if count == number:
            raise InterruptedError

    scratch = disk.root / "scratch"
    saved = 0
    end = disk.watch(cut)
    with contextlib.suppress(InterruptedError):
        for step in (1, 2):
            checkpoint.save(scratch, step, tensors(step), NO_META)
            saved = step
    end()
    assert (saved == 2) == (number == 10)  # one of the folder, four of a checkpoint
    disk.power_cut(lost)
    found = newest(scratch) if scratch.exists() else None
    assert (found.step if found else 0) in (saved, saved + 1)
    checkpoint.save(scratch, 3, tensors(3), NO_META)
    assert newest(scratch).step == 3
