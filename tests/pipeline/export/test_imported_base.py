"""Other people's models as artifacts: the same weights, nothing besides, the rest refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hf_models import VARIANTS, random_model, write_tokenizer
from random_models import byte_tokenizer
from random_models import random_model as own_model

from pipeline import model as models
from pipeline.export import gguf_write, imported_base
from pipeline.stage import SILENT
from storage.errors import UserError

FAMILIES = {"qwen3": "qwen3", "llama": "llama", "gpt2": "gpt2"}


def folder_of(family: str, folder: Path, **save: Any) -> Path:
    kind, settings = VARIANTS[family]
    random_model(kind, settings).save_pretrained(folder, **save)
    write_tokenizer(family, folder)
    return folder


def run(files: list[Path], out: Path) -> imported_base.ImportedBaseStatistics:
    out.mkdir()
    inputs: imported_base.ImportedBaseInputs = {"files": files}
    return imported_base.build(out, inputs, imported_base.ImportedBaseConfig(), SILENT, out)


def same(a: Path, b: Path) -> bool:
    ours, theirs = (models.load(folder) for folder in (a, b))
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        equal = torch.equal(ours[0](tokens), theirs[0](tokens))
    return equal and ours[1].to_json() == theirs[1].to_json()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_of_each_family_is_taken_as_it_is(family: str, tmp_path: Path) -> None:
    source = folder_of(family, tmp_path / "theirs")
    (source / "pytorch_model.bin").write_bytes(b"a pickle")
    (source / "README.md").write_text("a card")
    files = imported_base.files_of(source)
    assert {f.name for f in files} <= {*imported_base.SMALL_FILES, "model.safetensors"}
    statistics = run(files, tmp_path / "out")
    assert same(tmp_path / "out", source)
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == sorted(f.name for f in files)
    model, _ = models.load(source)
    own = ["<|im_start|>", "<|im_end|>"] if family == "qwen3" else []
    assert statistics == {
        "family": FAMILIES[family],
        "parameters": model.parameter_count,
        "vocabulary": 300,
        "max_context": 128,
        "conversation_tokens": own,
    }


def test_weights_in_parts_come_with_their_index_and_no_others(tmp_path: Path) -> None:
    source = folder_of("llama", tmp_path / "theirs", max_shard_size="60KB")
    (source / "consolidated.safetensors").write_bytes(b"the same once more")
    files = imported_base.files_of(source)
    parts = [f.name for f in files if f.suffix == ".safetensors"]
    assert len(parts) > 1
    assert "consolidated.safetensors" not in parts
    assert "model.safetensors.index.json" in {f.name for f in files}
    run(files, tmp_path / "out")
    assert same(tmp_path / "out", source)


def test_a_gguf_file_becomes_a_folder(tmp_path: Path) -> None:
    models.save(own_model("qwen3"), byte_tokenizer(), tmp_path / "ours")
    gguf_write.write(tmp_path / "ours", tmp_path / "m.gguf", "f32", "m")
    files = imported_base.files_of(tmp_path / "m.gguf")
    assert files == [tmp_path / "m.gguf"]
    statistics = run(files, tmp_path / "out")
    assert statistics["family"] == "qwen3"
    ours, theirs = models.load(tmp_path / "ours")[0], models.load(tmp_path / "out")[0]
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(ours(tokens), theirs(tokens))


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    models.save(own_model("gpt2"), byte_tokenizer(), tmp_path / "ours")
    gguf_write.write(tmp_path / "ours", tmp_path / "m.gguf", "f16", "m")
    for out in ("one", "two"):
        run([tmp_path / "m.gguf"], tmp_path / out)
    one, two = (
        {f.name: f.read_bytes() for f in (tmp_path / out).iterdir()} for out in ("one", "two")
    )
    assert one == two


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_something_is_refused_by_its_name(missing: str, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        if name != missing:
            (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=f"no model folder: {missing} is missing"):
        imported_base.files_of(tmp_path)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(b"x")
    for path in (tmp_path / "gone", tmp_path / "gone.gguf", tmp_path / "m.bin"):
        with pytest.raises(UserError, match="Hugging Face folder"):
            imported_base.files_of(path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({}, "has no weight_map"),
        ({"weight_map": {"a": 5}}, "has no weight_map"),
        ({"weight_map": {"a": "../b.safetensors"}}, "outside of its folder"),
        ({"weight_map": {"a": "/etc/passwd"}}, "outside of its folder"),
        ({"weight_map": {"a": "b.safetensors"}}, "b.safetensors is missing"),
    ],
)
def test_an_index_that_leads_nowhere_is_refused(
    index: dict[str, Any], message: str, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=message):
        imported_base.files_of(tmp_path)


def test_a_folder_that_would_be_computed_differently_is_refused(tmp_path: Path) -> None:
    source = folder_of("llama", tmp_path / "theirs")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | {"attention_bias": True}))
    with pytest.raises(UserError, match="attention_bias"):
        run(imported_base.files_of(source), tmp_path / "out")
