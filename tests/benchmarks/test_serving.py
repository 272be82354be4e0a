"""The serving benchmark's models, prompts and lines."""

from pathlib import Path

import pytest

from pipeline.export import gguf_read
from pipeline.model import load
from pipeline.model.engine import Engine
from tests.benchmarks import engine, engine_alone, llama_cpp, serving, serving_models
from tests.benchmarks.load_figures import Answer, figures
from tests.benchmarks.serving import OURS, THEIRS, Measured, Point
from tests.helpers import text_models


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SHAPES", {"toy": text_models.SMALL})


def test_every_answer_is_text_and_as_long_as_was_asked(tmp_path: Path) -> None:
    tokenizer = serving_models.make("toy", tmp_path)
    model, _ = load(tmp_path / "model")
    again, _ = gguf_read.load(serving_models.gguf_file(tmp_path, "f16"))
    texts = serving_models.prompts(tokenizer, shared=False)[:4]
    ids = tokenizer.encode_batch(texts)
    for one in (model, again):
        found = Engine(one).generate(
            ids,
            samples=16,
            max_new_tokens=100,
            stop_tokens=tuple(tokenizer.special_tokens.values()),
            tokenizer=tokenizer,
        )
        for completion in (c for own in found for c in own):
            assert len(completion.tokens) == 100
            assert completion.text is not None
            assert "�" not in completion.text
            assert "<" not in completion.text or "tool_" not in completion.text


def test_prompts_fit_and_differ(tmp_path: Path) -> None:
    tokenizer = serving_models.make("toy", tmp_path)
    for shared, before in ((False, 0), (True, serving_models.SHARED)):
        texts = serving_models.prompts(tokenizer, shared)
        assert len(set(texts)) == len(texts) > 1000
        lengths = [len(ids) - before for ids in tokenizer.encode_batch(texts)]
        assert max(lengths) < 2 * serving_models.PROMPT
        assert min(lengths) > serving_models.PROMPT // 2


def test_points() -> None:
    both = [*serving.wanted("a", None)]
    assert [p.streams for p in both] == [1, 1, 8, 8, 64, 64, 64, 256, 256]
    assert [*serving.wanted("a", ["a:8", "b"])] == [Point(8, False), Point(8, True)]
    assert [*serving.wanted("b", ["a:8", "b"])] == both
    assert [*serving.wanted("c", ["a:8", "b"])] == []


def test_a_line_has_a_cell_for_each_heading() -> None:
    answer = Answer(sent=0, texts=[0.0123, 0.0323, 0.3], tokens=8, ended=0.3)
    slow = Answer(sent=0, texts=[1.0, 2.5], tokens=8, ended=2)
    both = {
        OURS: Measured(figures([answer] * 4, 1.0, 0.001), 0.0123, 0.004, 2),
        THEIRS: Measured(figures([slow], 2.0, 0.001), 1.0, 0.004, 1),
    }
    point = Point(8, True)
    found = {side: {point: measured} for side, measured in both.items()}
    ours, theirs = (serving.line("toy", point, side, found) for side in (OURS, THEIRS))
    columns = serving.HEAD[0].count("|")
    assert [ours.count("|"), theirs.count("|")] == [columns, columns]
    assert "| 32 | **8.0** | 12.3 / 12.3 |" in ours
    assert f"| {THEIRS}, 1 thread | 0.5 | 4 |  | 1000 / 1000 |" in theirs
    whole = Point(8, True, whole=True)
    line = serving.line("toy", whole, OURS, {OURS: {whole: both[OURS]}})
    assert line.count("|") == columns


def test_the_engine_alone(tmp_path: Path) -> None:
    serving_models.make("toy", tmp_path)
    case = engine_alone.Rows(2, 8, 8)
    found = engine_alone.ours(tmp_path / "model", engine_alone.formats()[0], case, 1)
    assert found is not None
    assert min(found.reading, found.writing, engine_alone.offline(tmp_path / "model", case, 1)) > 0


def test_a_program_that_fails_is_shown() -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        llama_cpp.json_lines(["sh", "-c", "echo '{}'; exit 3"])
    assert llama_cpp.json_lines(["echo", 'x\n{"a": 1}\n']) == [{"a": 1}]
