"""A server that does no model work: what the load client costs, and can take, by itself.

Speaks as much of `/v1/completions` as the client asks: one event a token, written one by one while
other streams write theirs. Prints its address, and answers until it is killed.
"""

import asyncio
import json
from typing import Any

EVENT = {"object": "text_completion", "choices": [{"text": " word", "index": 0, "logprobs": None}]}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(said: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(said).encode() + b"\n\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every request of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            asked = json.loads(await reader.readexactly(length))
            usage = {"prompt_tokens": 1, "completion_tokens": asked["max_tokens"]}
            if not asked.get("stream"):
                choice = {"text": " word" * asked["max_tokens"], "index": 0}
                body = json.dumps({"choices": [choice], "usage": usage}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                continue
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(asked["max_tokens"]):
                writer.write(chunk(event(EVENT)))
                await asyncio.sleep(0)
            writer.write(chunk(event({"choices": [], "usage": usage})))
            writer.write(chunk(b"data: [DONE]\n\n") + chunk(b""))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
