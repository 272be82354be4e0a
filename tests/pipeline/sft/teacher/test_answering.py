"""Many requests: tried again gently, never too many at once, within the caps, each paid once."""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from teacher_server import KEY, Slip, TeacherServer, said, teacher_server

from pipeline.sft.teacher.answer_cache import AnswerCache
from pipeline.sft.teacher.answering import Answering, ChatRequest
from pipeline.sft.teacher.budget import NOTHING, Cost, most
from pipeline.sft.teacher.chat_endpoint import ChatAnswer, ChatEndpoint, Unanswered
from pipeline.sft.teacher.config import EndpointConfig, TeacherConfig
from storage.errors import UserError

ENDPOINT = EndpointConfig(
    connections=4,
    tries=3,
    backoff_seconds=0.01,
    max_backoff_seconds=0.05,
    timeout_seconds=0.5,
)
CONFIG = TeacherConfig(endpoint=ENDPOINT)
Ask = Callable[..., Answering]


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as running:
        yield running


@pytest.fixture
def answering(server: TeacherServer, tmp_path: Path) -> Ask:
    def make(config: TeacherConfig = CONFIG, **endpoint: Any) -> Answering:
        settings = replace(config, endpoint=replace(config.endpoint, **endpoint))
        cache = AnswerCache(server.url, tmp_path / "answers")
        return Answering(ChatEndpoint(server.url, KEY, settings.endpoint), cache, settings)

    return make


def body(number: int) -> bytes:
    passage = f"<passage>\nThe boat number {number} lies in the harbour of the town.\n</passage>"
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": passage}]
    return json.dumps({"model": "m", "messages": messages}).encode()


def requests(count: int, answer_tokens: int = 100) -> list[ChatRequest]:
    return [ChatRequest(body(n), most(body(n), answer_tokens)) for n in range(count)]


def contents(answers: Sequence[ChatAnswer | None]) -> list[str]:
    return [answer.content for answer in answers if answer is not None]


def test_answers_are_in_the_order_of_the_requests(server: TeacherServer, answering: Ask) -> None:
    draw = random.Random(1)
    server.plan.extend(Slip(delay=draw.uniform(0, 0.05)) for _ in range(20))
    one = answering()
    answers = one.ask(requests(20))
    assert len(contents(answers)) == 20
    for number, answer in enumerate(contents(answers)):
        assert f"number {number} " in answer
    assert one.spent.requests == 20
    assert (one.counters.asked, one.counters.cached, one.counters.tries) == (20, 0, 20)


def test_a_second_run_pays_for_nothing(server: TeacherServer, answering: Ask) -> None:
    first, second = answering(), answering()
    assert first.ask(requests(6)) == second.ask(requests(6))
    assert len(server.seen) == 6
    assert second.spent == first.spent  # the caps count what it cost, whoever paid
    assert (second.counters.cached, second.counters.paid) == (6, NOTHING)


@pytest.mark.parametrize(
    "slip",
    [
        Slip(status=500),
        Slip(status=503),
        Slip(status=429),
        Slip(status=429, retry_after="0"),
        Slip(cut_after=10),
        Slip(stall_after=10),
        Slip(stall_after=-2),
        Slip(body=b"<html>busy</html>"),
        Slip(body=b'{"error": {"message": "overloaded"}}'),
    ],
)
def test_what_may_pass_is_tried_again(server: TeacherServer, answering: Ask, slip: Slip) -> None:
    server.plan.extend([slip, slip])
    one = answering(timeout_seconds=0.2)
    (answer,) = one.ask(requests(1))
    assert answer is not None
    assert not answer.problem
    assert len(server.seen) == 3
    assert len({seen.idempotency for seen in server.seen}) == 1
    lost = slip.cut_after >= 0 or slip.stall_after != -1 or slip.body is not None
    assert one.counters.lost == (Cost(2, 2 * len(body(0)), 200) if lost else NOTHING)


def test_after_the_last_try_it_fails_and_keeps_what_came(
    server: TeacherServer, answering: Ask
) -> None:
    server.always = Slip(status=500)
    server.plan.extend([Slip(), Slip()])
    one = answering(connections=1)
    with pytest.raises(Unanswered, match=r"500: status 500 \(3 tries\)"):
        one.ask(requests(9))
    assert len(server.seen) == 2 + 3
    server.always = Slip()
    again = answering(connections=1)
    assert len(contents(again.ask(requests(9)))) == 9
    assert again.counters.cached == 2


def test_those_under_way_end_and_are_kept(server: TeacherServer, answering: Ask) -> None:
    # the first goes alone; then one is refused for good while three others take their time
    server.plan.extend([Slip(), Slip(status=402, delay=0.4), *[Slip(delay=0.8)] * 3])
    with pytest.raises(UserError, match="no credit"):
        answering(timeout_seconds=30.0).ask(requests(12))
    assert len(server.seen) == 5
    assert server.billed.total() == 4
    again = answering()
    again.ask(requests(12))
    assert again.counters.cached == 4
    assert max(server.billed.values()) == 1


def test_pauses_grow(server: TeacherServer, answering: Ask) -> None:
    server.always = Slip(status=500)
    with pytest.raises(Unanswered):
        answering(tries=5, backoff_seconds=0.05, max_backoff_seconds=9.0).ask(requests(1))
    at = [seen.at for seen in server.seen]
    pauses = [after - before for before, after in itertools.pairwise(at)]
    assert len(pauses) == 4
    for number, pause in enumerate(pauses):  # 0.5 to 1.5 times as long, by chance
        assert pause > 0.5 * 0.05 * 2**number


def test_retry_after_is_waited_for_by_all(server: TeacherServer, answering: Ask) -> None:
    server.plan.extend([Slip(), Slip(status=429, retry_after="1")])
    answering(connections=3).ask(requests(8))
    slow = server.seen[1].at
    later = [seen.at - slow for seen in server.seen[4:]]  # three were under way when it said so
    assert later
    assert min(later) > 0.9


def test_retry_after_is_not_waited_for_without_end(server: TeacherServer, answering: Ask) -> None:
    server.plan.append(Slip(status=429, retry_after="86400"))
    assert contents(answering(max_retry_after_seconds=0.1).ask(requests(1)))


def test_never_more_at_once_than_connections(server: TeacherServer, answering: Ask) -> None:
    server.always = Slip(delay=0.03)
    answering(connections=3).ask(requests(12))
    assert server.most_open == 3


def test_the_first_goes_alone_and_a_refused_key_is_tried_once(
    server: TeacherServer, answering: Ask
) -> None:
    server.key = "another"
    with pytest.raises(UserError, match="refuses the key"):
        answering(connections=8).ask(requests(20))
    assert len(server.seen) == 1


def test_who_refuses_the_first_three_refuses_all(server: TeacherServer, answering: Ask) -> None:
    server.always = Slip(status=400, body=b'{"error": {"message": "no response_format here"}}')
    with pytest.raises(UserError, match="refuses every request: 400: no response_format here"):
        answering().ask(requests(20))
    assert len(server.seen) == 3


def test_who_refuses_one_may_answer_the_next(server: TeacherServer, answering: Ask) -> None:
    server.plan.extend([Slip(status=400), Slip(status=400), Slip(), *[Slip(status=400)] * 4])
    one = answering(connections=1)
    answers = one.ask(requests(9))
    assert [answer.problem for answer in answers if answer] == [
        *["refused"] * 2,
        "",
        *["refused"] * 4,
        *[""] * 2,
    ]
    assert one.spent.requests == 9
    again = answering()  # what cost nothing is asked again
    assert len(contents(again.ask(requests(9)))) == 9
    assert again.counters.cached == 3


def test_an_endpoint_that_never_says_anything_is_none(
    server: TeacherServer, answering: Ask
) -> None:
    server.always = Slip(body=b"<html>log in</html>")
    with pytest.raises(Unanswered, match="no chat completion"):
        answering().ask(requests(5))
    assert len(server.seen) == 3


def test_once_proven_a_request_without_completion_is_one_reject(
    server: TeacherServer, answering: Ask
) -> None:
    junk = Slip(body=b'{"object": "list"}')
    server.plan.extend([Slip(), junk, junk, junk])
    answers = answering(connections=1).ask(requests(4))
    assert [answer.problem for answer in answers if answer] == ["", "no_completion", "", ""]


def test_a_huge_answer_is_paid_once(server: TeacherServer, answering: Ask) -> None:
    server.plan.extend([Slip(), Slip(body=b" " * 1_000_000)])
    first = answering(max_answer_bytes=10_000, connections=1).ask(requests(2))
    assert [answer.problem for answer in first if answer] == ["", "too_large"]
    assert answering(max_answer_bytes=10_000).ask(requests(2)) == first
    assert len(server.seen) == 2


def capped(**caps: Any) -> TeacherConfig:
    prices: dict[str, Any] = {
        "price_per_million_prompt_tokens": 1e6,
        "price_per_million_answer_tokens": 1e6,
    }
    return replace(CONFIG, **prices, **caps)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("cap", ["max_requests", "max_total_tokens", "max_money"])
def test_caps_end_the_asking_at_the_same_request_whatever_the_order(
    server: TeacherServer, answering: Ask, cap: str, connections: int
) -> None:
    size, answer = len(body(0)), 40
    # as billed: a quarter of the bytes, and the content's 4 x 40 characters
    server.write = lambda _: "x" * 4 * answer
    each = size // 4 + answer
    bound = size + 100
    # seven fit with the bound of the last on top; the eighth does not
    most_tokens = 6 * each + bound + each // 2
    limit = 7 if cap == "max_requests" else most_tokens
    draw = random.Random(connections)
    server.plan.extend(Slip(delay=draw.uniform(0, 0.03)) for _ in range(20))
    one = answering(capped(**{cap: limit}), connections=connections)
    answers = one.ask(requests(20))
    assert [answer is not None for answer in answers] == [True] * 7 + [False] * 13
    assert len(server.seen) == 7  # nothing was sent that the cap forbids
    assert one.spent == Cost(7, 7 * (size // 4), 7 * answer)
    # Cached answers count the same.
    assert answering(capped(**{cap: limit})).ask(requests(20)) == answers
    assert len(server.seen) == 7


def test_what_follows_is_held_back_for(server: TeacherServer, answering: Ask) -> None:
    held = [replace(request, later=Cost(1)) for request in requests(9)]
    config = capped(max_requests=8)
    answers = answering(config).ask(held, lambda index, answer: True)
    assert len(contents(answers)) == 4  # each with one more to come
    answers = answering(config).ask(held, lambda index, answer: index % 2 == 0)
    # 0, 2 and 4 hold two, 1 and 3 one; 5 might need two of none that are left
    assert len(contents(answers)) == 5


def test_an_endpoint_that_bills_more_than_it_may_is_cut_in_order(
    server: TeacherServer, answering: Ask
) -> None:
    server.always = Slip(usage={"prompt_tokens": 10_000, "completion_tokens": 10_000}, delay=0.05)
    one = answering(capped(max_total_tokens=30_000))
    answers = one.ask(requests(9))
    # By order: 20,000 after the first, 40,000 after the second: no third.
    assert [answer is not None for answer in answers] == [True] * 2 + [False] * 7
    assert one.spent == Cost(2, 20_000, 20_000)
    assert one.counters.paid.requests >= 2  # what was really sent is told apart


def test_tries_that_were_cut_may_be_billed_and_count(server: TeacherServer, answering: Ask) -> None:
    server.plan.extend([Slip(), Slip(cut_after=5), Slip(cut_after=5)])
    bound = len(body(0)) + 100
    with pytest.raises(UserError, match=r"max_total_tokens: 2 tries were cut off and may have"):
        answering(capped(max_total_tokens=4 * bound), connections=1).ask(requests(9))
    again = answering(capped(max_total_tokens=4 * bound), connections=1)
    assert contents(again.ask(requests(9)))
    assert max(server.billed.values()) == 1


def test_people_hear_of_trouble(server: TeacherServer, tmp_path: Path) -> None:
    notes: list[str] = []
    heard_in: set[int] = set()

    def note(text: str) -> None:
        heard_in.add(threading.get_ident())
        notes.append(text)

    server.plan.extend([Slip(status=503), Slip(status=500)])
    config = replace(CONFIG, endpoint=replace(ENDPOINT, max_backoff_seconds=1.0))
    endpoint = ChatEndpoint(server.url, KEY, config.endpoint)
    Answering(endpoint, AnswerCache(server.url, tmp_path), config, note).ask(requests(3))
    assert [text.split("completions: ")[1].split(";")[0] for text in notes] == [
        "503: status 503",
        "500: status 500",
    ]
    assert heard_in == {threading.get_ident()}  # a stream of events has one writer


def test_how_far_it_is_is_told(server: TeacherServer, answering: Ask) -> None:
    told: list[int] = []
    answering().ask(requests(5), tell=told.append)
    assert told == [1, 2, 3, 4, 5]


def test_an_interruption_does_not_wait_for_pauses(server: TeacherServer, answering: Ask) -> None:
    server.plan.extend([Slip(), Slip(status=500)])
    one = answering(backoff_seconds=60.0, max_backoff_seconds=60.0, connections=2)

    def tell(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        one.ask(requests(9), tell=tell)
    assert time.monotonic() - started < 20
    assert len(server.seen) == 4  # nor is the one that paused asked once more


def test_the_helper_says_turns_as_models_do() -> None:
    assert json.loads(said([("user", "a")])) == {"messages": [{"role": "user", "content": "a"}]}
