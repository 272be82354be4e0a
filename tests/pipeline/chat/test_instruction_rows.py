"""Alpaca's rows as Stanford, LLaMA-Factory, Dolly and GPTeacher write them; prompts as TRL does."""

from typing import Any

import pytest

from pipeline.chat.conversation import Conversation
from pipeline.chat.instruction_rows import parse_alpaca, parse_prompt
from pipeline.chat.row_fields import RejectedRow


def turns(found: Conversation) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in found.messages]


def test_alpaca_with_and_without_input() -> None:
    asked = {"instruction": "Name the capital.", "input": "France", "output": "Paris."}
    both = [("user", "Name the capital.\nFrance"), ("assistant", "Paris.")]
    assert turns(parse_alpaca(asked)) == both
    dolly = {"instruction": "Name the capital.", "context": "France", "response": "Paris."}
    assert turns(parse_alpaca({**dolly, "category": "closed_qa"})) == both
    # as Parquet has it where some rows have Alpaca's columns and some Dolly's
    assert turns(parse_alpaca({**dolly, "input": None, "output": None})) == both
    alone = [("user", "Name the capital."), ("assistant", "Paris.")]
    for nothing in ("", " \n", None):
        assert turns(parse_alpaca({**asked, "input": nothing})) == alone
    no_instruction = {**asked, "instruction": ""}
    assert turns(parse_alpaca(no_instruction)) == [("user", "France"), ("assistant", "Paris.")]


def test_alpaca_with_system_and_history() -> None:
    row = {
        "instruction": "And Italy?",
        "input": "",
        "output": "Rome.",
        "system": "You know capitals.",
        "history": [["France?", "Paris."], ["Spain?", "Madrid."]],
    }
    assert turns(parse_alpaca(row)) == [
        ("system", "You know capitals."),
        ("user", "France?"),
        ("assistant", "Paris."),
        ("user", "Spain?"),
        ("assistant", "Madrid."),
        ("user", "And Italy?"),
        ("assistant", "Rome."),
    ]
    for nothing in ("", " \n"):
        assert turns(parse_alpaca({**row, "system": nothing, "history": []})) == [
            ("user", "And Italy?"),
            ("assistant", "Rome."),
        ]


def test_prompt_and_completion_as_texts_and_as_messages() -> None:
    texts = {"prompt": "The sky is", "completion": " blue."}
    assert turns(parse_prompt(texts)) == [("user", "The sky is"), ("assistant", " blue.")]
    spoken = {
        "prompt": [{"role": "user", "content": "What color is the sky?"}],
        "completion": [{"role": "assistant", "content": "It is blue."}],
        "system": "Be kind.",
    }
    assert turns(parse_prompt(spoken)) == [
        ("system", "Be kind."),
        ("user", "What color is the sky?"),
        ("assistant", "It is blue."),
    ]
    tool = '{"type": "function", "function": {"name": "look"}}'
    assert parse_prompt({**spoken, "tools": f"[{tool}]"}).tools == (tool,)
    answered = {"prompt": "Hi", "response": "Hello"}
    assert turns(parse_prompt(answered)) == [("user", "Hi"), ("assistant", "Hello")]


@pytest.mark.parametrize(
    ("parse", "broken", "why"),
    [
        (parse_alpaca, {"instruction": None, "output": "x"}, "missing_field"),
        (parse_alpaca, {"instruction": "x", "output": None}, "missing_field"),
        (parse_alpaca, {"instruction": "x", "output": 5}, "not_text"),
        (parse_alpaca, {"instruction": "x", "output": "y", "history": "z"}, "not_text"),
        (parse_alpaca, {"instruction": "x", "output": "y", "history": [["z"]]}, "not_text"),
        (parse_alpaca, {"instruction": "x", "output": "\ud800"}, "lone_surrogate"),
        (parse_prompt, {"prompt": "x"}, "missing_field"),
        (parse_prompt, {"prompt": None, "completion": "x"}, "missing_field"),
        (parse_prompt, {"prompt": [], "completion": "x"}, "missing_field"),
        (parse_prompt, {"prompt": "x", "completion": 5}, "not_text"),
    ],
)
def test_wrong_rows_say_what_is_wrong(parse: Any, broken: dict[str, Any], why: str) -> None:
    with pytest.raises(RejectedRow) as caught:
        parse(broken)
    assert caught.value.reason == why
