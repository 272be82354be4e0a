"""`export`, and exported files as `--model` of other commands: the real command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from toy_artifacts import PostTraining, post_training  # noqa: F401

from flows.cli import main
from pipeline import model as models
from pipeline.preferences.reward_model import RewardModel, save_reward_model


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


def test_a_reward_model_s_scores_are_compared_and_nothing_talks_with_it(
    post_training,  # noqa: F811
    tmp_path,
    capsys,
):
    model, tokenizer = models.load(post_training.chat)
    source, out = tmp_path / "source", tmp_path / "out"
    save_reward_model(RewardModel.of_chat_model(model, 0.5, 0), tokenizer, source)
    where = ["--lake", str(tmp_path / "lake")]
    line = ["export", "--model", str(source), "--format", "hf", "--out", str(out), *where]
    assert main(line) == 0
    assert "scores differ by at most 0 over 9 conversations" in capsys.readouterr().out
    assert main([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stored"]["max_error"] == 0.0
    assert main(["chat", "--model", str(source), "--message", "Hi", *where]) == 2
    assert "score.weight" in capsys.readouterr().err
    assert main(["export", "--model", "reward_model", "--format", "hf", "--out", "x", *where]) == 2
    assert "no reward_model model in lake" in capsys.readouterr().err
