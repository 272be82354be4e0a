"""Servers of tiny models: in this process, by ASGI or on a true port."""

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import torch
from injection_strings import INJECTIONS
from random_models import byte_tokenizer, random_model
from tokenizers import AddedToken

from pipeline import model as models
from pipeline.model.engine import Engine
from pipeline.model.transformer import Transformer
from pipeline.serve import http_server
from pipeline.serve.app import create_app
from pipeline.serve.config import ServeConfig
from pipeline.serve.inference_loop import InferenceLoop
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from pipeline.serve.people_work import PeopleWork
from pipeline.serve.security import Access
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_tools import ServerTools
from pipeline.sft.train import with_conversation_tokens
from pipeline.tokenizer import Tokenizer

# A row that reads this byte gets logits that are no numbers: what a broken step looks like.
POISON = b"\x00"
CONTEXT = 4096  # so that a long answer takes a while
LONG = 4000  # tokens


def tiny(seed: int = 0, **changes: Any) -> Transformer:
    """Of a shape that the C kernels have: results the same to the bit in any batch."""
    shape = {"head_dim": 32, "heads": 2, "kv_heads": 1, "max_context": CONTEXT}
    return random_model("qwen3", seed, **shape | changes)


def tiny_folder(folder: Path, seed: int = 0, *, poison: bool = False, chat: bool = True) -> Path:
    """A model in a folder, by default with the tokens of conversations."""
    model, tokenizer = tiny(seed), byte_tokenizer()
    if chat:
        model, tokenizer = with_conversation_tokens(model, tokenizer)
    if poison:
        (token,) = tokenizer.encode(POISON.decode())
        with torch.no_grad():
            model.embed_tokens.weight[token] = torch.nan
    folder.mkdir(parents=True, exist_ok=True)
    models.save(model, tokenizer, folder)
    return folder


def hostile_vocabulary(folder: Path) -> Path:
    """A model whose last tokens are all of `INJECTIONS`, and of which those are likely."""
    rust = byte_tokenizer()._rust
    added = [AddedToken(text, special=True, normalized=False) for text in INJECTIONS]
    rust.add_special_tokens(added)
    models.save(tiny(vocab_size=rust.get_vocab_size()), Tokenizer(rust), folder)
    return folder


def tiny_loop(config: ServeConfig | None = None, seed: int = 0) -> InferenceLoop:
    """An inference loop of its own."""
    engine = Engine(tiny(seed), frozen=True)
    return InferenceLoop(engine, byte_tokenizer(), config or ServeConfig())


@dataclasses.dataclass
class Served:
    """An application and what it is made of."""

    app: Any
    models: LoadedModels
    config: ServeConfig
    metrics: ServerMetrics

    @property
    def rows(self) -> int:
        """Under way, of all models."""
        return sum(len(model.loop.rows) for model in self.models.loaded.values())

    @property
    def queued(self) -> int:
        """Waiting, of all models."""
        return sum(model.loop.queued for model in self.models.loaded.values())

    def client(self, **more: Any) -> httpx.AsyncClient:
        """One that asks the application without a network."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", **more)


def make_served(
    *folders: Path | ModelSource,
    config: ServeConfig | None = None,
    access: Access | None = None,
    tools: ServerTools | None = None,
    lake: LakeReader | None = None,
    work: PeopleWork | None = None,
) -> Served:
    """An application of the models in these folders, or of these sources."""
    # As the engines that tests compare it with: in float32 on any machine.
    limits = dataclasses.replace(config or ServeConfig(), precision="float32")
    metrics = ServerMetrics()
    sources = [
        one if isinstance(one, ModelSource) else ModelSource(one.name, lambda one=one: one)  # type: ignore[misc]
        for one in folders
    ]
    loaded = LoadedModels(sources, limits, metrics.observe)
    app = create_app(loaded, limits, access, metrics, tools, lake, work)
    return Served(app, loaded, limits, metrics)


@contextlib.asynccontextmanager
async def asking(served: Served, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application, which ends with it."""
    try:
        async with served.client(**more) as client:
            yield client
    finally:
        served.models.close()


@contextlib.contextmanager
def listening(served: Served) -> Iterator[str]:
    """The application on a free port of this machine; its address."""
    opened = http_server.listen("127.0.0.1", 0)
    server = http_server.make_server(served.app, served.models, served.config)
    ready = threading.Event()
    thread = threading.Thread(target=http_server.run, args=(server, opened, ready.set))
    thread.start()
    try:
        assert ready.wait(60)
        yield http_server.address(opened)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


async def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait for something that other threads bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def until_true(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """As `until`, outside of an event loop."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)
