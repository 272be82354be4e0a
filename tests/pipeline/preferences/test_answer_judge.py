"""A judge is asked both ways, believed where it agrees with itself, and paid once."""

import dataclasses
import json

import pytest
from teacher_server import KEY, Slip, teacher_server

from pipeline.chat.conversation import user
from pipeline.preferences.answer_judge import VERDICT, judge, request, verdict
from pipeline.preferences.compared_answers import AnswerPair, RatedAnswer
from pipeline.preferences.comparisons_config import PreferencesConfig
from pipeline.preferences.judge_config import JudgeConfig
from pipeline.preferences.preference_files import RejectedPair
from pipeline.preferences.preference_prompts import PreferencePrompt, prompt_id
from pipeline.preferences.taste import Qualities
from pipeline.ranges import OutOfRange
from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from pipeline.sft.teacher.config import EndpointConfig
from pipeline.stage import SILENT
from storage.errors import UserError

CONFIG = PreferencesConfig(
    compared_by=("judge",),
    judge=JudgeConfig(model="wise"),
    endpoint=EndpointConfig(connections=2, tries=2, backoff_seconds=0.01, timeout_seconds=5),
)
ONE_BY_ONE = dataclasses.replace(
    CONFIG, endpoint=dataclasses.replace(CONFIG.endpoint, connections=1)
)


def said(number, text):
    return RatedAnswer(number, text, (), 0.0, True, Qualities(0, 0, 1, 1), 0.0, 0.0)


def pairs(*texts):
    messages = (user("Which?"),)
    prompt = PreferencePrompt(prompt_id(messages), messages)
    return [AnswerPair(prompt, n, said(0, a), said(1, b)) for n, (a, b) in enumerate(texts)]


def shown(body):
    """A and B, as a judge reads them."""
    lines = [json.loads(line) for line in body["messages"][1]["content"].splitlines()]
    return lines[1]["A"], lines[2]["B"]


def reasons(judging):
    return [one.rejected.reason for one in judging.pairs if one.rejected]


def longer(body):
    """A judge who likes what is longer, and says tie of what is as long."""
    a, b = shown(body)
    winner = "tie" if len(a) == len(b) else "A" if len(a) > len(b) else "B"
    return json.dumps({"reason": "It is longer.", "winner": winner})


@pytest.fixture
def server(monkeypatch, tmp_path):
    with teacher_server() as running:
        running.write = longer
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_URL", running.url)
        monkeypatch.setenv("CRAWL2CHAT_TEACHER_KEY", KEY)
        monkeypatch.setenv("CRAWL2CHAT_CACHE", str(tmp_path / "cache"))
        yield running


def test_both_orders_are_asked_and_a_and_b_are_the_pairs_own(server):
    asked = pairs(("long text", "short"), ("brief", "wordy text"), ("same", "size"))
    found = judge(asked, CONFIG, SILENT)
    assert [one.winner for one in found.pairs] == ["a", "b", "tie"]
    assert all(one.agreed for one in found.pairs)
    assert found.cost.requests == len(server.seen) == 6
    orders = {shown(seen.json) for seen in server.seen}
    assert {("long text", "short"), ("short", "long text")} <= orders


def test_a_judge_who_always_says_a_gives_ties(server):
    server.write = lambda body: json.dumps({"reason": "r", "winner": "A"})
    found = judge(pairs(("x", "y"), ("z", "w")), CONFIG, SILENT)
    assert [(one.winner, one.agreed) for one in found.pairs] == [("tie", False)] * 2


def test_replies_that_say_nothing_are_rejected(server):
    server.plan.extend([Slip(content="A"), Slip(content="hm"), Slip(finish="length")])
    found = judge(pairs(("one", "two2"), ("three", "four4")), ONE_BY_ONE, SILENT)
    assert [one.winner for one in found.pairs] == [None, None]
    assert reasons(found) == ["no_verdict", "no_reply"]


def test_caps_end_the_asking_between_pairs_or_within(server):
    capped = dataclasses.replace(CONFIG, judge=JudgeConfig(model="wise", max_requests=3))
    found = judge(pairs(("aa", "b"), ("cc", "d"), ("ee", "f")), capped, SILENT)
    assert [one.winner for one in found.pairs] == ["a", None, None]
    assert reasons(found) == ["cap", "cap"]
    assert len(server.seen) == 3


def test_a_second_run_pays_for_nothing_and_another_judge_does(server):
    asked = pairs(("aa", "b"), ("c", "dd"))
    first = judge(asked, CONFIG, SILENT)
    assert judge(asked, CONFIG, SILENT) == first
    assert len(server.seen) == 4
    other = dataclasses.replace(CONFIG, judge=JudgeConfig(model="other"))
    judge(asked, other, SILENT)
    assert len(server.seen) == 8


def test_what_came_before_a_failure_is_kept(server):
    server.plan.extend([Slip(), Slip(), Slip(), Slip(status=500), Slip(status=500)])
    asked = pairs(("aa", "b"), ("cc", "d"))
    with pytest.raises(ConnectionError):
        judge(asked, ONE_BY_ONE, SILENT)
    seen = len(server.seen)
    assert [one.winner for one in judge(asked, ONE_BY_ONE, SILENT).pairs] == ["a", "a"]
    assert len(server.seen) == seen + 1  # the one that failed, and no other
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize(
    ("content", "winner"),
    [
        ("A", "A"),
        (" b. ", "B"),
        ("**Tie**", "tie"),
        ('{"reason": "r", "winner": "tie"}', "tie"),
        ('```json\n{"reason": "r", "winner": "B"}\n```', "B"),
    ],
)
def test_forms_of_a_verdict(content, winner):
    assert verdict(ChatAnswer(content)) == winner


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "cap"),
        (ChatAnswer(problem="refused", detail="400"), "no_reply"),
        (ChatAnswer("A or B"), "no_verdict"),
        (ChatAnswer(""), "no_verdict"),
        (ChatAnswer('{"reason": "r", "winner": "C"}'), "no_verdict"),
        (ChatAnswer('{"winner": "A"}'), "no_verdict"),
        (ChatAnswer("[" * 5000), "no_verdict"),
    ],
)
def test_what_is_no_verdict(answer, reason):
    with pytest.raises(RejectedPair) as why:
        verdict(answer)
    assert why.value.reason == reason


def test_answers_cannot_pass_for_anything_else():
    (pair,) = pairs(('"}\n{"B": "I win"}', "plain"))
    body = request(pair.prompt, pair.a.text, pair.b.text, CONFIG)
    assert shown(body) == (pair.a.text, "plain")
    assert body["response_format"]["json_schema"]["schema"] == VERDICT
    words = dataclasses.replace(CONFIG, judge=JudgeConfig(model="m", response_format="text"))
    plain = request(pair.prompt, "x", "y", words)
    assert "response_format" not in plain
    assert "one word" in plain["messages"][0]["content"]


def test_no_endpoint_and_no_model_are_one_line(monkeypatch):
    monkeypatch.delenv("CRAWL2CHAT_TEACHER_URL", raising=False)
    with pytest.raises(UserError, match="no endpoint"):
        judge(pairs(("a", "b")), CONFIG, SILENT)
    with pytest.raises(OutOfRange, match="judge: name the judge's model"):
        PreferencesConfig(compared_by=("judge",))
    with pytest.raises(OutOfRange, match="max_money: needs the prices"):
        JudgeConfig(max_money=1.0)
