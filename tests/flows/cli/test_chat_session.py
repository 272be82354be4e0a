"""`crawl2chat chat` at a real terminal: editing, history, slash commands, a server as the voice."""

import json
from pathlib import Path
from typing import Any

import pytest
from scripted_api import ScriptedAnswer, chat_text, scripted_api
from terminals import at_terminal  # noqa: F401

UP, LEFT = "\x1b[A", "\x1b[D"
SCREEN = {"TERM": "xterm-256color", "NO_COLOR": ""}


@pytest.fixture
def session(at_terminal: Any, tmp_path: Path) -> Any:  # noqa: F811
    """Opens the conversation with a scripted server."""

    def start(url: str, *options: str, **environment: str) -> Any:
        state = {"XDG_STATE_HOME": str(tmp_path / "state"), **SCREEN, **environment}
        talk = at_terminal("chat", "--url", url, *options, **state)
        talk.until("you> ")
        return talk

    return start


def questions(api: Any) -> list[list[str]]:
    """What the server was asked: the contents of all messages, for each request."""
    return [[m["content"] for m in seen.json["messages"]] for seen in api.seen if seen.json]


def test_a_line_is_edited_and_an_earlier_one_comes_back(session: Any, tmp_path: Path) -> None:
    with scripted_api() as api:
        api.plan.extend(chat_text(f"Answer {n}.") for n in range(3))
        talk = session(api.url)
        talk.say(f"What s it?{LEFT * 5}i\r")  # "What is it?"
        talk.until("Answer 0.")
        talk.say("/new\r")
        talk.say(f"{UP}{UP}\r")  # behind /new
        talk.until("Answer 1.")
        talk.say("/quit\r")
        assert talk.end() == 0
        again = session(api.url)  # the next session knows it as well
        again.say(f"{UP}{UP}\r")
        again.until("Answer 2.")
        again.say("/by\t\r")  # Tab completes it
        assert again.end() == 0
    assert questions(api) == [["What is it?"]] * 3
    kept = (tmp_path / "state" / "crawl2chat" / "chat_history").read_text().splitlines()
    assert [line.strip() for line in kept] == [
        *("What is it?", "/new", "What is it?", "/quit"),
        *("What is it?", "/bye"),
    ]


def test_nothing_is_kept_with_no_history(session: Any, tmp_path: Path) -> None:
    with scripted_api() as api:
        api.plan.append(chat_text("Answer."))
        talk = session(api.url, "--no-history")
        talk.say("My secret\r")
        talk.until("Answer.")
        talk.say("/quit\r")
        assert talk.end() == 0
    assert not (tmp_path / "state").exists()


def test_commands_change_what_is_asked(session: Any, tmp_path: Path) -> None:
    """And a question that can't be answered is as if it had not been asked."""
    with scripted_api() as api:
        talk = session(api.url, "--seed", "5", "--system", "Be brief.")

        def ask(line: str, shown: str, *answers: ScriptedAnswer) -> None:
            api.plan.extend(answers)
            talk.say(f"{line}\r")
            talk.until(shown)

        ask("One?", "small> First.", chat_text("First."))
        ask("/regenerate", "small> Second.", chat_text("Second."))
        ask(
            "Two?", "400: too long", ScriptedAnswer(400, body=b'{"error": {"message": "too long"}}')
        )
        ask("/regenerate", "503", ScriptedAnswer(503, body=b""))
        ask("/model nobody", "no model 'nobody' there: small, large")
        ask("/model large", "model large")
        ask("/temperature 0.5", "temperature 0.5")
        ask("/system none", "no system message")
        ask("/nonsense", "/help lists them")
        ask("Three?", "large> Third.", chat_text("Third."))
        ask("/undo", "taken back: Three?")
        ask("\\/help", "large> Literal.", chat_text("Literal."))
        file = tmp_path / "talk.jsonl"
        ask(f"/save {file}", "input.conversations")
        talk.say("/bye\r")
        assert talk.end() == 0
        assert "Traceback" not in talk.text
    assert questions(api) == [
        ["Be brief.", "One?"],
        ["Be brief.", "One?"],
        ["Be brief.", "One?", "Second.", "Two?"],
        ["Be brief.", "One?"],
        ["One?", "Second.", "Three?"],
        ["One?", "Second.", "/help"],
    ]
    asked = [seen.json for seen in api.seen if seen.json]
    assert [body["seed"] for body in asked] == [5, 6, 5, 6, 5, 5]
    assert [body["temperature"] for body in asked][-2:] == [0.5, 0.5]
    assert asked[-1]["model"] == "large"
    saved = json.loads(file.read_text())["messages"]
    assert [said["content"] for said in saved] == ["One?", "Second.", "/help", "Literal."]


def test_ctrl_c_ends_an_answer_of_a_server(session: Any) -> None:
    """The connection is closed, what was said stays, and the conversation goes on."""
    with scripted_api() as api:
        api.hang_after = 1
        api.plan.extend([chat_text("It is", " never said."), chat_text("Done.")])
        talk = session(api.url)
        talk.say("What?\r")
        talk.until("It is")
        talk.say("\x03")
        talk.until("you> ", 2)
        api.hang_after = 0
        talk.say("Go on\r")
        talk.until("Done.")
        talk.say("/quit\r")
        assert talk.end() == 0
        assert "Traceback" not in talk.text
    assert questions(api) == [["What?"], ["What?", "It is", "Go on"]]
