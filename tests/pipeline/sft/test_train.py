"""Fine-tuning learns to answer and to stop, keeps the base as it was, and resumes bit for bit."""

import dataclasses
import io
import json
import math
import shutil
from typing import Any, cast

import pyarrow as pa
import pytest
import torch
from checkpoints import newest
from random_models import byte_tokenizer
from random_models import random_model as own_model

from pipeline import model as models
from pipeline.chat.conversation import STOP
from pipeline.lora_config import LoraConfig
from pipeline.sft import train as sft
from pipeline.sft.config import SftConfig
from pipeline.sft.conversation_loader import ConversationData, MixedData, encode
from pipeline.sft.conversations import ConversationRow
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from pipeline.training.config import LoopConfig, OptimizerConfig
from pipeline.training.data_loader import PretrainData
from storage.errors import UserError
from storage.tables import read_table, write_table

pytestmark = pytest.mark.usefixtures("torch_restored")

CONFIG = SftConfig(
    loop=LoopConfig(steps=60, rows_per_step=6, warmup_steps=3, validate_every=30),
    rate_factor=1.0,
    precision="float32",
    threads=1,
    device="cpu",
)


def run(post_training, out, config=CONFIG, progress=SILENT, scratch=None):
    out.mkdir(exist_ok=True)
    scratch = scratch or out.with_name(f"{out.name}.scratch")
    scratch.mkdir(exist_ok=True)
    inputs: sft.SftInputs = {
        "base": [post_training.base],
        "conversations": [post_training.conversations],
        "tokens": [post_training.tokens],
    }
    return sft.build(out, inputs, config, progress, scratch)


@pytest.fixture(scope="module")
def trained(post_training, tmp_path_factory):
    out = tmp_path_factory.mktemp("sft") / "sft"
    return out, run(post_training, out)


def test_loss_falls_and_is_measured_on_unseen_conversations(trained):
    out, statistics = trained
    metrics = read_table(out / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in metrics]
    assert losses[-1] < 0.7 * losses[0]
    measured = [row["validation_bits_per_byte"] for row in metrics]
    assert [i + 1 for i, value in enumerate(measured) if value is not None] == [30, 60]
    assert measured[59] < measured[29]
    assert statistics["tuned_answer_bits_per_byte"] == measured[59]
    assert {row["stage"] for row in metrics} == {"sft"}
    assert (out / "provenance" / "timing.parquet").is_file()


def probability_of_stop(model_folder, post_training):
    """Where an answer ends, and where it goes on; each the mean over its places."""
    model, tokenizer = models.load(model_folder)
    stop = tokenizer.special(STOP)
    table = read_table(post_training.conversations / "conversations.parquet")
    ends, within = [], []
    for part in encode(cast(list[ConversationRow], table.to_pylist()[:60]), tokenizer):
        tokens = torch.from_numpy(part.tokens[:193])
        with torch.no_grad():
            stops = model(tokens[None, :-1])[0].float().softmax(-1)[:, stop]
        learned = torch.from_numpy(part.learned[1:193]).bool()
        is_end = tokens[1:] == stop
        ends.append(stops[learned & is_end])
        within.append(stops[learned & ~is_end])
    return torch.cat(ends).mean().item(), torch.cat(within).mean().item()


def test_the_model_has_learned_to_stop(trained, post_training):
    end, within = probability_of_stop(trained[0], post_training)
    end_before, _ = probability_of_stop(post_training.chat, post_training)
    assert end > 0.7
    assert within < 0.05
    assert end_before < 0.05


def test_the_vocabulary_grows_after_the_old_ids(trained, post_training):
    base, old = models.load(post_training.base)
    model, new = models.load(trained[0])
    assert new.vocab_size == old.vocab_size + 6 == model.config.vocab_size
    assert new.token_bytes[: old.vocab_size] == old.token_bytes
    assert base.config.vocab_size == old.vocab_size


def test_a_killed_run_ends_in_the_same_bytes(trained, post_training, tmp_path, killed_after):
    loop = dataclasses.replace(CONFIG.loop, checkpoint_steps=4)
    config = dataclasses.replace(CONFIG, loop=loop)
    scratch = tmp_path / "scratch"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(post_training, tmp_path / "out", config, killed_after(11), scratch)
    statistics = run(post_training, tmp_path / "out", config, SILENT, scratch)
    assert statistics == trained[1]
    for name in ("model.safetensors", "metrics.parquet", "tokenizer.json", "config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (trained[0] / name).read_bytes()


class HandedOver(Exception):
    """Ends a build where it begins to train."""


def test_batches_grow_as_the_loop_says(post_training, tmp_path, monkeypatch):
    rows: list[int] = []

    def train(model, optimizer, batch_of, loop, **rest):
        rows.extend(len(batch_of(step).tokens) for step in (0, 29, 30, 59))
        raise HandedOver

    monkeypatch.setattr(sft, "train", train)
    loop = dataclasses.replace(CONFIG.loop, first_rows=3, ramp_fraction=0.5)
    with pytest.raises(HandedOver):
        run(post_training, tmp_path / "out", dataclasses.replace(CONFIG, loop=loop))
    assert rows == [3, 3, 6, 6]


@pytest.mark.parametrize(("share", "pages"), [(0.0, 0), (0.34, 2), (0.5, 3)])
def test_what_training_is_handed(post_training, tmp_path, monkeypatch, share, pages):
    """Rates times the factor; of 6 rows the pages' share, the very rows that pretraining reads."""
    rates: list[OptimizerConfig] = []
    handed: dict[str, Any] = {}
    made = sft.build_optimizer

    def build_optimizer(model, config):
        rates.append(config)
        return made(model, config)

    def train(model, optimizer, batch_of, loop, **rest):
        handed.update(model=model, batches=[batch_of(0), batch_of(1)], loop=loop, **rest)
        raise HandedOver

    monkeypatch.setattr(sft, "build_optimizer", build_optimizer)
    monkeypatch.setattr(sft, "train", train)
    config = dataclasses.replace(CONFIG, rate_factor=0.25, pretraining_share=share, seed=5)
    with pytest.raises(HandedOver):
        run(post_training, tmp_path / "out", config)
    assert rates == [config.optimizer.scaled(0.25)]
    assert rates[0].matrix_lr == 0.25 * 0.02
    assert handed["loop"] is config.loop
    tokenizer = Tokenizer.load(post_training.base).with_conversation_tokens()
    stop = tokenizer.special(STOP)
    expected: list[list[list[int]]] = [[], []]
    if pages:
        data = PretrainData(post_training.tokens, 192, pages, 5)
        expected = [data.batch(step).tokens.tolist() for step in range(2)]
    for batch, rows in zip(handed["batches"], expected):
        talks = [bool((row == stop).any()) for row in batch.tokens]
        assert len(talks) == 6
        found = [row for row, talk in zip(batch.tokens.tolist(), talks) if not talk]
        assert found == rows
    rows = read_table(post_training.conversations / "conversations.parquet").to_pylist()
    parts = encode([row for row in rows if row["split"] == "train"], tokenizer)
    talk = ConversationData(parts, 192, 6 - pages, tokenizer.document_token, 5)
    for step, batch in enumerate(handed["batches"]):  # whole, in documents of their own
        mine = {tuple(row): ids for row, ids in zip(batch.tokens.tolist(), batch.document_ids)}
        alone = talk.batch(step)
        assert alone.document_ids is not None
        for row, ids in zip(alone.tokens.tolist(), alone.document_ids):
            assert torch.equal(mine[tuple(row)], ids)
            assert len(set(ids.tolist())) > 1


def test_held_back_conversations_are_what_is_measured(post_training, tmp_path, monkeypatch):
    handed: dict[str, Any] = {}

    def train(model, optimizer, batch_of, loop, **rest):
        handed.update(rest, model=model)
        raise HandedOver

    monkeypatch.setattr(sft, "train", train)
    with pytest.raises(HandedOver):
        run(post_training, tmp_path / "out")
    rows = read_table(post_training.conversations / "conversations.parquet").to_pylist()
    tokenizer = Tokenizer.load(post_training.base).with_conversation_tokens()
    parts = encode([row for row in rows if row["split"] == "validation"], tokenizer)
    parts = [part for part in parts if len(part.tokens) <= 192]
    assert 0 < len(parts) < len(rows) / 2
    nats, size = 0.0, 0
    for part in parts:  # one at a time, by the model's own logits
        tokens = torch.from_numpy(part.tokens)
        with torch.no_grad():
            table = handed["model"](tokens[None, :-1])[0].log_softmax(-1)
        for at, (token, learned) in enumerate(zip(part.tokens[1:], part.learned[1:])):
            if learned:
                nats -= float(table[at, token])
                size += 0 if token == tokenizer.special(STOP) else len(tokenizer.token_bytes[token])
    assert handed["validate"]() == pytest.approx(nats / math.log(2) / size, rel=1e-5)


def test_a_held_back_conversation_that_just_fills_the_context_is_measured(
    post_training, tmp_path, monkeypatch
):
    rows = read_table(post_training.conversations / "conversations.parquet").to_pylist()
    tokenizer = Tokenizer.load(post_training.base).with_conversation_tokens()
    held_back = encode([row for row in rows if row["split"] == "validation"], tokenizer)
    lengths = sorted(len(part.tokens) for part in held_back)
    context = lengths[len(lengths) // 2]
    assert lengths[0] < context < lengths[-1]
    load, handed = models.load, {}

    def load_shorter(*asked):
        model, its = load(*asked)
        model.config = dataclasses.replace(model.config, max_context=context)
        return model, its

    def train(model, optimizer, batch_of, loop, **rest):
        handed.update(rest)
        raise HandedOver

    monkeypatch.setattr(sft.models, "load", load_shorter)
    monkeypatch.setattr(sft, "train", train)
    monkeypatch.setattr(sft, "answer_bits_per_byte", lambda model, parts, tokenizer: parts)
    with pytest.raises(HandedOver):
        run(post_training, tmp_path / "out")
    measured = sorted(len(part.tokens) for part in handed["validate"]())
    assert measured == [length for length in lengths if length <= context]
    assert measured[-1] == context


LORA = dataclasses.replace(
    CONFIG, lora=LoraConfig(rank=8), loop=dataclasses.replace(CONFIG.loop, checkpoint_steps=4)
)


@pytest.fixture(scope="module")
def adapted(post_training, tmp_path_factory):
    root = tmp_path_factory.mktemp("lora")
    scratch = root / "scratch"
    return root / "out", run(post_training, root / "out", LORA, scratch=scratch), scratch


def test_a_lora_learns_and_its_model_is_merged(adapted, trained, post_training):
    out, statistics, _ = adapted
    losses = read_table(out / "metrics.parquet")["loss"].to_pylist()
    assert losses[-1] < 0.8 * losses[0]
    base, old = models.load(post_training.base)
    model, _ = models.load(out)
    assert model.state_dict().keys() == base.state_dict().keys()
    for name, weight in base.state_dict().items():
        own = model.state_dict()[name]
        if name in ("embed_tokens.weight", "lm_head.weight"):  # only the new rows learned
            assert torch.equal(own[: old.vocab_size], weight)
            learned = own[old.vocab_size] if "embed" in name else own[old.vocab_size + 1]
            assert not torch.equal(learned, own[-1])  # <|im_start|> is read, <|im_end|> said
        else:
            assert torch.equal(own, weight) is ("norm" in name)
    matrices = [p for n, p in base.named_parameters() if "proj" in n]
    rows = 2 * 6 * base.config.width
    assert statistics["trained_parameters"] == rows + sum(8 * sum(p.shape) for p in matrices)
    assert statistics["parameters"] == trained[1]["parameters"] == model.parameter_count
    assert trained[1]["trained_parameters"] == trained[1]["parameters"]


def test_a_loras_adapter_beside_it_gives_the_same_model(adapted, post_training, tmp_path):
    folder = tmp_path / "sft" / "digest" / "adapter"
    shutil.copytree(adapted[0] / "adapter", folder)
    with pytest.raises(UserError, match=r"LoRA without its base: .*\.\./\.\./\.\./"):
        models.load(folder)
    named = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
    shutil.copytree(post_training.base, folder / named)  # as a lake has it
    model, tokenizer = models.load(folder)
    merged, its = models.load(adapted[0])
    assert tokenizer.vocab_size == its.vocab_size
    tokens = torch.arange(its.vocab_size - 40, its.vocab_size)[None]
    assert torch.allclose(model(tokens), merged(tokens), atol=1e-5)


def test_a_loras_checkpoint_holds_no_base_and_a_killed_run_ends_in_the_same_bytes(
    adapted, post_training, tmp_path, killed_after
):
    out, statistics, scratch = adapted
    found = newest(scratch)
    assert found is not None
    numbers = [n for n in found.tensors if n.startswith("model.")]
    assert numbers
    assert all(".adapter." in name for name in numbers)
    with pytest.raises(KeyboardInterrupt):
        run(post_training, tmp_path / "out", LORA, killed_after(31), tmp_path / "scratch")
    assert run(post_training, tmp_path / "out", LORA, SILENT, tmp_path / "scratch") == statistics
    for name in ("model.safetensors", "metrics.parquet", "adapter/adapter_model.safetensors"):
        assert (tmp_path / "out" / name).read_bytes() == (out / name).read_bytes()


def test_the_best_step_is_the_one_whose_figures_are_reported(post_training, tmp_path, monkeypatch):
    values = iter([3.0, 1.0, 2.0, 1.5])
    monkeypatch.setattr(sft, "answer_bits_per_byte", lambda *_: next(values))
    loop = dataclasses.replace(CONFIG.loop, steps=6, validate_every=2, keep_best=True)
    found = run(post_training, tmp_path / "out", dataclasses.replace(CONFIG, loop=loop))
    assert (found["steps"], found["kept_step"]) == (6, 4)
    # the last is that of the model as it is kept, between base and tuned weights
    assert (found["tuned_answer_bits_per_byte"], found["answer_bits_per_byte"]) == (1.0, 1.5)


@pytest.mark.parametrize("rank", [0, 4])
def test_the_model_lies_between_the_base_and_what_training_found(
    post_training, tmp_path, monkeypatch, rank
):
    """Every weight, conversation tokens' rows included; its figure is that of the saved model."""
    loop = dataclasses.replace(CONFIG.loop, steps=6, validate_every=3)
    config = dataclasses.replace(CONFIG, loop=loop, lora=LoraConfig(rank=rank))
    found, stages = {}, {}
    for alpha in (1.0, 0.7):
        out = tmp_path / f"{alpha}"
        said = io.StringIO()
        one = dataclasses.replace(config, interpolation=alpha)
        stages[alpha] = run(post_training, out, one, Progress(said))
        assert ("70% of the tuned weights" in said.getvalue()) is (alpha < 1)
        found[alpha] = models.load(out)
    base, _ = sft.with_conversation_tokens(*models.load(post_training.base))
    tuned, between = (found[alpha][0].state_dict() for alpha in (1.0, 0.7))
    moved = 0
    for name, weight in base.state_dict().items():
        expected = 0.3 * weight + 0.7 * tuned[name]
        torch.testing.assert_close(between[name], expected, rtol=1e-5, atol=1e-6)
        moved += not torch.equal(tuned[name], weight)
    assert moved > 5
    assert stages[1.0]["answer_bits_per_byte"] == stages[1.0]["tuned_answer_bits_per_byte"]
    assert stages[0.7]["tuned_answer_bits_per_byte"] == stages[1.0]["answer_bits_per_byte"]
    rows = sft.conversation_rows([post_training.conversations])
    parts = encode([row for row in rows if row["split"] == "validation"], found[0.7][1])
    parts = [part for part in parts if len(part.tokens) <= 192]
    measured = sft.answer_bits_per_byte(*found[0.7][:1], parts, found[0.7][1])
    assert stages[0.7]["answer_bits_per_byte"] == pytest.approx(measured, rel=1e-6)
    if rank:  # the adapters beside it are those of the same model
        folder = tmp_path / "sft" / "digest" / "adapter"
        shutil.copytree(tmp_path / "0.7" / "adapter", folder)
        named = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        shutil.copytree(post_training.base, folder / named)
        tokens = torch.arange(60)[None]
        adapted, _ = models.load(folder)
        torch.testing.assert_close(adapted(tokens), found[0.7][0](tokens), rtol=1e-4, atol=1e-4)


def test_what_became_of_the_conversations_is_said_and_recorded(trained, post_training, tmp_path):
    statistics = trained[1]
    assert (statistics["cut"], statistics["without_trained_tokens"]) == (0, 0)
    assert statistics["stop_share"] == 1.0
    assert statistics["packing_fill"] > 0.9
    said = io.StringIO()
    loop = dataclasses.replace(CONFIG.loop, steps=1)
    run(post_training, tmp_path / "out", dataclasses.replace(CONFIG, loop=loop), Progress(said))
    assert "0 cut" in said.getvalue()
    assert "100.0% end in the stop token" in said.getvalue()


def test_the_stage_by_its_name_and_version():
    stage = sft.STAGE
    assert (stage.kind, stage.version, stage.config) == ("sft", 5, SftConfig)


@pytest.mark.parametrize("tied", [False, True])
def test_new_tokens_begin_as_the_mean_where_the_model_has_rows_to_spare(tied):
    """Models are padded to round sizes: rows without a token were never trained."""
    old = 300
    plain = byte_tokenizer()
    used, more = plain.vocab_size, plain.with_conversation_tokens().vocab_size
    model = own_model("qwen3", vocab_size=old, tie_embeddings=tied)
    before = model.embed_tokens.weight.detach().clone()
    grown, tokenizer = sft.with_conversation_tokens(model, plain)
    assert grown.config.vocab_size == old
    assert tokenizer.vocab_size == more < old
    for module in (grown.embed_tokens, grown.lm_head):
        if module is not None:
            weight = module.weight.detach()
            mean = weight[:used].mean(dim=0)
            assert torch.equal(weight[used:more], mean.expand(more - used, -1))
    assert torch.equal(grown.embed_tokens.weight[:used], before[:used])
    assert torch.equal(grown.embed_tokens.weight[more:], before[more:])


def test_several_artifacts_are_mixed_and_no_pages_are_needed(post_training, tmp_path, monkeypatch):
    given: list[float] = []

    def recorded(parts, *rest, epochs, **more):
        given.extend(epochs)
        assert len(parts) == len(epochs)
        return MixedData(parts, *rest, epochs=epochs, **more)

    monkeypatch.setattr(sft, "MixedData", recorded)
    rows = read_table(post_training.conversations / "conversations.parquet")
    folders = []
    for name in ("one", "two"):
        source = pa.array([f"imported/{name}"] * rows.num_rows)
        split = ["train" if n % 4 else "validation" for n in range(rows.num_rows)]
        mine = rows.set_column(rows.schema.get_field_index("source"), "source", source)
        mine = mine.set_column(mine.schema.get_field_index("split"), "split", pa.array(split))
        folders.append(tmp_path / name)
        write_table(mine, folders[-1] / "conversations.parquet")
    config = dataclasses.replace(
        CONFIG,
        loop=dataclasses.replace(CONFIG.loop, steps=2, validate_every=2),
        pretraining_share=0.0,
        mixture=("imported/one=0", "imported/two=1.5"),
    )
    inputs: sft.SftInputs = {
        "base": [post_training.base],
        "conversations": [post_training.conversations, *folders],
    }
    for folder in ("out", "scratch"):
        (tmp_path / folder).mkdir()
    statistics = sft.build(tmp_path / "out", inputs, config, SILENT, tmp_path / "scratch")
    trained = sum(bool(n % 4) for n in range(rows.num_rows))
    assert given[-2 * trained :] == [0.0] * trained + [1.5] * trained
    assert statistics["sources"]["imported/one"] == trained
    assert statistics["epochs"]["imported/one"] == 0
    assert statistics["epochs"]["imported/two"] == 1.5
    assert statistics["epochs"]["identity"] == 1
    own = sum(split == "validation" for split in rows["split"].to_pylist())
    held_back = rows.num_rows - trained
    assert statistics["validation_conversations"] == held_back + own  # none of one
    with pytest.raises(UserError, match=r"sft\.pretraining_share: no pages"):
        sft.build(
            tmp_path / "out",
            inputs,
            dataclasses.replace(config, pretraining_share=0.5),
            SILENT,
            tmp_path / "scratch",
        )
