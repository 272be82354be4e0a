"""Models on offer: loaded once and when asked for, dropped when room is needed, tried again."""

import asyncio
from pathlib import Path

import pytest
from model_server import CONTEXT, LONG, until

from pipeline.model import precision
from pipeline.model.rows import Sampling
from pipeline.serve.api_errors import ApiError
from pipeline.serve.config import ServeConfig
from pipeline.serve.inference_loop import Generation
from pipeline.serve.loaded_models import LoadedModels, ModelSource
from storage.errors import UserError


class Found:
    """Folders of models, and how often each was asked for."""

    def __init__(self, **folders: Path) -> None:
        self.folders, self.asked = folders, dict.fromkeys(folders, 0)

    def sources(self) -> list[ModelSource]:
        return [ModelSource(name, lambda name=name: self(name)) for name in self.folders]  # type: ignore[misc]

    def __call__(self, name: str) -> Path:
        self.asked[name] += 1
        return self.folders[name]


async def answer(models: LoadedModels, name: str) -> list[int]:
    served = await models.get(name)
    wanted = Generation((5,), Sampling(3))
    return [
        token async for part in served.loop.generate(wanted) for d in part for token in d.tokens
    ]


def test_a_model_is_loaded_once_by_whoever_asks_first(model_folder: Path) -> None:
    found = Found(tiny=model_folder, other=model_folder)
    models = LoadedModels(found.sources(), ServeConfig())

    async def ask() -> None:
        assert found.asked == {"tiny": 0, "other": 0}
        gone = asyncio.ensure_future(models.get("tiny"))
        await asyncio.sleep(0)
        gone.cancel()  # which ends nothing for the others
        first, second, default = await asyncio.gather(*map(models.get, ("tiny", "tiny", None)))
        assert first is second is default
        assert found.asked == {"tiny": 1, "other": 0}
        assert first.id == "tiny"

    asyncio.run(ask())
    models.close()


def test_what_is_not_offered_is_never_looked_for(model_folder: Path) -> None:
    models = LoadedModels(Found(tiny=model_folder).sources(), ServeConfig())
    for name in (str(model_folder), "../tiny", "http://x/y", "", "TINY", "tiny\0"):
        with pytest.raises(ApiError) as error:
            asyncio.run(models.get(name))
        assert (error.value.status, error.value.code) == (404, "model_not_found")
    assert models.loaded == {}
    with pytest.raises(UserError, match="one name"):
        LoadedModels(Found(tiny=model_folder).sources() * 2, ServeConfig())


def test_the_one_used_least_recently_makes_room(model_folder: Path, other_folder: Path) -> None:
    found = Found(a=model_folder, b=other_folder, c=model_folder)

    async def ask() -> None:
        plain = ServeConfig(precision="float32")
        whole = LoadedModels(found.sources(), plain)
        size = (await whole.get("a")).bytes
        # keys and values count as well, as far as they may grow
        assert size > 256 * CONTEXT * 2 * 2 * 32 * 4
        whole.close()
        models = LoadedModels(
            found.sources(), ServeConfig(precision="float32", max_model_bytes=int(2.5 * size))
        )
        before = await answer(models, "a")
        held = await models.get("b")
        await models.get("a")
        await models.get("c")
        assert list(models.loaded) == ["a", "c"]
        # whoever still holds it may use it to the end
        assert [d async for d in held.loop.generate(Generation((5,), Sampling(3)))]
        await until(lambda: held.loop._thread is None)
        assert await answer(models, "b")
        assert list(models.loaded) == ["c", "b"]
        assert await answer(models, "a") == before
        models.close()

    asyncio.run(ask())


def test_a_busy_model_is_not_dropped(model_folder: Path, other_folder: Path) -> None:
    found = Found(a=model_folder, b=other_folder)

    async def ask() -> None:
        whole = LoadedModels(found.sources(), ServeConfig())
        size = (await whole.get("a")).bytes
        whole.close()
        models = LoadedModels(found.sources(), ServeConfig(max_model_bytes=int(1.5 * size)))
        busy = await models.get("a")
        with busy.loop.open([Generation((5,), Sampling(LONG))]) as stream:
            parts = [await anext(stream)]
            with pytest.raises(ApiError, match="busy") as error:
                await models.get("b")
            assert (error.value.status, error.value.code) == (503, "no_room")
            assert list(models.loaded) == ["a"]
            parts += [part async for part in stream]
            assert sum(len(delta.tokens) for part in parts for delta in part) == LONG
        await models.get("b")  # which is not held against it
        assert list(models.loaded) == ["b"]
        models.close()

    asyncio.run(ask())


def test_a_model_beyond_the_cap_is_refused(model_folder: Path) -> None:
    models = LoadedModels(Found(a=model_folder).sources(), ServeConfig(max_model_bytes=1))
    with pytest.raises(UserError, match="max_model_bytes is 1: raise it"):
        asyncio.run(models.load_default())
    with pytest.raises(ApiError, match="log"):
        asyncio.run(models.get("a"))
    assert models.loaded == {}


def test_a_model_that_can_not_be_loaded_is_tried_again(model_folder: Path, tmp_path: Path) -> None:
    found = Found(late=tmp_path / "late")
    models = LoadedModels(found.sources(), ServeConfig(load_retry_seconds=0.2))

    async def ask() -> None:
        for _ in range(2):
            with pytest.raises(ApiError) as error:
                await models.get("late")
            assert error.value.status == 503
            assert error.value.headers["Retry-After"]
            assert str(tmp_path) not in error.value.message
        assert found.asked["late"] == 1  # the second was told at once
        found.folders["late"] = model_folder
        await asyncio.sleep(0.25)
        assert await answer(models, "late")

    asyncio.run(ask())
    models.close()


@pytest.mark.parametrize("asked", ["auto", "float32", "bfloat16", "int8"])
def test_what_models_multiply_in(model_folder: Path, asked: str) -> None:
    async def format() -> str:
        models = LoadedModels(Found(a=model_folder).sources(), ServeConfig(precision=asked))
        found = (await models.get("a")).engine.format
        models.close()
        return found

    if asked == "bfloat16" and precision.resolve("auto") != asked:
        pytest.skip("no bfloat16 here")
    wanted = asked if asked == "int8" else precision.resolve(asked)
    assert asyncio.run(format()) == wanted


def test_no_other_precision() -> None:
    with pytest.raises(UserError, match=r"precision"):
        ServeConfig(precision="half")
