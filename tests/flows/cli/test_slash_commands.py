"""What slash commands do to a conversation: pure, a voice that repeats what it hears."""

import dataclasses
import json
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from flows.cli.slash_commands import ALIASES, COMMANDS, Talk, is_command, obey
from flows.cli.voice import Said, SamplingOptions, TokenStep
from pipeline.chat.messages import Message, ToolCall, assistant, tool, user
from pipeline.chat.openai_rows import parse
from storage.errors import UserError

OPTIONS = SamplingOptions(max_new_tokens=9, temperature=0.0, top_k=0, seed=7)


@dataclasses.dataclass(frozen=True)
class Echo:
    """A `Voice` for those who don't listen."""

    name: str = "echo"

    def reply(
        self, asked: Sequence[Message], options: SamplingOptions
    ) -> Generator[Said, None, list[Message]]:
        yield asked[-1].content
        return [*asked, assistant(asked[-1].content)]

    def complete(self, text: str, options: SamplingOptions) -> Iterator[str]:
        yield text

    def steps(self, text: str, options: SamplingOptions, top: int) -> Iterator[TokenStep]:
        yield from ()

    def other(self, name: str) -> "Echo":
        if name == "nobody":
            raise UserError("no such model")
        return Echo(name)


@pytest.fixture
def talk() -> Talk:
    return Talk(Echo(), OPTIONS.copy(), "Be brief.", [user("One?"), assistant("Two.")])


def test_every_command_is_listed_and_every_alias_is_one(talk: Talk) -> None:
    shown = obey("/help", talk).shown
    assert all(name in shown for name in COMMANDS)
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert obey("/?", talk) == obey("/help", talk)


@pytest.mark.parametrize(
    ("line", "meant"),
    [("/help", True), ("/nonsense", True), ("/etc/hosts is a file", False), ("\\/help", False),
     ("//", False), ("what is /help", False)],
)  # fmt: skip
def test_what_is_a_command(line: str, meant: bool) -> None:
    assert is_command(line) == meant


@pytest.mark.parametrize("line", ["/nonsense", "/", "/helpme now"])
def test_what_is_none_is_said_so(line: str, talk: Talk) -> None:
    with pytest.raises(UserError, match="/help lists them"):
        obey(line, talk)


def test_a_new_conversation_keeps_the_system_message(talk: Talk) -> None:
    talk.tries = 3
    obey("/new", talk)
    assert [said.content for said in talk.messages] == ["Be brief."]
    assert talk.sampling == OPTIONS


def test_the_system_message(talk: Talk) -> None:
    assert obey("/system", talk).shown == "system: Be brief."
    obey("/system  Be kind, and brief. ", talk)
    assert talk.messages[0].content == "Be kind, and brief."
    obey("/system none", talk)
    assert [said.role for said in talk.messages] == ["user", "assistant"]
    assert obey("/system", talk).shown == "no system message"


def test_another_answer_draws_other_tokens_to_the_same_question(talk: Talk) -> None:
    talk.said = [*talk.said, user("Three?"), assistant("Four.")]
    for tries in (1, 2):
        assert obey("/regenerate", talk).speak
        assert [said.content for said in talk.said] == ["One?", "Two.", "Three?"]
        assert talk.sampling["seed"] == OPTIONS["seed"] + tries
        talk.said = [*talk.said, assistant("Five.")]
    obey("/undo", talk)
    assert talk.sampling == OPTIONS
    talk.options["seed"] = 2**63 - 1
    talk.tries = 1
    assert talk.sampling["seed"] == 0


def test_a_question_is_taken_back_with_all_that_followed(talk: Talk) -> None:
    call = ToolCall("calculator", '{"expression": "1"}', "a")
    more = [user("Three?"), assistant("", [call]), tool("1", "a"), assistant("Four.")]
    talk.said = [*talk.said, *more]
    assert obey("/undo", talk).shown == "taken back: Three?"
    assert [said.content for said in talk.said] == ["One?", "Two."]
    obey("/undo", talk)
    for line in ("/undo", "/regenerate"):
        with pytest.raises(UserError, match="nothing has been asked yet"):
            obey(line, talk)


def test_settings(talk: Talk) -> None:
    for line in ("/temperature 0.5", "/top-k 4", "/max-tokens 20", "/seed 3"):
        obey(line, talk)
    assert talk.options == SamplingOptions(max_new_tokens=20, temperature=0.5, top_k=4, seed=3)
    assert obey("/temperature", talk).shown == "temperature 0.5"
    assert OPTIONS["temperature"] == 0.0
    for line in ("/temperature hot", "/temperature -1", "/top-k 1.5", "/max-tokens 0", "/seed -1"):
        with pytest.raises(UserError, match=line.split()[0]):
            obey(line, talk)
    assert talk.options["temperature"] == 0.5


def test_another_model_goes_on_with_the_conversation(talk: Talk) -> None:
    assert obey("/model other", talk).shown == "model other"
    assert talk.voice.name == "other"
    with pytest.raises(UserError):
        obey("/model nobody", talk)
    assert (talk.voice.name, len(talk.said)) == ("other", 2)


def test_a_saved_conversation_is_a_row_that_is_read_back(talk: Talk, tmp_path: Path) -> None:
    call = ToolCall("calculator", '{"expression": "1"}', "a")
    talk.said = [user("One?"), assistant("", [call]), tool("1", "a"), assistant("Two. Ä")]
    file = tmp_path / "talk.jsonl"
    obey(f"/save {file}", talk)
    (line,) = file.read_text("utf-8").splitlines()
    assert list(parse(json.loads(line)).messages) == talk.messages
    talk.said = [*talk.said, user("And?"), assistant("Three.")]
    obey(f"/save {file}", talk)  # its own file grows with it
    assert len(file.read_text("utf-8").splitlines()) == 1
    assert "Three." in file.read_text("utf-8")


def test_what_somebody_else_wrote_is_not_written_over(talk: Talk, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("x")
    for line, words in (
        (f"/save {theirs}", "exists: give another name"),
        (f"/save {tmp_path}/none/talk", "No such file"),
        ("/save", "needs a file's name"),
    ):
        with pytest.raises(UserError, match=words):
            obey(line, talk)
    assert theirs.read_text() == "x"
    own = tmp_path / "own"
    obey(f"/save {own}", talk)
    obey("/new", talk)
    with pytest.raises(UserError, match="nothing has been said"):
        obey(f"/save {own}", talk)
    talk.said = [user("x"), assistant("y")]
    with pytest.raises(UserError, match="exists"):  # another conversation
        obey(f"/save {own}", talk)


def test_the_end(talk: Talk) -> None:
    assert all(obey(line, talk).over for line in ("/bye", "/quit", "/exit"))
