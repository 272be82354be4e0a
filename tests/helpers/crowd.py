"""A seeded crowd of clients: good ones, and those that vanish, stall, send junk, exceed and race.

In: a server's address, questions with the answers that it gives undisturbed, a seed. Out: how often
each kind of visit ended how, and what was wrong: an answer that differs from the undisturbed one or
is cut off, a status that such a request must not get. What the crowd does is a function of the
seed; how visits meet at the server is not.
"""

import asyncio
import dataclasses
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.helpers.patience import PATIENCE_SECONDS
from tests.helpers.raw_client import Question, Reply, ask, get, post, replies, wire

# Of a request that no server may take: what may be said of it. Some are refused before their end,
# and then the answer may be lost with the connection, which is "cut".
REFUSED = range(400, 500)
RACERS = 4


@dataclasses.dataclass
class Told:
    """What the crowd has seen."""

    ends: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)  # visit, its end
    wrong: list[str] = dataclasses.field(default_factory=list)
    answers: int = 0  # whole ones, each compared


@dataclasses.dataclass(frozen=True)
class Crowd:
    """Clients of one server.

    Args:
        url: its address.
        asked: questions, and what it answers to each undisturbed (`Reply.answer`).
        longest_pause: seconds that a slow client waits at most between two pieces.
    """

    url: str
    asked: Sequence[tuple[Question, Any]]
    longest_pause: float = 0.02
    told: Told = dataclasses.field(default_factory=Told)

    async def come(self, at_a_time: int, seed: int, visits: int = 0, seconds: float = 0) -> None:
        """So many visits, or for so long."""
        until = time.monotonic() + seconds
        left = iter(range(visits)) if visits else None

        async def one(number: int) -> None:
            rng = random.Random(f"{seed} {number}")
            while next(left, None) is not None if left else time.monotonic() < until:
                visit = rng.choices(VISITS, [weight for _, weight in WEIGHTS])[0]
                await self.visit(visit, rng)

        await asyncio.gather(*map(one, range(at_a_time)))

    async def visit(self, visit: "Visit", rng: random.Random) -> None:
        """One visit, and how it ended."""
        name = visit.__name__
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                end = await visit(self, rng)
        except TimeoutError:
            end = "nothing came"
        except (OSError, asyncio.IncompleteReadError):  # the server has hung up
            end = "cut"
        except ValueError as error:  # no HTTP, or an answer cut off
            end = "cut"
            if visit not in MAY_BE_CUT:
                self.told.wrong.append(f"{name}: {error}")
        if end in ("cut", "nothing came") and visit not in MAY_BE_CUT:
            self.told.wrong.append(f"{name}: {end}")
        self.told.ends[name, end] += 1

    def pick(self, rng: random.Random, streamed: bool | None = None) -> tuple[Question, Any]:
        found = [pair for pair in self.asked if streamed in (None, pair[0].streamed)]
        return rng.choice(found)

    def pause(self, rng: random.Random) -> Callable[[], float]:
        return lambda: rng.random() * self.longest_pause

    def compare(self, name: str, reply: Reply, wanted: Any) -> str:
        """Whether it is the undisturbed answer."""
        if reply.status != 200:
            self.told.wrong.append(f"{name}: {reply.status} {reply.body[:300]!r}")
        elif (found := reply.answer()) != wanted:
            self.told.wrong.append(f"{name}: {found} instead of {wanted}")
        self.told.answers += 1
        return str(reply.status)

    def refused(self, name: str, reply: Reply, statuses: Sequence[int] = REFUSED) -> str:
        """Whether it was refused as it must be."""
        if reply.status not in statuses:
            self.told.wrong.append(f"{name}: {reply.status} {reply.body[:300]!r}")
        return str(reply.status)


Visit = Callable[[Crowd, random.Random], Awaitable[str]]


async def asks(crowd: Crowd, rng: random.Random) -> str:
    """A good client."""
    question, wanted = crowd.pick(rng)
    return crowd.compare("asks", await ask(crowd.url, question), wanted)


async def reads_slowly(crowd: Crowd, rng: random.Random) -> str:
    question, wanted = crowd.pick(rng, streamed=True)
    async with wire(crowd.url) as own:
        await own.send(question.bytes())
        return crowd.compare("reads_slowly", await own.reply(crowd.pause(rng)), wanted)


async def writes_slowly(crowd: Crowd, rng: random.Random) -> str:
    question, wanted = crowd.pick(rng)
    data = question.bytes()
    async with wire(crowd.url) as own:
        while data:
            size = rng.randint(1, len(data))
            await own.send(data[:size])
            data = data[size:]
            await asyncio.sleep(crowd.pause(rng)())
        return crowd.compare("writes_slowly", await own.reply(), wanted)


async def sends_two_at_once(crowd: Crowd, rng: random.Random) -> str:
    """Two requests in one write, the second one's connection to be closed."""
    pairs = [crowd.pick(rng), crowd.pick(rng)]
    first, second = (question.bytes() for question, _ in pairs)
    second = second.replace(b"Host: ", b"Connection: close\r\nHost: ", 1)
    async with wire(crowd.url) as own:
        await own.send(first + second)
        for reply, (_, wanted) in zip(await replies(own, 2), pairs):
            end = crowd.compare("sends_two_at_once", reply, wanted)
    return end


async def races(crowd: Crowd, rng: random.Random) -> str:
    """The same question by several at once, some of whom leave."""
    question, wanted = crowd.pick(rng)

    async def racer(stays: bool, wait: float) -> None:
        async with wire(crowd.url) as own:
            await own.send(question.bytes())
            if stays:
                crowd.compare("races", await own.reply(), wanted)
            else:
                await asyncio.sleep(wait)
                own.abort()

    stay = [True] + [rng.random() < 0.5 for _ in range(RACERS - 1)]
    await asyncio.gather(*(racer(one, crowd.pause(rng)()) for one in stay))
    return f"{sum(stay)} of {RACERS} stayed"


async def leaves_in_the_head(crowd: Crowd, rng: random.Random) -> str:
    data = crowd.pick(rng)[0].bytes().partition(b"\r\n\r\n")[0]
    return await leaves(crowd, rng, data[: rng.randint(0, len(data))])


async def leaves_in_the_body(crowd: Crowd, rng: random.Random) -> str:
    head, end, body = crowd.pick(rng)[0].bytes().partition(b"\r\n\r\n")
    return await leaves(crowd, rng, head + end + body[: rng.randrange(len(body))])


async def leaves_before_the_answer(crowd: Crowd, rng: random.Random) -> str:
    return await leaves(crowd, rng, crowd.pick(rng)[0].bytes())


async def leaves(crowd: Crowd, rng: random.Random, data: bytes) -> str:
    """With a farewell or without."""
    async with wire(crowd.url) as own:
        await own.send(data)
        await asyncio.sleep(crowd.pause(rng)())
        if rng.random() < 0.5:
            own.abort()
    return "left"


async def leaves_in_the_stream(crowd: Crowd, rng: random.Random) -> str:
    question, _ = crowd.pick(rng, streamed=True)
    async with wire(crowd.url) as own:
        await own.send(question.bytes())
        for _ in range(rng.randint(1, 4)):
            await own.reader.read(rng.randint(1, 400))
        if rng.random() < 0.5:
            own.abort()
    return "left"


async def stalls(crowd: Crowd, rng: random.Random) -> str:
    """Says part of a request and no more, for as long as several others' visits take."""
    data = crowd.pick(rng)[0].bytes()
    async with wire(crowd.url) as own:
        await own.send(data[: rng.randrange(len(data))])
        await asyncio.sleep(20 * crowd.pause(rng)())
        own.abort()
    return "left"


async def sends_junk(crowd: Crowd, rng: random.Random) -> str:
    """Bytes that are no HTTP, or hardly."""
    junk = rng.choice(
        [
            rng.randbytes(rng.randint(1, 2000)) + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200) + b"\r\n\r\n",
            b"POST /v1/completions HTTP/9.9\r\n\r\n",
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
            b"Content-Length: 2\r\n\r\nab",
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n"
            b"Content-Type: application/json\r\n\r\n{",
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"\r\nzz\r\n",
            b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        ]
    )
    async with wire(crowd.url) as own:
        await own.send(junk)
        own.writer.write_eof()
        return crowd.refused("sends_junk", await own.reply())


async def sends_nonsense(crowd: Crowd, rng: random.Random) -> str:
    """HTTP as it should be, and a body that isn't."""
    return crowd.refused("sends_nonsense", await say(crowd, *rng.choice(NONSENSE)))


async def exceeds(crowd: Crowd, rng: random.Random) -> str:
    """More than is allowed, of one thing or the other."""
    return crowd.refused("exceeds", await say(crowd, *rng.choice(EXCESSES)))


async def say(crowd: Crowd, path: str, body: bytes) -> Reply:
    async with wire(crowd.url) as own:
        await own.send(post(path, body))
        return await own.reply()


async def looks_around(crowd: Crowd, rng: random.Random) -> str:
    """What operators ask, and paths that aren't there."""
    path = rng.choice(["/health", "/metrics", "/v1/models", "/nothing", "/v1/completions"])
    reply = await get(crowd.url, path)
    there = path not in ("/nothing", "/v1/completions")
    return crowd.refused("looks_around", reply, [200] if there else [404, 405])


def formatted(schema: bytes) -> bytes:
    """A chat's body whose answer is to keep to a schema."""
    head = b'{"messages": [{"role": "user", "content": "x"}], "response_format": {"type": '
    return head + b'"json_schema", "json_schema": {"name": "x", "schema": ' + schema + b"}}}"


COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"
NONSENSE = [
    (path, body)
    for path in (COMPLETIONS, CHAT)
    for body in (
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"prompt": "\\ud800"}', b"{}" * 3),
        *(b'{"prompt": 1.5}', b'{"prompt": [[1, "a"]]}', b'{"prompt": "a", "max_tokens": -1}'),
        *(b'{"prompt": "a", "temperature": "hot"}', b'{"prompt": "a", "n": 0}'),
        *(b'{"messages": []}', b'{"messages": [{"role": "nobody", "content": "x"}]}'),
        *(b'{"messages": "x"}', b'{"prompt": "a", "top_p": 7}', b'{"prompt": [1e99]}'),
        *(b'{"prompt": "a", "model": "no such model"}', b'{"prompt": "a", "stream": 3}'),
    )
]
EXCESSES = [
    (COMPLETIONS, b'{"prompt": "' + b"word " * 3000 + b'"}'),  # of any small context
    (COMPLETIONS, b'{"prompt": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    (COMPLETIONS, b'{"prompt": "a", "n": 100000}'),
    (COMPLETIONS, b'{"prompt": "a", "logprobs": 100000}'),
    (COMPLETIONS, b'{"prompt": "a", "stop": [' + b'"x",' * 4000 + b'"x"]}'),
    (COMPLETIONS, b'{"prompt": [' + b'"a",' * 20_000 + b'"a"]}'),
    (CHAT, b'{"messages": [{"role": "user", "content": "' + b"word " * 3000 + b'"}]}'),
    (CHAT, formatted(b'{"not": ' * 30 + b"{}" + b"}" * 30)),
    (CHAT, formatted(b'{"type": "string", "pattern": "(a+)+' + b"(b|c)" * 20_000 + b'$"}')),
    (CHAT, formatted(b'{"enum": [' + b'"x",' * 200_000 + b'"y"]}')),
]
WEIGHTS: list[tuple[Visit, int]] = [
    (asks, 8),
    (reads_slowly, 4),
    (writes_slowly, 2),
    (sends_two_at_once, 2),
    (races, 2),
    (leaves_in_the_head, 1),
    (leaves_in_the_body, 1),
    (leaves_before_the_answer, 3),
    (leaves_in_the_stream, 4),
    (stalls, 2),
    (sends_junk, 2),
    (sends_nonsense, 3),
    (exceeds, 2),
    (looks_around, 1),
]
VISITS = [visit for visit, _ in WEIGHTS]
# Refused before all of it was read, a client may lose the answer with the connection.
MAY_BE_CUT = {sends_junk, exceeds, leaves_in_the_head, leaves_in_the_body, leaves_in_the_stream}
MAY_BE_CUT |= {leaves_before_the_answer, stalls}
