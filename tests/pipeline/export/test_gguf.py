"""GGUF files: read back they are the folder again, and what can't be written is refused."""

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_models import FAMILIES, SHAPE, byte_tokenizer, random_model
from safetensors.torch import load_file, save_file

from pipeline import model as models
from pipeline.export import gguf_write, load, load_tokenizer, tensor_names, to_folder
from pipeline.export.metadata import shortest
from pipeline.model import ModelConfig, Transformer
from pipeline.model.rope import RopeScaling
from storage.errors import UserError
from storage.json_object import read_object

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def folder_of(model, tmp_path, tokenizer=None):
    folder = tmp_path / "model"
    models.save(model, tokenizer or byte_tokenizer(), folder)
    return folder


def write(folder, file, kind="f32"):
    return gguf_write.write(folder, file, kind, "test")


@pytest.mark.parametrize("name", FAMILIES)
def test_round_trip_to_the_byte(name, tmp_path):
    folder = folder_of(random_model(name), tmp_path)
    write(folder, tmp_path / "model.gguf")
    model, tokenizer = load(tmp_path / "model.gguf")
    assert model.config == models.load(folder)[0].config
    models.save(model, tokenizer, tmp_path / "again")
    for file in FILES:
        assert (tmp_path / "again" / file).read_bytes() == (folder / file).read_bytes()


def test_trained_chat_model_comes_back_to_the_byte(post_training, tmp_path):
    """Conversation tokens, stop token and template go with it."""
    for folder in (post_training.base, post_training.chat):
        write(folder, tmp_path / "model.gguf")
        models.save(*load(tmp_path / "model.gguf"), tmp_path / "again")
        for file in FILES:
            assert (tmp_path / "again" / file).read_bytes() == (folder / file).read_bytes()


@pytest.mark.parametrize(("kind", "dtype"), [("f16", torch.float16), ("bf16", torch.bfloat16)])
def test_half_precision_is_the_rounded_model(kind, dtype, tmp_path):
    model = random_model("llama")
    write(folder_of(model, tmp_path), tmp_path / "half.gguf", kind)
    read = load(tmp_path / "half.gguf")[0].state_dict()
    for name, weight in model.state_dict().items():
        stored = weight if weight.ndim == 1 else weight.to(dtype).float()
        assert torch.equal(read[name], stored), name


def test_q8_keeps_each_weight_within_half_a_step(tmp_path):
    """A step is the largest of 32 neighbours / 127, itself kept in f16: 127 times 2^-11 more."""
    model = random_model("qwen3")
    written = write(folder_of(model, tmp_path), tmp_path / "q8.gguf", "q8_0")
    assert written.tensors == {"f32": 9, "q8_0": 16}
    read = load(tmp_path / "q8.gguf")[0].state_dict()
    changed = 0
    for name, weight in model.state_dict().items():
        if weight.ndim == 1:
            assert torch.equal(read[name], weight)
            continue
        blocks = weight.reshape(-1, 32)
        step = blocks.abs().amax(-1, keepdim=True) / 127
        assert ((read[name].reshape(-1, 32) - blocks).abs() <= (0.5 + 127 / 2**11) * step).all()
        changed += int((read[name] != weight).sum())
    assert changed > 0


def test_q8_leaves_short_rows_in_f16(tmp_path):
    model = random_model("qwen3", width=48, ffn_width=80)
    written = write(folder_of(model, tmp_path), tmp_path / "q8.gguf", "q8_0")
    # only the attention's output reads rows of 4 heads of 16
    assert written.tensors == {"f16": 14, "f32": 9, "q8_0": 2}
    read = load(tmp_path / "q8.gguf")[0].state_dict()
    name = "layers.0.mlp.up_proj.weight"
    assert torch.equal(read[name], model.state_dict()[name].half().float())


def test_same_bytes_each_time_and_no_leftovers(tmp_path):
    folder = folder_of(random_model("gpt2"), tmp_path)
    for kind in gguf_write.TYPES:
        one, two = tmp_path / "1.gguf", tmp_path / "2.gguf"
        write(folder, one, kind)
        write(folder, two, kind)
        assert one.read_bytes() == two.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.gguf", "2.gguf", "model"]


def test_keys_that_llama_cpp_reads(tmp_path):
    model = random_model("qwen3 yarn", vocab_size=260)
    write(folder_of(model, tmp_path), tmp_path / "model.gguf", "f16")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    keys = {name: field.contents() for name, field in reader.fields.items()}
    expected = {
        "general.architecture": "qwen3",
        "general.file_type": 1,
        "qwen3.block_count": SHAPE["layers"],
        "qwen3.context_length": SHAPE["max_context"],
        "qwen3.embedding_length": SHAPE["width"],
        "qwen3.feed_forward_length": SHAPE["ffn_width"],
        "qwen3.attention.head_count": SHAPE["heads"],
        "qwen3.attention.head_count_kv": SHAPE["kv_heads"],
        "qwen3.attention.key_length": SHAPE["head_dim"],
        "qwen3.attention.value_length": SHAPE["head_dim"],
        "qwen3.rope.freq_base": 500_000.0,
        "qwen3.rope.scaling.type": "yarn",
        "qwen3.rope.scaling.factor": 4.0,
        "qwen3.rope.scaling.original_context_length": 48,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,  # every document began with it
    }
    assert {name: keys[name] for name in expected} == expected
    assert shortest(keys["qwen3.attention.layer_norm_rms_epsilon"]) == 1e-6
    assert keys["tokenizer.ggml.tokens"][-2:] == ["[PAD258]", "[PAD259]"]
    assert keys["tokenizer.ggml.token_type"] == [3, *[1] * 257, 5, 5]
    assert "tokenizer.chat_template" not in keys


def test_padding_is_no_token_when_read(tmp_path):
    write(folder_of(random_model("qwen3", vocab_size=300), tmp_path), tmp_path / "model.gguf")
    model, tokenizer = load(tmp_path / "model.gguf")
    assert (model.config.vocab_size, tokenizer.vocab_size) == (300, 258)
    assert load_tokenizer(tmp_path / "model.gguf").encode("the") == tokenizer.encode("the")


def test_sharded_bf16_folder_is_written(tmp_path):
    """As large models come from Hugging Face."""
    import json

    model = random_model("llama llama3")
    folder = folder_of(model, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    where = {n: f"model-{1 + i % 2}-of-2.safetensors" for i, n in enumerate(sorted(tensors))}
    for file in sorted(set(where.values())):
        part = {n: t.bfloat16() for n, t in tensors.items() if where[n] == file}
        save_file(part, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    write(folder, tmp_path / "model.gguf", "bf16")
    read = load(tmp_path / "model.gguf")[0].state_dict()
    for name, weight in model.state_dict().items():
        assert torch.equal(read[name], weight.bfloat16().float())


def test_openai_gpt2_folder_is_written(tmp_path):
    """Names without prefix, causal masks among the weights."""
    model = random_model("gpt2")
    folder = folder_of(model, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors = {name.removeprefix("transformer."): t for name, t in tensors.items()}
    tensors["h.0.attn.bias"] = torch.ones(1, 1, 8, 8)
    save_file(tensors, folder / "model.safetensors")
    write(folder, tmp_path / "model.gguf")
    for name, weight in load(tmp_path / "model.gguf")[0].state_dict().items():
        assert torch.equal(weight, model.state_dict()[name])


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 5))
def test_llama_rows_in_pairs_rotate_as_halves_do(heads, half, seed):
    """Rotating neighbours of the reordered rows gives the reordered rotation of halves."""
    width = 2 * half
    rng = np.random.default_rng(seed)
    config = ModelConfig(8, 1, 16, heads, heads, width, 16, 16, family="llama")
    rows = rng.normal(size=(heads * width, 3)).astype(np.float32)
    name, paired = tensor_names.to_gguf("model.layers.0.self_attn.q_proj.weight", rows, config)
    assert name == "blk.0.attn_q.weight"
    angles = rng.normal(size=half)

    def rotated(first, second):
        return first * np.cos(angles) - second * np.sin(angles)

    x = rng.normal(size=3)
    by_halves, by_pairs = (rows @ x).reshape(heads, width), (paired @ x).reshape(heads, width)
    np.testing.assert_allclose(
        rotated(by_halves[:, :half], by_halves[:, half:]),
        rotated(by_pairs[:, 0::2], by_pairs[:, 1::2]),
        rtol=1e-5,
        atol=1e-6,
    )
    back = tensor_names.to_huggingface(name, paired, config)
    assert back[0] == "model.layers.0.self_attn.q_proj.weight"
    assert np.array_equal(back[1], rows)


def test_what_cannot_be_written_is_refused(tmp_path):
    speedrun = Transformer(ModelConfig(258, 1, 32, 2, 2, 16, 64, 64, family="speedrun"))
    folder = folder_of(speedrun.init_weights(0), tmp_path)
    with pytest.raises(UserError, match=r"speedrun can't be exported.*shape\.family=qwen3"):
        write(folder, tmp_path / "x.gguf")
    config = ModelConfig(**SHAPE, rope_scaling=RopeScaling("llama3", 8.0, 64))
    folder = folder_of(Transformer(config).init_weights(0), tmp_path)
    with pytest.raises(UserError, match="llama3 for family llama alone"):
        write(folder, tmp_path / "x.gguf")
    with pytest.raises(UserError, match="unknown type 'q4'"):
        write(folder, tmp_path / "x.gguf", "q4")
    loud = random_model("qwen3")
    with torch.no_grad():
        loud.layers[0].mlp.up_proj.weight[3, 5] = 1e5
    folder = folder_of(loud, tmp_path)
    with pytest.raises(UserError, match=r"up_proj.weight has weights beyond f16's range"):
        write(folder, tmp_path / "x.gguf", "f16")
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def changed(added=None, **changes):
    """A file with other keys (None takes one out) and `added` ones."""

    def damage(file):
        reader = gguf.GGUFReader(file)
        writer = gguf.GGUFWriter(file.with_suffix(".new"), "qwen3")
        for name, field in reader.fields.items():
            value = changes.get(name.replace(".", "_"), field.contents())
            if name.startswith("GGUF.") or name == "general.architecture" or value is None:
                continue
            kind = field.types[0] if name.replace(".", "_") not in changes else None
            if kind is None:
                kind = gguf.GGUFValueType.get_type(value)
            writer.add_key_value(
                name, value, kind, field.types[-1] if len(field.types) > 1 else None
            )
        for name in set(changes) & {"split_count"}:
            writer.add_uint16("split.count", changes[name])
        for name, value in (added or {}).items():
            writer.add_key_value(name, value, gguf.GGUFValueType.get_type(value))
        for tensor in reader.tensors:
            writer.add_tensor(tensor.name, np.array(tensor.data))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        file.with_suffix(".new").replace(file)

    return damage


def without_tensor(file):
    data = file.read_bytes()
    name = b"blk.1.ffn_up.weight"
    assert data.count(name) == 1
    file.write_bytes(data.replace(name, b"blk.1.ffn_xx.weight"))


def cut(size):
    return lambda file: file.write_bytes(file.read_bytes()[:size])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda file: file.unlink(), "no file"),
        (lambda file: file.write_bytes(b"GGU"), "no whole GGUF file"),
        (lambda file: file.write_bytes(b"not a model at all" * 100), "no whole GGUF file"),
        (cut(100), "no whole GGUF file"),
        (cut(-1000), "no whole GGUF file"),
        (without_tensor, "ffn_xx.weight is not known"),
        (lambda file: file.write_bytes(file.read_bytes().replace(b"qwen3", b"qwen9")), "'qwen9'"),
        (changed(qwen3_block_count=None), "lacks qwen3.block_count"),
        (changed(qwen3_block_count=3), "layers.2.* is missing"),
        (changed(qwen3_rope_dimension_count=8), "part of each head"),
        (changed(tokenizer_ggml_model="llama"), "'llama': only byte-level"),
        (changed(tokenizer_ggml_pre="tekken"), "pre-tokenizer 'tekken'"),
        (changed(tokenizer_ggml_tokens=None), "no vocabulary in it"),
        (changed(split_count=2), "one part of several"),
        (changed(tokenizer_ggml_pre=None), r"has no tokenizer\.ggml\.pre"),
        (changed(tokenizer_ggml_pre="default"), "pre-tokenizer 'default'"),
        (changed(qwen3_block_count=1), r"layers\.1\..* has no place"),
        (changed(qwen3_block_count="2"), "block_count is '2'"),
        (changed(general_type="adapter"), "of type 'adapter'"),
        (changed({"qwen3.attention.sliding_window": 64}), "sliding_window = 64"),
        (changed({"qwen3.expert_count": 8}), "qwen3.expert_count = 8"),
        (changed({"qwen3.logit_scale": 0.5}), "qwen3.logit_scale"),
        (changed({"qwen3.attention.causal": "no"}), "attention.causal"),
        (changed({"qwen3.rope.scale_linear": 4.0}), "rope.scale_linear"),
    ],
)
def test_damaged_files_are_named(damage, said, tmp_path):
    file = tmp_path / "model.gguf"
    write(folder_of(random_model("qwen3"), tmp_path), file)
    damage(file)
    with pytest.raises(UserError, match=said):
        load(file)


def test_keys_that_are_off_or_about_the_file_change_nothing(tmp_path):
    file = tmp_path / "model.gguf"
    write(folder_of(random_model("qwen3"), tmp_path), file)
    before = load(file)[0].config
    off = {"qwen3.expert_count": 0, "qwen3.attention.causal": True, "general.license": "x"}
    off |= {"quantize.imatrix.file": "x", "llama.logit_scale": 0.5, "qwen3.vocab_size": 9}
    changed(off)(file)
    assert load(file)[0].config == before


def test_a_file_ends_where_llama_cpp_ends(post_training, tmp_path):
    """At the end of a turn, which many files name beside the end of a text."""
    file = tmp_path / "model.gguf"
    write(post_training.chat, file)
    changed({"tokenizer.ggml.eom_token_id": 7}, tokenizer_ggml_eot_token_id=5)(file)
    to_folder(file, tmp_path / "out")
    config = read_object(tmp_path / "out" / "config.json")
    eos = read_object(post_training.chat / "config.json")["eos_token_id"]
    assert config["eos_token_id"] == [eos, 5, 7]


def test_rope_factors_of_no_known_rule_are_refused(tmp_path):
    file = tmp_path / "model.gguf"
    write(folder_of(random_model("llama llama3"), tmp_path), file)
    reader = gguf.GGUFReader(file, "r+")
    next(t for t in reader.tensors if t.name == "rope_freqs.weight").data[1] = 1.7
    reader.data.flush()
    with pytest.raises(UserError, match="no rule of Llama 3"):
        load(file)


def test_to_folder_is_for_transformers_too(tmp_path):
    from transformers import AutoModelForCausalLM

    model = random_model("llama llama3")
    write(folder_of(model, tmp_path), tmp_path / "model.gguf")
    to_folder(tmp_path / "model.gguf", tmp_path / "out")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    tokens = torch.arange(150)[None]
    assert (theirs(tokens).logits - model(tokens)).abs().max() < 1e-4
