"""Presets, --set and the form: what is accepted, what is refused, and in which words."""

import contextlib
import dataclasses
import tomllib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from flows.config import PRESETS, RunConfig, Settings, load, parse_change, preset_names, settle
from pipeline.config import to_dict
from storage.digest import artifact_digest
from storage.errors import UserError


def test_the_presets_are_there_and_possible() -> None:
    assert preset_names() == ["ci", "cpu", "demo", "gpu", "gpu8"]
    for name in preset_names():
        assert load(name).preset == name


@pytest.mark.parametrize("name", ["ci", "cpu", "demo", "gpu", "gpu8"])
def test_a_preset_s_values_arrive(name: str) -> None:
    tree = load(name).model_dump(mode="json")

    def check(given: dict[str, object], there: dict[str, object]) -> None:
        for key, value in given.items():
            if isinstance(value, dict):
                check(value, there[key])  # type: ignore[arg-type]
            else:
                assert there[key] == value

    check(tomllib.loads((PRESETS / f"{name}.toml").read_text()), tree)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("rl.stepz=3", "unknown key 'rl.stepz': in rl there are .*steps"),
        ("corpus.minhash.buckets=4", "unknown key 'corpus.minhash': in corpus there are .*split"),
        ("assemble.split.salt=x", "unknown key 'assemble': as a table there are .*corpus.*scan"),
        ("synthesis.name=Ada", "unknown key 'synthesis': as a table there are .*conversations"),
        ("nonsense.x=3", "unknown key 'nonsense': as a table there are .*pretrain"),
        ("rl.steps=true", "rl.steps: True is no whole number"),
        ("rl.steps='3'", "rl.steps: '3' is no whole number"),
        ("rl.steps=1.5", "rl.steps: 1.5 is no whole number"),
        ("rl=3", "rl is a table"),
        ("rl.steps", "write it as table.key=value"),
        ("rl.steps=[", "no TOML value"),
        ("pretrain.shape.kv_heads=3", "no multiple of 3 kv_heads"),
        ("pretrain.shape.head_dim=31", "must be even"),
        ("pretrain.shape.context=64", "exceeds pretrain.shape.context"),
        ("tokenizer.vocab_size=100", "at least 257"),
        ("rl.answers_per_prompt=1", "at least 2"),
        ("recipe=nonsense", "unknown recipe 'nonsense': one of dclm, fineweb-code"),
        ("select.filters=['taste']", "select.filters: unknown 'taste': one of language, repet"),
        ("select.language.languages=['de']", "asks for de, but the pass lets en through"),
        ("select.language.languages=[]", "asks for all, but the pass lets en through"),
        ("input.processes=4", "must divide by input.processes"),
        ("pretrain.loop.first_rows=7", "pretrain.loop.first_rows .7.: must divide rows_per_step"),
        ("sft.loop.first_rows=999", "sft.loop.first_rows .999.: must divide rows_per_step"),
        ("interrogated.loop.first_rows=999", "interrogated.loop.first_rows .999.: must divide"),
        ("interrogation.max_tokens=500", "interrogation.max_tokens .500. exceeds pretrain.shape"),
        ("interrogation.max_new_tokens=192", "leaves no room for a prompt"),
        ("preferences.max_new_tokens=192", r"preferences.max_new_tokens \(192\) leaves no room"),
        ("rlhf.max_new_tokens=192", r"rlhf.max_new_tokens \(192\) leaves no room for a prompt"),
        ("conversations.name=Ada", r"conversations.name \('Ada'\) what it is taught: set both"),
        ("evals.knowledge_cutoff='May 2024'", r"evals.knowledge_cutoff \('May 2024'\)"),
        ("pretrain.parallelism=magic", "pretrain.parallelism: unknown 'magic': one of ddp"),
        ("pretrain.replicas=2", r"pretrain.replicas \(2\): .* must divide by it"),
        *(
            (f"{table}.activation_checkpointing=some", f"{table}.activation_checkpointing: unknown")
            for table in ("pretrain.loop", "extend.loop", "sft.loop", "rl")
        ),
    ],
)
def test_a_mistake_is_one_line_that_helps(change: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        load("ci", [change])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        "pretrain.loop.rows_per_step=9",
        "pretrain.loop.first_rows=1",
        "sft.loop.rows_per_step=9",
        "sft.loop.first_rows=1",
        "rl.prompts_per_step=9",
        "reward_model.pairs_per_step=9",
        "rlhf.prompts_per_step=9",
        "rlhf.pairs_per_step=9",
    ],
)
def test_what_processes_cannot_share_is_refused_before_the_first_stage(change: str) -> None:
    load("ci", [change])
    name = change.split("=")[0]
    with pytest.raises(UserError, match=f"{name} .*must divide by input.processes x input.nodes"):
        load("ci", [change, "input.processes=2"])
    load("ci", ["input.processes=2"])


def test_an_unknown_preset_lists_those_there_are() -> None:
    words = "unknown preset 'nonsense': one of ci, cpu, demo, gpu, gpu8"
    with pytest.raises(UserError, match=words):
        load("nonsense")


def test_changes_are_laid_over_the_preset() -> None:
    config = load(
        "ci",
        [
            "rl.steps=9",
            'rl.tasks=["sum:2-3=1"]',
            "rl.temperature=2",
            "conversations.name=Ada",
            "evals.name=Ada",
        ],
    )
    assert (config.rl.steps, config.rl.tasks, config.rl.temperature) == (9, ("sum:2-3=1",), 2.0)
    assert isinstance(config.rl.temperature, float)
    assert config.conversations.name == "Ada"
    assert config.rl.prompts_per_step == load("ci").rl.prompts_per_step


def test_a_recipe_s_name_brings_its_numbers() -> None:
    paper = load("demo", ["recipe=fineweb-paper"])
    assert paper.select.fineweb.max_duplicate_line_character_fraction == 0.1
    assert paper.select.gopher_quality.min_alphabetic_word_fraction == 0.6  # the preset's own
    assert load("demo").select.fineweb.max_duplicate_line_character_fraction == 0.01
    gopher = load("cpu", ["recipe=gopher", "select.gopher_quality.min_words=9"])
    assert gopher.scan.minhash.ngram_words == 13
    assert gopher.select.filters == ("language", "gopher_quality", "repetition", "toxicity")
    assert gopher.select.gopher_quality.min_words == 9


def test_a_deployment_may_give_a_part() -> None:
    adapter = TypeAdapter(Settings)
    config = adapter.validate_python({"preset": "ci", "rl": {"steps": 9}})
    assert config == load("ci", ["rl.steps=9"])
    # What the form sends is everything.
    assert adapter.validate_python(config.model_dump(mode="json")) == config


def test_auto_is_settled_before_a_digest() -> None:
    settled = settle(load("ci", ["pretrain.precision=auto", "pretrain.device=auto"]).pretrain)
    assert settled.device in ("cpu", "cuda")
    assert settled.precision in ("float32", "bfloat16")
    asked = dataclasses.replace(settled, precision="float32", device="cpu")
    assert settle(asked) == asked


@pytest.mark.parametrize("stage", ["pretrain", "extend", "sft", "rl", "evals", "positions"])
def test_two_modes_of_multiplying_never_share_an_artifact(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest() -> str:
        config = getattr(load("ci"), stage)
        settled = settle(dataclasses.replace(config, device="cpu"))
        assert settled.products != "auto"
        return artifact_digest(stage, 1, to_dict(settled), {})

    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    monkeypatch.setenv("MKL_CBWR", "AUTO")
    first = digest()
    assert first == digest()
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert digest() != first


@given(st.from_regex(r"[a-z_]+(\.[a-z_]+)*", fullmatch=True), st.integers() | st.booleans())
def test_a_change_parses_as_toml(key: str, value: int | bool) -> None:
    text = str(value).lower()
    assert parse_change(f"{key}={text}") == (key, value)


@given(st.text(max_size=40))
def test_no_text_is_more_than_a_user_s_mistake(text: str) -> None:
    with contextlib.suppress(UserError):
        assert isinstance(load("ci", [text]), RunConfig)


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"depths": [1, 2, 2, 3, 4]}, r"scaling\.depths: different"),
        ({"depths": [0, 1, 2, 3, 4]}, r"scaling\.depths: 0 must be above 0"),
        ({"width_per_layer": 48}, r"multiple of scaling\.head_dim"),
        ({"depths": [1, 2, 3, 4]}, "too few to predict"),
        ({"ahead": 1.0}, "scaling.ahead: 1 must be above 1"),
    ],
)
def test_a_ladder_that_can_not_be_fitted_is_refused_at_once(tables, text):
    with pytest.raises(UserError, match=text):
        load("ci", scaling=tables)
    load("ci", scaling={"depths": [1, 2, 3, 4], "seeds": [0, 1]})
