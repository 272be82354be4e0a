"""`export`, and exported files as `--model` of other commands: the real command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from toy_artifacts import PostTraining, post_training  # noqa: F401

from flows.cli import main


@pytest.fixture
def files(
    post_training: PostTraining,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Path]:
    """The toy chat model as a folder and as a file."""
    made = {}
    for format, out in (("hf", tmp_path / "folder"), ("gguf", tmp_path / "model.gguf")):
        line = ["export", "--model", str(post_training.chat), "--format", format]
        assert main([*line, "--out", str(out), "--lake", str(tmp_path / "lake"), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["path"] == str(out)
        assert report["type"] == {"hf": "f32", "gguf": "f16"}[format]
        assert report["stored"]["same_choice"] > 0.9
        made[format] = out
    return made


def test_folder_and_file_answer_alike(files, tmp_path, capsys):
    said: dict[str, list[Any]] = {}
    for format, path in files.items():
        for command in (["chat", "--message", "Hello!"], ["complete", "Ada"], ["tokens", "Ada"]):
            line = [*command, "--model", str(path), "--json", "--lake", str(tmp_path / "lake")]
            if command[0] != "tokens":
                line += ["--max-tokens", "20"]
            assert main(line) == 0
            said.setdefault(command[0], []).append(json.loads(capsys.readouterr().out))
        assert format in ("hf", "gguf")
    assert said["tokens"][0] == said["tokens"][1]
    assert all(len(answers) == 2 for answers in said.values())
    assert said["chat"][0][0]["assistant"]


def test_text_report(files, tmp_path, capsys):
    line = ["export", "--model", str(files["gguf"]), "--format", "gguf", "--type", "q8_0"]
    assert main([*line, "--out", str(tmp_path / "out"), "--lake", str(tmp_path / "lake")]) == 0
    out = capsys.readouterr().out
    assert f"{tmp_path / 'out' / 'model-q8_0.gguf'}: " in out
    assert "as q8_0 against the model: logits differ by at most" in out


def test_mistakes_are_one_line(tmp_path, capsys):
    lake = str(tmp_path / "lake")
    for line, said in (
        (["export", "--model", "nowhere.gguf", "--format", "hf", "--out", "x"], "no file nowhere"),
        (["chat", "--model", "nowhere.gguf", "--message", "x"], "no file nowhere.gguf"),
        (["export", "--format", "gguf", "--out", "x"], "no rl model in lake"),
    ):
        assert main([*line, "--lake", lake]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
