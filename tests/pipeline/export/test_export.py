"""Exports as their users meet them: transformers runs the folder, the report's numbers are true."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from random_models import FAMILIES, byte_tokenizer, random_model
from toy_artifacts import PostTraining

from pipeline import model as models
from pipeline.chat.conversation import assistant, prompt, system, user
from pipeline.export import export, load
from pipeline.export.agreement import Agreement, agreement, probe
from pipeline.model import ModelConfig, Transformer
from pipeline.model.engine import Engine
from storage.errors import UserError


@pytest.fixture(scope="module")
def chat(post_training: PostTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chat model, exported and measured."""
    out = tmp_path_factory.mktemp("exported") / "chat"
    export(post_training.chat, out, "hf", None, "toy-chat")
    return out


@pytest.fixture(scope="module")
def their_tokenizer(chat):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(chat)


def test_files_and_ids(chat, post_training):
    names = sorted(p.name for p in chat.iterdir())
    assert names == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        assert (chat / name).read_bytes() == (post_training.chat / name).read_bytes()
    config = json.loads((post_training.chat / "config.json").read_text())
    assert json.loads((chat / "config.json").read_text()) == config | {"bos_token_id": 0}
    _, tokenizer = load(chat)
    stop, document = tokenizer.special("<|im_end|>"), tokenizer.document_token
    generation = json.loads((chat / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [stop, document]
    assert generation["pad_token_id"] == generation["bos_token_id"] == document


@given(text=st.text(max_size=40))
def test_transformers_gives_our_ids(chat, their_tokenizer, text):
    _, tokenizer = load(chat)
    theirs = their_tokenizer(text, split_special_tokens=True)["input_ids"]
    assert theirs == tokenizer.encode(text)


def test_template_is_our_rendering(chat, their_tokenizer):
    _, tokenizer = load(chat)
    for talk in (
        [user("Who are you?")],
        [system("Be brief."), user("Hi "), assistant("Hello."), user("\n\n 12 + 3?")],
    ):
        turns = [{"role": m.role, "content": m.content} for m in talk]
        theirs = their_tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, return_dict=True
        )
        assert theirs["input_ids"] == prompt(talk, tokenizer)


def test_transformers_generates_what_we_do(chat):
    """Greedy, until the ends generation_config.json names."""
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(chat, dtype=torch.float32)
    model, tokenizer = load(chat)
    stops = (tokenizer.special("<|im_end|>"), tokenizer.document_token)
    for text in ("Who are you?", "Where was Ada Abel born?"):
        ids = prompt([user(text)], tokenizer)
        (mine,) = Engine(model).generate(
            [ids], max_new_tokens=30, temperature=0.0, stop_tokens=stops
        )
        out = theirs.generate(torch.tensor([ids]), max_new_tokens=30)  # type: ignore[misc]
        assert out[0, len(ids) :].tolist() == mine[0].tokens


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_agrees_with_transformers(name, tmp_path):
    source = tmp_path / "source"
    models.save(random_model(name), byte_tokenizer(), source)
    report = export(source, tmp_path / "out", "hf", "f32", name)
    assert isinstance(report.stored, Agreement)
    assert isinstance(report.transformers, Agreement)
    assert report.stored.max_error == 0
    assert report.stored.same_choice == 1
    print(f"{name}: transformers differ by at most {report.transformers.max_error:.1e}")
    assert report.transformers.tokens >= 8 * 128
    assert report.transformers.max_error < 1e-4


def test_card_says_what_was_measured(tmp_path):
    source = tmp_path / "source"
    models.save(random_model("qwen3"), byte_tokenizer(), source)
    report = export(source, tmp_path / "out", "hf", "bf16", "small-one")
    assert report.stored is not None
    assert report.transformers is not None
    assert report.stored.max_error > report.transformers.max_error > 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| {report.stored.max_error:.2g} |" in card
    assert f"| {report.transformers.max_error:.2g} |" in card
    assert "# small-one" in card
    assert '"<|endoftext|>" + "How a page begins"' in card
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == "bfloat16"
    export(source, tmp_path / "out", "hf", "bf16", "small-one", measure=False)
    assert (tmp_path / "out" / "README.md").read_text().count("not measured") == 2


def test_card_runs(chat, tmp_path, capsys, monkeypatch):
    """The code a reader copies from the card."""
    card = (chat / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy-chat").symlink_to(chat)
    exec(code, {})
    assert capsys.readouterr().out.strip()


def test_gguf_report(post_training, tmp_path):
    report = export(post_training.base, tmp_path, "gguf", "q8_0", "toy")
    assert report.path == tmp_path / "toy-q8_0.gguf"
    assert report.bytes == report.path.stat().st_size
    model, _ = models.load(post_training.base)
    assert report.parameters == sum(p.numel() for p in model.parameters())
    # the report's numbers, computed here again
    tokens = probe(model)
    ours, theirs = (m(tokens).detach().double() for m in (model, load(report.path)[0]))
    assert isinstance(report.stored, Agreement)
    assert report.stored.max_error == pytest.approx(float((ours - theirs).abs().max()), rel=1e-3)
    same = (ours.argmax(-1) == theirs.argmax(-1)).double().mean()
    assert report.stored.same_choice == pytest.approx(float(same))
    assert 0 < report.stored.bits_lost < 0.1
    # and from one GGUF file to another
    again = export(report.path, tmp_path / "f32.gguf", "gguf", "f32", "toy")
    assert again.stored is not None
    assert again.stored.max_error == 0
    assert again.path.name == "f32.gguf"


def test_agreement_of_known_logits():
    """Two tokens, one bit: a fair coin held to be 3 to 1."""
    tokens = torch.zeros(2, 5, dtype=torch.int64)

    def fair(rows):
        return torch.zeros(*rows.shape, 2)

    def loaded(rows):
        return torch.tensor([math.log(3.0), 0.0]).expand(*rows.shape, 2)

    found = agreement(fair, loaded, tokens)
    assert found.tokens == 10
    assert found.max_error == pytest.approx(math.log(3))
    assert found.mean_error == pytest.approx(math.log(3) / 2)
    assert found.same_choice == 1  # of equals the first is taken
    assert found.bits_lost == pytest.approx(0.5 * math.log2(0.5 / 0.75) + 0.5 * math.log2(2))


def test_nothing_else_is_written_over(post_training, tmp_path):
    source = post_training.base
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "manifest.json").write_text("{}")
    for out, said in (
        (tmp_path / "full", "holds something else"),
        (tmp_path / "full" / "thesis.tex", "is a file"),
        (tmp_path / "lake", "model of the lake"),
        (source, "model itself"),
    ):
        with pytest.raises(UserError, match=said):
            export(source, out, "hf", None, "x")
    file = tmp_path / "one.gguf"
    export(source, file, "gguf", None, "x", measure=False)
    with pytest.raises(UserError, match="is the model itself"):
        export(file, file, "gguf", "q8_0", "x")
    for format, kind, said in (("onnx", None, "unknown format"), ("hf", "q8_0", "holds f32")):
        with pytest.raises(UserError, match=said):
            export(source, tmp_path / "new", format, kind, "x")


def test_speedrun_shape_is_refused_in_one_line(tmp_path):
    config = ModelConfig(258, 1, 32, 2, 2, 16, 64, 64, family="speedrun")
    models.save(Transformer(config).init_weights(0), byte_tokenizer(), tmp_path / "source")
    for format in ("hf", "gguf"):
        with pytest.raises(UserError, match=r"can't be exported.*shape\.family=qwen3"):
            export(tmp_path / "source", tmp_path / "out", format, None, "x")
    assert not (tmp_path / "out").exists()
