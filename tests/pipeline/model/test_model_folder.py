"""Model folders: what save writes load reads, and what is no model says so."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.model import ModelConfig, hf_config, load, save
from storage.errors import UserError


@pytest.fixture
def folder(make_model, tokenizer, tmp_path):
    save(make_model(vocab_size=270), tokenizer, tmp_path)
    return tmp_path


def test_round_trip_is_exact(make_model, tokenizer, folder):
    model, read = load(folder)
    again = make_model(vocab_size=270)
    for name, weight in again.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight)
    assert model.config == again.config
    assert read.encode("the cat") == tokenizer.encode("the cat")
    assert all(p.requires_grad for p in model.parameters())
    assert load(folder, compute_dtype=torch.bfloat16)[0].compute_dtype == torch.bfloat16


def test_bytes_are_reproducible(make_model, tokenizer, folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("again")
    save(make_model(vocab_size=270), tokenizer, other)
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    for name in names:
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_tied_head_is_stored_once(make_model, tokenizer, tmp_path):
    save(make_model(vocab_size=270, tie_embeddings=True), tokenizer, tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    assert load(tmp_path)[0].lm_head is None


def test_chat_tokens_set_the_stop_token(make_model, tokenizer, tmp_path):
    model = make_model(vocab_size=270)
    save(model, tokenizer, tmp_path / "base")
    chat = tokenizer.with_conversation_tokens()
    model.grow_vocabulary(chat.vocab_size)
    save(model, chat, tmp_path / "chat")
    config = [json.loads((tmp_path / n / "config.json").read_text()) for n in ("base", "chat")]
    assert config[0]["eos_token_id"] == tokenizer.document_token
    assert config[1]["eos_token_id"] == chat.special("<|im_end|>")
    assert config[1]["vocab_size"] == 276


def test_shards_with_an_index_are_read(make_model, folder):
    tensors = load_file(folder / "model.safetensors")
    expected = load(folder)[0].state_dict()
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    where = {n: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, n in enumerate(names)}
    for file in sorted(set(where.values())):
        part = {n: tensors[n].bfloat16() for n in names if where[n] == file}
        save_file(part, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    for name, weight in load(folder)[0].state_dict().items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, expected[name].bfloat16().float())


def break_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 40}))


def break_missing(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors")


def break_rope(folder):
    config = json.loads((folder / "config.json").read_text())
    config["rope_scaling"] = {"rope_type": "dynamic", "factor": 4.0}
    (folder / "config.json").write_text(json.dumps(config))


def break_kind(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


def break_vocabulary(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 200}))


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n"
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "config.json").unlink(), "no model at"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights at"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer at"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\0" * 40), "not a safetensors"),
        (lambda f: (f / "config.json").write_text("{"), "not JSON"),
        (break_shape, "has shape"),
        (break_missing, "norm.weight is missing"),
        (break_rope, "RoPE scaling"),
        (break_kind, "'bert': qwen3, llama, gpt2"),
        (break_vocabulary, "don't belong together"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json holds no JSON object"),
        (lambda f: (f / "config.json").write_text("<!doctype html>"), "config.json .* web page"),
        (lambda f: (f / "config.json").write_text(POINTER), "config.json .* LFS pointer"),
        (lambda f: (f / "model.safetensors").write_text(POINTER), "safetensors .* LFS pointer"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "safetensors .* empty"),
        (lambda f: (f / INDEX).write_text("{}"), "index.json has no weight_map"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {}}'), "has no weight_map"),
        (lambda f: (f / INDEX).write_text('{"weight_map": ["a"]}'), "has no weight_map"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {"a": 3}}'), "tensor a lies in 3"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {"a": "../b"}}'), "no file of this"),
        (lambda f: (f / INDEX).write_text("<html>"), "index.json .* web page"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {"a": "b"}}'), "no weights at .*b"),
    ],
)
def test_what_is_no_model_is_named(folder, damage, said):
    damage(folder)
    with pytest.raises(UserError, match=said):
        load(folder)


def test_config_round_trip():
    config = ModelConfig(100, 3, 64, 8, 2, 16, 96, 128, rope_theta=5e5, tie_embeddings=True)
    assert hf_config.from_hf(hf_config.to_hf(config)) == config


def test_transformers_own_config_is_understood(folder, tmp_path):
    """transformers 5 writes rope_theta inside rope_parameters."""
    from transformers import AutoConfig

    AutoConfig.from_pretrained(folder).save_pretrained(tmp_path / "theirs")
    data = json.loads((tmp_path / "theirs" / "config.json").read_text())
    assert hf_config.from_hf(data) == load(folder)[0].config


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_lie_as_torch_lays_them_and_are_not_the_file(folder, dtype):
    """Mapped from the file they begin where its header ends, and change when it is overwritten."""
    path = folder / "model.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path)
    model, _ = load(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert {tensor.data_ptr() % 64 for tensor in model.state_dict().values()} == {0}
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
