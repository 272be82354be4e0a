"""The models that a server offers: loaded when first asked for, dropped when the room is needed.

In: for each id where its folder or .gguf file is found. Out: a `ServedModel` with its thread. Two
requests for a model load it once; where all together would need more than `max_model_bytes`, the
one that was used least recently and is idle is let go. A model that can't be loaded is an error for
those who ask, and is tried again later.
"""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from pipeline.export import load
from pipeline.model import precision
from pipeline.model.engine import Engine
from pipeline.serve.api_errors import ApiError, Unavailable
from pipeline.serve.config import ServeConfig
from pipeline.serve.grammars import Grammars
from pipeline.serve.inference_loop import InferenceLoop, Observe
from pipeline.serve.message_ends import message_ends
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

logger = logging.getLogger("crawl2chat.serve")

# Characters of a text that a tokenizer may make one of, before it looks for tokens (Unicode's NFC).
COMPOSED = 4


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """A model on offer."""

    id: str  # what clients call it
    find: Callable[[], Path]  # its folder or .gguf file, brought onto this disk where it isn't yet


class ServedModel:
    """A model in memory.

    Args:
        id: what clients call it.
        engine: of its weights, which never change.
        tokenizer: its own.
        loop: its thread.
        created: when it was first offered, seconds since 1970.
        place: the folder or .gguf file that it was loaded from.
    """

    def __init__(
        self,
        id: str,
        engine: Engine,
        tokenizer: Tokenizer,
        loop: InferenceLoop,
        created: int,
        place: Path,
    ) -> None:
        self.id, self.engine, self.tokenizer = id, engine, tokenizer
        self.loop, self.created, self.place = loop, created, place

    @cached_property
    def bytes(self) -> int:
        """Of its weights, as loaded and as the kernels have them, and of the keys and values that
        its rows may come to fill.
        """
        weights = sum(p.numel() * p.element_size() for p in self.engine.model.parameters())
        return 2 * weights + self.engine.cache_bytes(self.loop.config.max_rows)

    @cached_property
    def most_characters(self) -> int:
        """Of a text that the context can hold."""
        longest = max(map(len, self.tokenizer.token_bytes))
        return COMPOSED * longest * self.loop.context

    @cached_property
    def grammars(self) -> Grammars:
        """What its answers can be held to."""
        end, *_ = message_ends(self.tokenizer)  # what whole messages were taught to end with
        return Grammars(self.tokenizer, self.loop.vocab_size, (end,))


class LoadedModels:
    """All models on offer; used from one event loop.

    Args:
        sources: the first is the one for requests that name none.
        config: limits.
        observe: see `InferenceLoop`.
    """

    def __init__(
        self,
        sources: Sequence[ModelSource],
        config: ServeConfig,
        observe: Observe = lambda *_: None,
    ) -> None:
        self.sources = {source.id: source for source in sources}
        if len(self.sources) < len(sources):
            raise UserError("two models have one name: rename a folder")
        self.config, self.observe = config, observe
        self.created = int(time.time())
        self.loaded: dict[str, ServedModel] = {}  # the least recently used first
        self._loading: dict[str, asyncio.Task[ServedModel]] = {}
        self._failed: dict[str, float] = {}  # when, on a monotonic clock
        self.draining = False

    @property
    def default(self) -> str:
        """The id of the model for requests that name none."""
        return next(iter(self.sources))

    async def get(self, id: str | None) -> ServedModel:
        """The model of that id; None: the default. It is loaded if it isn't yet.

        Raises:
            ApiError: there is none of that id (404), or it can't be loaded just now (503).
        """
        wanted = self.default if id is None else id
        if wanted not in self.sources:
            known = ", ".join(self.sources)
            message = f"the model {wanted[:100]!r} does not exist: there is {known}"
            raise ApiError(404, message, param="model", code="model_not_found")
        if (found := self.loaded.pop(wanted, None)) is not None:
            self.loaded[wanted] = found
            return found
        if wanted not in self._loading:
            self._check_retry(wanted)
            task = asyncio.create_task(self._load_or_say(self.sources[wanted]))
            task.add_done_callback(lambda _: self._loading.pop(wanted, None))
            self._loading[wanted] = task
        # Whoever goes away meanwhile doesn't end it for the others.
        return await asyncio.shield(self._loading[wanted])

    def drain(self) -> None:
        """Take nothing more; what runs is finished."""
        self.draining = True
        for model in self.loaded.values():
            model.loop.drain()

    def close(self) -> None:
        """End everything."""
        for model in self.loaded.values():
            model.loop.close()
        self.loaded.clear()

    async def load_default(self) -> None:
        """Load the default model before anybody asks.

        Raises:
            UserError: it can't be loaded.
        """
        await self._load(self.sources[self.default])

    async def _load_or_say(self, source: ModelSource) -> ServedModel:
        """Load a model; why it can't be is for the log, clients learn when to ask again."""
        try:
            return await self._load(source)
        except Unavailable:
            raise
        except Exception as error:
            self._failed[source.id] = time.monotonic()
            traceback = None if isinstance(error, UserError) else error
            logger.error("loading %s failed: %s", source.id, error, exc_info=traceback)
            raise self._not_loaded(source.id) from error

    async def _load(self, source: ModelSource) -> ServedModel:
        start = time.monotonic()
        model = await asyncio.to_thread(self._made, source)
        logger.info("loaded %s in %.2f s", source.id, time.monotonic() - start)
        if self.draining:
            model.loop.drain()
        self._make_room(model)
        self.loaded[source.id] = model
        return model

    def _made(self, source: ModelSource) -> ServedModel:
        """In a thread of its own: event loops go on."""
        int8 = self.config.precision == "int8"
        asked = "float32" if int8 else precision.resolve(self.config.precision)
        place = source.find()
        weights, tokenizer = load(place, compute_dtype=precision.dtype(asked))
        room = self.config.max_cache_bytes
        engine = Engine(weights, frozen=True, int8=int8, max_cache_bytes=room)
        loop = InferenceLoop(engine, tokenizer, self.config, self.observe)
        return ServedModel(source.id, engine, tokenizer, loop, self.created, place)

    def _make_room(self, wanted: ServedModel) -> None:
        """Let idle models go, the least recently used first, as far as another needs it."""
        most = self.config.max_model_bytes
        if wanted.bytes > most:
            raise UserError(
                f"{wanted.id} may come to need {wanted.bytes:,} bytes, max_model_bytes is {most:,}:"
                " raise it, or lower max_cache_bytes or max_rows"
            )
        held = sum(model.bytes for model in self.loaded.values())
        for id, model in list(self.loaded.items()):
            if held + wanted.bytes <= most:
                return
            if model.loop.idle:
                held -= model.bytes
                del self.loaded[id]
                # Whoever has just got it may still use it; its memory goes with its last user.
                model.loop.retire()
                logger.info("let %s go to make room", id)
        if held + wanted.bytes > most:
            wait = self.config.retry_after_seconds
            raise Unavailable("no room for that model while others are busy", wait, "no_room")

    def _check_retry(self, id: str) -> None:
        failed = self._failed.get(id)
        if failed is None:
            return
        if time.monotonic() - failed < self.config.load_retry_seconds:
            raise self._not_loaded(id)
        del self._failed[id]

    def _not_loaded(self, id: str) -> ApiError:
        wait = max(1, round(self.config.load_retry_seconds))
        message = f"the model {id!r} can't be loaded: the server's log says why"
        return Unavailable(message, wait, "model_not_loaded")
