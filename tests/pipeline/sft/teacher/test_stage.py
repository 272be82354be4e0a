"""The whole stage against a server on this machine: what is kept and rejected, and what it cost."""

import dataclasses
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from teacher_server import KEY, Slip, TeacherServer, conversation, passage_of, said, teacher_server
from toy_artifacts import PostTraining

from pipeline.chat.conversation import (
    Conversation,
    assistant,
    from_row,
    mask_of,
    render,
    user,
)
from pipeline.dedup.config import MinhashConfig
from pipeline.sft.conversation_loader import encode
from pipeline.sft.teacher import stage
from pipeline.sft.teacher.axes import draw
from pipeline.sft.teacher.chat_endpoint import Unanswered
from pipeline.sft.teacher.chosen_passages import ShownPassage
from pipeline.sft.teacher.config import EndpointConfig, TeacherConfig
from pipeline.sft.teacher.estimate import estimate
from pipeline.sft.teacher.screening import REASONS
from pipeline.stage import SILENT, Progress
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError
from storage.tables import read_table

CONFIG = TeacherConfig(
    requests=24,
    model="teacher-1",
    max_tokens=400,
    held_out_fraction=0.0,
    minhash=MinhashConfig(ngram_words=5),
    price_per_million_prompt_tokens=2.0,
    price_per_million_answer_tokens=8.0,
    endpoint=EndpointConfig(connections=4, tries=3, backoff_seconds=0.01, max_backoff_seconds=0.05),
)
Build = Callable[..., tuple[stage.TeacherStatistics, Path]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TeacherServer]:
    monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", KEY)
    with teacher_server() as running:
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", running.url)
        running.write = numbered
        yield running


@pytest.fixture
def build(server: TeacherServer, post_training: PostTraining, tmp_path: Path) -> Build:
    made = iter(range(99))

    def run(
        config: TeacherConfig = CONFIG, progress: Progress = SILENT, **more: list[Path]
    ) -> tuple[stage.TeacherStatistics, Path]:
        out = tmp_path / f"out{next(made)}"
        out.mkdir()
        inputs: Any = {
            "corpus": [post_training.corpus],
            "tokenizer": [post_training.tokenizer],
            **more,
        }
        return stage.build(out, inputs, config, progress, tmp_path), out

    return run


def numbered(body: dict[str, Any]) -> str:
    """Conversations of their own words: toy pages are too much alike."""
    draw = random.Random(passage_of(body))
    words = [draw.choice(("boat", "mill", "road", "tea", "hat", "bell", "oak")) for _ in range(12)]
    return said([("user", f"What of {words[0]}?"), ("assistant", " ".join(words[1:]) + ".")])


def tables(out: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return (
        read_table(out / "conversations.parquet").to_pylist(),
        read_table(out / "answers.parquet").to_pylist(),
    )


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.parquet"))}


def test_conversations_are_rows_that_fine_tuning_takes(
    build: Build, post_training: PostTraining
) -> None:
    statistics, out = build()
    rows, answers = tables(out)
    assert statistics["conversations"] == len(rows) == 24
    assert statistics["rejected"] == {}
    tokenizer = Tokenizer.load(post_training.tokenizer).with_conversation_tokens()
    documents = read_table(post_training.corpus / "corpus-en.parquet").to_pylist()
    trained = {row["id"]: row["text"] for row in documents if row["split"] == "train"}
    shown = {row["id"]: row["passage"] for row in answers}
    for row in rows:
        ids, mask = render(from_row(row), tokenizer)
        assert mask_of(row["loss_spans"], len(ids)) == mask
        assert row["source"] == "teacher"
        assert shown[row["id"]] in trained[row["origin"]].replace("\n", " ")
        assert row["messages"][-1]["role"] == "assistant"
    parts = encode(rows, tokenizer)  # type: ignore[arg-type]
    assert sum(int(part.learned.sum()) for part in parts) == statistics["loss_tokens"]
    assert len({row["id"] for row in rows}) == 24


def test_a_document_is_in_one_split() -> None:
    config = replace(CONFIG, validation_fraction=0.3)
    talk = Conversation((user("Hi"), assistant("Hello")))

    def split(document: int, window: int) -> str:
        passage = ShownPassage(str(document), window, "The old mill stands.")
        case = stage.AskedPassage(passage, draw(config, passage.name), conversation=talk)
        row = stage.conversation_row(case, config)
        assert row is not None
        return row["split"]

    splits = [{split(document, window) for window in range(4)} for document in range(60)]
    assert all(len(of) == 1 for of in splits)
    assert 8 < sum("validation" in of for of in splits) < 30


def test_the_prompt_holds_passage_and_axes_and_the_judge_sees_both(
    build: Build, server: TeacherServer
) -> None:
    _, out = build()
    _, answers = tables(out)
    asked = {seen.body for seen in server.seen}
    assert len(asked) == len(server.seen) == 48
    for row in answers:
        (written,) = (
            seen.json
            for seen in server.seen
            if not seen.is_judging
            and f"<passage>\n{row['passage']}\n<" in seen.body.decode().replace("\\n", "\n")
        )
        prompt = written["messages"][1]["content"]
        for axis in ("topic", "persona", "dynamics", "first_message"):
            assert row[axis] in prompt
        assert written["model"] == "teacher-1"
        assert written["temperature"] == 1.0
        shape = written["response_format"]["json_schema"]
        assert (shape["strict"], shape["name"]) == (True, "conversation")
    judged = [seen.json for seen in server.seen if seen.is_judging]
    assert {body["temperature"] for body in judged} == {0.0}
    spoken = json.loads(server.write(judged[0]))["messages"]
    for message in spoken:
        assert json.dumps(message) in judged[0]["messages"][1]["content"]


def test_the_same_answers_in_another_order_give_the_same_bytes(
    build: Build, server: TeacherServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.score = lambda body: 2 + len(passage_of(body)) % 4
    made = []
    for number in range(3):
        monkeypatch.setenv(
            "CRAWL2CHAT_CACHE", str(tmp_path / f"cache{number}")
        )  # all is asked anew
        draw = random.Random(number)
        server.plan.extend(
            Slip(delay=draw.uniform(0, 0.02)) if draw.random() < 0.8 else Slip(status=500)
            for _ in range(70)
        )
        connections = 1 + 3 * number
        limits = replace(CONFIG.endpoint, connections=connections, tries=20)
        config = replace(CONFIG, endpoint=limits)
        statistics, out = build(config)
        made.append((statistics, content(out)))
        server.plan.clear()
    assert made[0] == made[1] == made[2]
    assert 0 < made[0][0]["conversations"] < 24
    assert server.most_open > 3


def test_a_second_build_asks_for_nothing(build: Build, server: TeacherServer) -> None:
    statistics, out = build()
    again, other = build()
    assert len(server.seen) == 48
    assert (again, content(other)) == (statistics, content(out))
    counted = json.loads((other / "provenance" / "answers.json").read_text())
    assert (counted["cached"], counted["asked"], counted["tries"]) == (48, 0, 0)


def test_more_requests_pay_for_the_new_ones_alone(build: Build, server: TeacherServer) -> None:
    build()
    build(replace(CONFIG, requests=30))
    assert max(server.billed.values()) == 1
    assert len(server.seen) == 2 * 30


LONG = said([("user", "Tell me."), ("assistant", "word " * 500)])
EXAM = "Which of these animals is best adapted to life in the cold water of the northern seas"


def test_every_reject_is_counted_with_its_reason(
    build: Build, server: TeacherServer, tmp_path: Path
) -> None:
    file = tmp_path / "exam.jsonl"
    file.write_text(json.dumps({"question": EXAM}))
    junk = Slip(body=b'{"object": "list"}')
    config = replace(
        CONFIG, endpoint=replace(CONFIG.endpoint, connections=1, max_answer_bytes=10_000)
    )
    server.plan.extend(
        [
            Slip(),  # 0: kept
            Slip(status=400, body=b'{"error": {"message": "filtered"}}'),  # 1
            *[junk] * 3,  # 2
            Slip(body=b" " * 20_000),  # 3
            Slip(refusal="no"),  # 4
            Slip(finish="length"),  # 5
            Slip(content="Here you are!"),  # 6
            Slip(content='{"turns": []}'),  # 7
            Slip(content=said([("user", "Hi"), ("assistant", "")])),  # 8
            Slip(content=said([("assistant", "Hi")])),  # 9
            Slip(content=LONG),  # 10
            Slip(content=said([("user", f"{EXAM}?"), ("assistant", "The seal.")])),  # 11
            Slip(content=said([("user", "What is it?"), ("assistant", "A bell.")])),  # 12: kept
            Slip(content=said([("user", "What was it"), ("assistant", "an oak!")])),  # 13: kept
            Slip(content=said([("user", "WHAT is it?"), ("assistant", "a bell.")])),  # 14: like 12
            *[Slip()] * 9,  # 15 to 23
            # the judge, of 0, 12, 13, 15 to 23
            Slip(),
            Slip(content='{"score": 5}'),
            Slip(content="five"),
            Slip(content='{"reason": "It invents.", "score": 1}'),
            Slip(content='{"reason": "Flat.", "score": 3}'),
            Slip(status=400),
        ]
    )
    statistics, out = build(config, benchmarks=[file])
    rows, answers = tables(out)
    found = {row["number"]: (row["reason"], row["detail"]) for row in answers}
    assert found[1] == ("refused", "400: filtered")
    assert found[2][0] == "no_completion"
    assert found[3] == ("too_large", "more than 10,000 bytes")
    assert found[4] == ("declined", "no")
    assert found[5][0] == "cut"
    assert found[6][0] == "no_json"
    assert found[7] == ("schema", "answer has no messages")
    assert found[8] == ("no_text", "message 2 is empty")
    assert found[9][0] == "turns"
    assert found[10][0] == "too_long"
    assert found[11] == ("contaminated", "exam.jsonl:0")
    assert found[12] == ("no_judgement", "schema: answer has no reason")
    assert found[13][0] == "no_judgement"
    assert found[14] == ("duplicate", "of answer 12")
    assert found[15] == ("low_score", "1, teacher.min_score 4")
    assert found[16] == ("low_score", "3, teacher.min_score 4")
    assert found[17] == ("no_judgement", "refused: 400: status 400")
    kept = [number for number, (reason, _) in found.items() if not reason]
    assert kept == [0, *range(18, 24)]
    # They add up, by reason and in all.
    counted = Counter(reason for reason, _ in found.values() if reason)
    assert statistics["rejected"] == dict(counted)
    assert list(statistics["rejected"]) == [r for r in REASONS if counted[r]]
    assert statistics["passages"] == 24 == len(rows) + sum(counted.values())
    assert [row["id"] for row in answers if row["outcome"] == "kept"] == [r["id"] for r in rows]
    assert all((row["outcome"] == "rejected") == bool(row["reason"]) for row in answers)
    # The judge's score and reason stay, of those rejected too.
    assert (answers[15]["score"], answers[15]["judge_reason"]) == (1, "It invents.")
    assert (answers[0]["score"], answers[0]["judge_reason"]) == (5, "It is a 5.")
    assert answers[1]["score"] is None
    assert statistics["scores"] == {"1": 1, "3": 1, "5": 7}


def test_what_it_cost_adds_up(build: Build, server: TeacherServer) -> None:
    statistics, out = build()
    _, answers = tables(out)
    asked = list(server.seen)
    assert statistics["requests"] == 48 == sum(row["requests"] for row in answers)
    assert statistics["prompt_tokens"] == sum(len(seen.body) // 4 for seen in asked)
    assert statistics["prompt_tokens"] == sum(row["prompt_tokens"] for row in answers)
    money = (2.0 * statistics["prompt_tokens"] + 8.0 * statistics["answer_tokens"]) / 1e6
    assert statistics["money"] == pytest.approx(money)
    assert sum(row["money"] for row in answers) == pytest.approx(money)
    assert statistics["unmetered"] == 0
    planned = estimate(CONFIG)
    assert statistics["requests"] == planned.expected.requests
    assert statistics["prompt_tokens"] < planned.most.prompt_tokens
    assert statistics["answer_tokens"] < planned.most.answer_tokens


def test_without_usage_the_most_is_counted(build: Build, server: TeacherServer) -> None:
    server.always = Slip(usage=None)
    statistics, _ = build()
    assert statistics["unmetered"] == 48
    assert statistics["answer_tokens"] == 24 * (1_200 + 300)


def test_without_a_judge_none_is_asked(build: Build, server: TeacherServer) -> None:
    statistics, out = build(replace(CONFIG, min_score=0))
    assert not [seen for seen in server.seen if seen.is_judging]
    assert (statistics["requests"], statistics["scores"]) == (24, {})
    assert {row["score"] for row in tables(out)[1]} == {None}


def test_another_judge_is_asked_by_its_name(build: Build, server: TeacherServer) -> None:
    build(replace(CONFIG, judge_model="judge-1"))
    models = Counter((seen.is_judging, seen.json["model"]) for seen in server.seen)
    assert models == {(False, "teacher-1"): 24, (True, "judge-1"): 24}


@pytest.mark.parametrize("most", [5, 6])
def test_a_cap_on_requests_leaves_room_for_judging(
    build: Build, server: TeacherServer, most: int
) -> None:
    statistics, out = build(replace(CONFIG, max_requests=most))
    assert statistics["conversations"] == most // 2
    assert statistics["rejected"] == {"cap": 24 - most // 2}
    assert len(server.seen) == 2 * (most // 2)
    assert tables(out)[1][-1]["requests"] == 0


def test_a_cap_on_money_is_never_exceeded(build: Build, server: TeacherServer) -> None:
    whole, _ = build()
    cap = 0.7 * whole["money"]
    server.seen.clear()
    server.billed.clear()
    statistics, _ = build(replace(CONFIG, max_money=cap, model="teacher-2"))
    assert 0 < statistics["money"] <= cap
    assert statistics["rejected"]["cap"] > 0
    assert statistics["conversations"] + statistics["rejected"]["cap"] == 24
    assert statistics["requests"] == len(server.seen)


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"send_temperature": False}, {"temperature": None}),
        ({"temperature": 0.3}, {"temperature": 0.3}),
        ({"response_format": "json_object"}, {"response_format": {"type": "json_object"}}),
        ({"response_format": "text"}, {"response_format": None}),
        (
            {"limit_field": "max_completion_tokens"},
            {"max_tokens": None, "max_completion_tokens": 1_200},
        ),
    ],
)
def test_what_endpoints_differ_in(
    build: Build, server: TeacherServer, change: dict[str, Any], sent: dict[str, Any]
) -> None:
    build(replace(CONFIG, requests=2, **change))
    first = server.seen[0].json
    assert {name: first.get(name) for name in sent} == sent


def test_nothing_of_use_is_said(build: Build, server: TeacherServer) -> None:
    server.always = Slip(content="I would rather not.")
    with pytest.raises(UserError, match=r"none of 24 answers became a conversation \(24 no_json\)"):
        build()


def test_a_corpus_with_too_few_passages_is_said(build: Build) -> None:
    notes: list[str] = []

    class Heard(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    statistics, _ = build(replace(CONFIG, requests=5_000), Heard())
    assert 200 < statistics["passages"] < 5_000
    assert f"the corpus has {statistics['passages']:,} passages" in notes[0]
    assert notes[-1].startswith("teacher: ")


def test_held_out_entities_are_not_shown(build: Build, server: TeacherServer) -> None:
    statistics, _ = build(replace(CONFIG, held_out_fraction=0.5))
    assert statistics["held_out_passages"] > 0


def test_a_failing_endpoint_keeps_what_it_has_given(build: Build, server: TeacherServer) -> None:
    server.plan.extend([Slip()] * 10)
    server.always = Slip(status=500)
    with pytest.raises(Unanswered):
        build()
    server.always = Slip()
    build()
    assert max(server.billed.values()) == 1


def test_the_key_is_in_nothing_that_is_left(
    build: Build, server: TeacherServer, tmp_path: Path
) -> None:
    server.write = lambda body: said([("user", "Key?"), ("assistant", f"{KEY} {passage_of(body)}")])
    _, out = build()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(left) > 20
    for path in left:
        assert KEY.encode() not in path.read_bytes(), path
    rows, answers = tables(out)
    assert KEY not in str(rows) + str(answers)
    assert "*** " in str(rows)


def test_how_it_is_asked_is_of_no_digest_s_concern() -> None:
    assert stage.STAGE.aside == ("endpoint",)
    assert {field.name for field in dataclasses.fields(EndpointConfig)} >= {"base_url", "key_block"}


def test_the_helper_s_own_conversations_are_good(build: Build, server: TeacherServer) -> None:
    server.write = conversation
    statistics, _ = build(replace(CONFIG, requests=4))
    assert statistics["conversations"] > 0
