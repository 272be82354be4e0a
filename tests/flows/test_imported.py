"""The second half of the road from models and conversations that somebody brings."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hf_models import VARIANTS, random_model, write_tokenizer
from random_models import byte_tokenizer
from random_models import random_model as own_model
from toy_artifacts import PostTraining, post_training  # noqa: F401

from flows import brought_files, imported
from flows.config import RunConfig, load
from flows.crawl_to_chat import crawl_to_chat
from flows.evaluate import evaluate
from flows.rl import rl
from flows.runner.references import Reference, reference
from flows.scaling import scaling
from flows.sft import sft
from flows.tokenizer import tokenizer
from pipeline import model as models
from pipeline.export import gguf_write
from pipeline.tokenizer import Tokenizer
from storage import Lake
from storage.digest import artifact_digest
from storage.errors import UserError
from storage.tables import read_table

pytestmark = pytest.mark.usefixtures("prefect")
ON_ONE_CORE = {"precision": "float32", "device": "cpu", "threads": 1}
SFT = {"loop": {"steps": 2, "rows_per_step": 4, "warmup_steps": 1, "validate_every": 2}}
RL = {"steps": 1, "prompts_per_step": 2, "answers_per_prompt": 2, "max_new_tokens": 4}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Thirty conversations, one too long for 128 bytes and one line that is none."""
    rows = [{"prompt": f"Say {n}.", "completion": f"{n}!"} for n in range(30)]
    rows.append({"prompt": "Say much.", "completion": "word " * 200})
    lines = [*map(json.dumps, rows), "{"]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    return tmp_path / "mine.jsonl"


def config_of(file: Path | None, **given: Any) -> RunConfig:
    named = {"conversations": [str(file)]} if file else {}
    return load("ci", input={**named, **given}, sft=SFT | ON_ONE_CORE, rl=RL | ON_ONE_CORE)


def folder_of(family: str, folder: Path) -> Path:
    kind, settings = VARIANTS[family]
    random_model(kind, settings).save_pretrained(folder)
    write_tokenizer(family, folder)
    return folder


def commit(lake: Lake, kind: str, source: Path) -> Reference:
    digest = artifact_digest(kind, 1, {}, {})
    staging = lake.staging(kind, digest)
    shutil.copytree(source, staging, dirs_exist_ok=True)
    return reference(lake.commit(staging, kind, digest, 1, {}, {}, {}, {}), lake)


@pytest.mark.parametrize("family", ["qwen3", "gpt2"])  # Llama's shape is Qwen3's without a norm
def test_a_folder_of_each_family_is_fine_tuned_on_somebodys_file(
    family: str, file: Path, tmp_path: Path
) -> None:
    """One of them is reinforced as well, which the others would be alike: RL knows no family."""
    lake = Lake(tmp_path / "lake")
    folder = folder_of(family, tmp_path / family)
    config = config_of(file, base=str(folder))
    last = "rl" if family == "qwen3" else "sft"
    flow = rl if last == "rl" else sft
    made = flow(config, lake.url)
    assert set(made) == {"base", "tokenizer", "imported_conversations", "sft", last}
    assert lake.heads()["base"] == made["base"]["digest"]
    manifest = lake.manifest("imported_conversations", made["imported_conversations"]["digest"])
    assert manifest.statistics["rows"] == 32
    assert manifest.statistics["rejected"] == {"invalid_json": 1, "too_long": 1}
    assert manifest.recipe["max_tokens"] == 128  # the base's context
    old = Tokenizer.load(folder)
    model, new = models.load(lake.local(last, made[last]["digest"]))
    assert model.config.family == family
    assert new.has_conversation_tokens
    assert new.token_bytes[: old.vocab_size] == old.token_bytes
    if family == "qwen3":  # which has two of them: they stay where they were
        assert new.special("<|im_end|>") == old.special("<|im_end|>")
    trained = lake.manifest("sft", made["sft"]["digest"])
    assert trained.recipe["pretraining_share"] == 0
    assert "tokens" not in trained.inputs
    assert set(trained.statistics["sources"]) == {"imported/mine"}
    if last == "rl":
        assert rl(config, lake.url) == made  # whole already: not made again


def test_a_gguf_file_a_digest_and_a_changed_file(file: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    models.save(own_model("qwen3"), byte_tokenizer(), tmp_path / "ours")
    gguf_write.write(tmp_path / "ours", tmp_path / "m.gguf", "f16", "m")
    made = sft(config_of(file, base=str(tmp_path / "m.gguf")), lake.url)
    assert sft(config_of(file, base=made["base"]["digest"][:12]), lake.url) == made
    # of an sft model it is fine-tuned further, and the lake's base stays
    further = sft(config_of(file, base=made["sft"]["digest"]), lake.url)
    assert further["base"] == made["sft"]
    assert further["sft"] != made["sft"]
    assert lake.heads()["base"] == made["base"]["digest"]
    # RL alone, of that model
    alone = rl(config_of(None, chat_model=made["sft"]["digest"]), lake.url)
    assert set(alone) == {"sft", "rl"}
    assert lake.manifest("rl", alone["rl"]["digest"]).inputs["sft"] == [made["sft"]["digest"]]
    with file.open("a") as more:
        more.write('\n{"prompt": "Say 31.", "completion": "31!"}')
    changed = sft(config_of(file, base=str(tmp_path / "m.gguf")), lake.url)
    assert changed["base"] == made["base"]
    assert changed["imported_conversations"] != made["imported_conversations"]


def test_with_a_corpus_pages_are_tokenized_by_the_base_and_mixed_in(
    file: Path,
    tmp_path: Path,
    post_training: PostTraining,  # noqa: F811
) -> None:
    lake = Lake(tmp_path / "lake")
    corpus = commit(lake, "corpus", post_training.corpus)
    folder = folder_of("qwen3", tmp_path / "theirs")
    mixture = {"mixture": ["imported/*=2", "small_talk=0"]}
    few = {"facts": 20, "reading": 9, "arithmetic": 20, "spelling": 10, "small_talk": 5}
    few |= {"identity": 5, "refusals": 5, "harmless": 5, "personas": 5}
    config = load(
        "ci",
        input={"conversations": [str(file)], "base": str(folder)},
        conversations={**few, "max_tokens": 128},
        sft=SFT | ON_ONE_CORE | mixture,
    )
    made = tokenizer(config, lake.url, {"corpus": corpus})
    assert "tokenizer_report" not in made
    shards = read_table(lake.local("tokens", made["tokens"]["digest"]) / "shards.parquet")
    characters = read_table(post_training.corpus / "corpus-en.parquet")["text"].to_pylist()
    theirs = Tokenizer.load(folder)
    wanted = sum(len(theirs.encode(text)) + 1 for text in characters)
    assert sum(shards["tokens"].to_pylist()) == wanted
    made = sft(config, lake.url, made)
    trained = lake.manifest("sft", made["sft"]["digest"])
    assert trained.inputs["tokens"] == [made["tokens"]["digest"]]
    kinds = ("conversations", "imported_conversations")
    assert trained.inputs["conversations"] == [made[kind]["digest"] for kind in kinds]
    epochs = trained.statistics["epochs"]
    assert epochs["imported/mine"] == 2
    assert epochs["small_talk"] == 0
    assert epochs["arithmetic"] == 1


def test_what_needs_pages_says_so(file: Path, tmp_path: Path) -> None:
    lake = str(tmp_path / "lake")
    config = config_of(file, base=str(tmp_path))
    with pytest.raises(UserError, match="evaluate asks for pages"):
        evaluate(
            config, lake, {"sft": {"kind": "sft", "digest": "", "uri": "", "rows": 0, "bytes": 0}}
        )
    for flow in (crawl_to_chat, sft):
        with pytest.raises(UserError, match=r"input\.chat_model is for `run rl`"):
            flow(config_of(None, chat_model="abcdef"), lake)
    with pytest.raises(UserError, match=r"input\.base: a ladder of sizes"):
        scaling(config, lake)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, True),
        ({"base": "b"}, True),
        ({"conversations": ["c"]}, True),
        ({"base": "b", "conversations": ["c"]}, False),
        ({"base": "b", "conversations": ["c"], "paths": ["p"]}, True),
    ],
)
def test_pages_are_read_unless_all_is_brought(given: dict[str, Any], wanted: bool) -> None:
    assert imported.wants_corpus(load("ci", input=given)) is wanted


def test_files_are_found_by_path_folder_and_glob_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    for name in ("b.jsonl", "a.parquet", "c.json.gz", "notes.txt"):
        (tmp_path / name).touch()

    def names(*given: str) -> list[str]:
        return [file.name for file in brought_files.find([str(tmp_path / name) for name in given])]

    assert names(".") == ["a.parquet", "b.jsonl", "c.json.gz"]
    assert names("*.j*", "b.jsonl") == ["b.jsonl", "c.json.gz"]
    assert names("notes.txt") == ["notes.txt"]
    for missing in ("d.jsonl", "*.csv"):
        with pytest.raises(UserError, match=r"input\.conversations: no file at"):
            names("b.jsonl", missing)


@pytest.mark.parametrize("besides", [{"base": "b"}, {"conversations": ["c"]}])
def test_a_chat_model_stands_alone(besides: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"input\.chat_model: RL and RLHF start from it as it is"):
        load("ci", input={"chat_model": "c", **besides})


@pytest.mark.parametrize("key", ["base", "chat_model"])
def test_a_wrong_model_is_refused_before_a_run(key: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"input\.{key}: no model at"):
        brought_files.check(load("ci", input={key: str(tmp_path / "gone")}))
    brought_files.check(load("ci", input={key: "0123456789ab"}))  # a digest: the lake will say


def test_a_digest_of_no_model_is_refused(file: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    (tmp_path / "toy").mkdir()
    made = commit(lake, "corpus", tmp_path / "toy")
    with pytest.raises(UserError, match=r"input\.base: .* is a corpus, no model"):
        sft(config_of(file, base=made["digest"][:16]), lake.url)


def test_limits_of_the_own_shape_do_not_bind_another_base() -> None:
    longer: Any = {"conversations": {"max_tokens": 4_000}}
    with pytest.raises(UserError, match="exceeds"):
        load("ci", **longer)
    assert load("ci", input={"base": "b"}, **longer).conversations.max_tokens == 4_000
