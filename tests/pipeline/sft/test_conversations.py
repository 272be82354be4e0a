"""Conversations: balanced by source, masked right, nothing held out, the same each time."""

import dataclasses
import io
import random
import re

import pytest

from pipeline.chat.conversation import from_row, mask_of, render
from pipeline.curriculum.held_out import is_held_out, sum_split, word_split
from pipeline.curriculum.spelled_words import SPELLING_QUESTIONS, SPELLING_WORDS
from pipeline.curriculum.sums import SUM_QUESTIONS, direct, worked
from pipeline.curriculum.tasks import is_worked
from pipeline.sft import conversations
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.drafted import source_rng
from pipeline.sft.refusals import REFUSALS
from pipeline.stage import SILENT, Progress
from storage.errors import UserError
from storage.tables import read_table

CONFIG = ConversationsConfig(
    interrogated_fraction=0.0,
    facts=80,
    reading=40,
    definitions=10,
    arithmetic=200,
    spelling=60,
    small_talk=30,
    identity=20,
    refusals=30,
    harmless=25,
    personas=20,
    chains=30,
)


@pytest.fixture(scope="module")
def made(post_training, tmp_path_factory):
    return run(post_training, tmp_path_factory.mktemp("made"), CONFIG)


def run(post_training, out, config):
    inputs: conversations.ConversationsInputs = {
        "corpus": [post_training.corpus],
        "tokenizer": [post_training.tokenizer],
    }
    statistics = conversations.build(out, inputs, config, SILENT, out)
    return statistics, read_table(out / "conversations.parquet").to_pylist(), out


def questions(rows, source):
    return [
        (row["messages"][-2]["content"], row["messages"][-1]["content"])
        for row in rows
        if row["source"] == source
    ]


def test_counts_are_the_configs(made):
    statistics, rows, _ = made
    by_source = statistics["by_source"]
    assert by_source["arithmetic"] == 200
    assert by_source["spelling"] == 60
    assert by_source["small_talk"] == 30
    assert by_source["identity"] == 20
    assert by_source["refusals"] == 30
    assert by_source["harmless"] == 25
    assert by_source["personas"] + statistics["too_long"].get("personas", 0) == 20
    assert by_source["facts"] == 80
    assert by_source["reading"] == 40
    assert by_source["chains"] + statistics["too_long"].get("chains", 0) == 30
    assert len(rows) == statistics["conversations"] == sum(by_source.values())
    assert len({row["id"] for row in rows}) == len(rows)


def test_what_is_too_long_is_said(post_training, tmp_path):
    said = io.StringIO()
    inputs: conversations.ConversationsInputs = {
        "corpus": [post_training.corpus],
        "tokenizer": [post_training.tokenizer],
    }
    config = dataclasses.replace(CONFIG, max_tokens=40)
    statistics = conversations.build(tmp_path, inputs, config, Progress(said), tmp_path)
    chains = statistics["too_long"]["chains"]
    assert chains
    assert "longer than 40 tokens and left out: " in said.getvalue()
    assert f"{chains} chains" in said.getvalue()


def test_spans_are_what_rendering_gives_and_all_fit(made, chat_tokenizer):
    for row in made[1]:
        ids, mask = render(from_row(row), chat_tokenizer)
        assert len(ids) <= CONFIG.max_tokens
        assert mask_of(row["loss_spans"], len(ids)) == mask


def test_statistics_say_what_the_table_holds(made, chat_tokenizer):
    statistics, rows, _ = made
    held_back = [row for row in rows if row["split"] == "validation"]
    assert statistics["validation"] == len(held_back)
    assert 0 < len(held_back) < len(rows) / 2
    masks = [render(from_row(row), chat_tokenizer)[1] for row in rows]
    assert statistics["loss_tokens"] == sum(map(sum, masks)) > len(rows)


def test_sums_are_right_and_of_the_sft_split(made):
    pairs = questions(made[1], "arithmetic")
    for question, answer in pairs:
        a, b = map(int, re.findall(r"\d+", question))
        assert sum_split(a, b) == "sft"
        assert answer in (worked(a, b), direct(a, b))
        assert max(a, b) < 10**5
    share = sum(is_worked(answer) for _, answer in pairs) / len(pairs)
    assert 0.2 < share < 0.4
    lengths = [tuple(map(len, re.findall(r"\d+", question))) for question, _ in pairs]
    every = [(first, second) for first in range(1, 6) for second in range(1, 6)]
    assert [lengths.count(pair) for pair in every] == [8] * 25


def test_sums_and_words_are_asked_in_many_wordings(made):
    sums = {re.sub(r"\d+", "#", question) for question, _ in questions(made[1], "arithmetic")}
    assert {text.format(a="#", b="#") for text in SUM_QUESTIONS} < sums
    assert any("+" not in text and "many" not in text for text in sums)
    assert any(text.startswith("One box holds # ") for text in sums)
    spelled = [
        question.replace(answer.replace("-", "").rstrip("."), "{word}")
        for question, answer in questions(made[1], "spelling")
    ]
    assert {*spelled} == {*SPELLING_QUESTIONS}


def test_nothing_held_out_is_asked(made, toy_names):
    rows = made[1]
    known = [w for w in SPELLING_WORDS if word_split(w) != "sft"]
    for question, _ in questions(rows, "spelling"):
        assert not any(re.search(rf"\b{word}\b", question) for word in known)
    hidden = [name for name in toy_names if is_held_out(name)]
    assert hidden
    for question, _ in questions(rows, "facts"):
        assert not any(re.search(rf"\b{name}\b", question) for name in hidden)


def test_only_train_documents_are_origins(made, post_training):
    documents = read_table(post_training.corpus / "corpus-en.parquet").to_pylist()
    splits = {row["id"]: row["split"] for row in documents}
    origins = [row["origin"] for row in made[1] if row["source"] == "facts"]
    assert origins
    assert {splits[origin] for origin in origins} == {"train"}


def said(rows, split, role):
    return {
        m["content"]
        for row in rows
        if row["split"] == split
        for m in row["messages"]
        if m["role"] == role
    }


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_no_question_and_no_answer_of_validation_is_trained_on(made, post_training, tmp_path, role):
    many = dataclasses.replace(
        CONFIG, validation_fraction=0.3, arithmetic=600, max_operand_digits=2
    )
    shared = {sentence for of in REFUSALS.values() for sentence in of}
    for rows in (made[1], run(post_training, tmp_path, many)[1]):
        held_back = said(rows, "validation", role) - shared
        assert held_back
        assert not held_back & said(rows, "train", role)


def test_validation_has_every_kind_that_can_be_held_back(post_training, tmp_path):
    many = dataclasses.replace(CONFIG, validation_fraction=0.3, chains=100)
    rows = run(post_training, tmp_path, many)[1]
    kinds = {row["source"] for row in rows if row["split"] == "validation"}
    assert {"facts", "reading", "arithmetic", "spelling", "chains"} <= kinds
    assert {"refusals", "harmless"} <= kinds
    assert not {"small_talk", "identity", "personas"} & kinds
    share = sum(row["split"] == "validation" for row in rows) / len(rows)
    assert 0.1 < share < 0.4


def test_an_entity_is_of_one_split_in_facts_and_definitions():
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    documents = [(n, f"{n} was born in Hale. {n} is a baker of fine bread.") for n in names]
    config = ConversationsConfig(min_mentions=1, validation_fraction=0.5, held_out_fraction=0.0)
    splits: dict[str, set[bool]] = {name: set() for name in names}
    sources = set()
    for item in conversations.draft(documents, config):
        if item.source in ("facts", "definitions"):
            (name,) = [name for name in names if name in item.messages[-2].content]
            splits[name].add(item.validation)
            sources.add((item.source, item.validation))
    assert all(len(of) == 1 for of in splits.values())
    assert len(sources) == 4


def test_chains_have_several_turns_and_some_open_with_a_system_message(made):
    chains = [row for row in made[1] if row["source"] == "chains"]
    assert all(sum(m["role"] == "assistant" for m in row["messages"]) == 2 for row in chains)
    others = [row for row in made[1] if row["source"] != "personas"]
    share = sum(row["messages"][0]["role"] == "system" for row in others) / len(others)
    assert 0.04 < share < 0.18
    assert any(CONFIG.name in m["content"] for row in made[1] for m in row["messages"])


def test_a_persona_is_told_by_the_one_system_message_and_never_joined_to_others():
    config = ConversationsConfig(arithmetic=20, personas=200, chains=100, system_share=1.0)
    drafted = conversations.draft([("a", "")], config)
    for item in drafted:
        assert [m.role for m in item.messages].count("system") == 1
        assert item.messages[0].role == "system"
    told = [item for item in drafted if item.source == "personas"]
    assert len(told) == 200
    assert {len(item.messages) for item in told} == {3}
    assert sum(item.source == "chains" for item in drafted) > 90


def test_the_end_of_knowledge_is_said_as_set():
    config = ConversationsConfig(personas=0, knowledge_cutoff="May 2024", system_share=0.0)
    said = [item.messages[-1].content for item in conversations.draft([("a", "")], config)]
    assert any(text.endswith("knowledge ends in May 2024.") for text in said)
    assert not any("web crawl I was trained on" in text for text in said)


@pytest.mark.parametrize(("share", "all_of_them"), [(0.0, False), (1.0, True)])
@pytest.mark.parametrize("least", [True, False])
def test_a_share_of_0_has_no_system_message_and_of_1_has_all(
    monkeypatch, share, all_of_them, least
):
    """Whatever is drawn, and be it the least or the largest number below 1 that can be."""
    real = source_rng

    class Extreme(random.Random):
        def random(self):
            return 0.0 if least else 1 - 2**-53

    def rng(config, purpose):
        return Extreme(0) if purpose == "system" else real(config, purpose)

    monkeypatch.setattr(conversations, "source_rng", rng)
    config = ConversationsConfig(
        arithmetic=20, small_talk=5, identity=5, personas=0, system_share=share
    )
    drafted = conversations.draft([("a", "")], config)
    assert len(drafted) >= 30
    for item in drafted:
        assert (item.messages[0].role == "system") == all_of_them


def test_no_more_documents_of_a_fact_are_kept_than_can_be_asked_for(monkeypatch):
    """Every fact of these pages is used up before the first documents that state it are not."""
    names = [f"Anna B{chr(97 + i)}n" for i in range(26)]
    text = " ".join(f"{name} lives in Hale. {name} was born in Tarn." for name in names)
    documents = [(f"{n}", text) for n in range(60)]
    config = ConversationsConfig(
        facts=50, facts_per_document=2, questions_per_fact=4, held_out_fraction=0.0
    )
    some = conversations.draft(documents, config)
    whole = conversations.facts.extract

    def all_of_them(documents, most_documents):
        assert most_documents == 26
        return whole(documents, most_documents=60)

    monkeypatch.setattr(conversations.facts, "extract", all_of_them)
    assert conversations.draft(documents, config) == some
    # two wordings of a question for each of 13 facts, or four of each: some documents are full
    assert len({item.origin for item in some if item.source == "facts"}) > 5


def test_of_a_corpus_above_the_limit_a_sample_is_read(post_training, made, tmp_path):
    small = dataclasses.replace(CONFIG, scanned_bytes=9_000)
    statistics, rows, _ = run(post_training, tmp_path, small)
    assert 10 < statistics["documents"] < made[0]["documents"] == 220
    sample = {id_ for id_, _ in conversations.CorpusDocuments(post_training.corpus, 9_000)}
    origins = {row["origin"] for row in rows} - {""}
    assert len(origins) > 5
    assert origins <= sample


def test_same_input_same_bytes(made, post_training, tmp_path):
    _, _, again = run(post_training, tmp_path, CONFIG)
    name = "conversations.parquet"
    assert (made[2] / name).read_bytes() == (again / name).read_bytes()


def test_nothing_to_say_is_a_clear_error(post_training, tmp_path):
    with pytest.raises(UserError, match="max_tokens"):
        run(post_training, tmp_path, dataclasses.replace(CONFIG, max_tokens=3))


def test_what_is_too_long_is_left_out_and_counted_by_its_source(post_training, tmp_path):
    config = dataclasses.replace(CONFIG, max_tokens=60)
    statistics, rows, _ = run(post_training, tmp_path, config)
    counts, left_out = statistics["by_source"], statistics["too_long"]
    assert left_out["arithmetic"] > 1
    assert statistics["conversations"] == len(rows) == sum(counts.values())
    for source, wanted in (("arithmetic", 200), ("spelling", 60), ("small_talk", 30)):
        assert counts.get(source, 0) + left_out.get(source, 0) == wanted


def test_the_stage_by_its_name_and_version():
    stage = conversations.STAGE
    assert (stage.kind, stage.version, stage.config) == ("conversations", 6, ConversationsConfig)
    assert stage.data == ("unicode",)
