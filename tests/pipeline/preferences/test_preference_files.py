"""Public pair formats: every form that sets have is read, everything else is rejected by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chat.conversation import ToolCall, assistant, system, user
from pipeline.preferences.preference_files import REASONS, RejectedPair, pair_of

CHAT = [{"role": "user", "content": "Hi"}]
GOOD, BAD = {"role": "assistant", "content": "Good."}, {"role": "assistant", "content": "Bad."}
TRANSCRIPT = "\n\nHuman: Hi\n\nAssistant: "
TWICE = TRANSCRIPT + "One.\n\nAssistant: "
CALLED = [{"function": {"name": "f", "arguments": {}}}]
CALL = {"role": "assistant", "content": "", "tool_calls": CALLED}


def texts(chosen, rejected, **more):
    return {"prompt": "Hi", "chosen": chosen, "rejected": rejected, **more}


def spoken(chosen, rejected):
    return {"chosen": TRANSCRIPT + chosen, "rejected": TRANSCRIPT + rejected}


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": TRANSCRIPT + "Good.", "rejected": TRANSCRIPT + "Bad."},  # HH-RLHF
        {"chosen": [*CHAT, GOOD], "rejected": [*CHAT, BAD]},  # TRL, implicit prompt
        {"prompt": CHAT, "chosen": [GOOD], "rejected": [BAD]},  # TRL
        {"prompt": "Hi", "chosen": [*CHAT, GOOD], "rejected": [*CHAT, BAD]},  # UltraFeedback
        {"prompt": "Hi", "chosen": "Good.", "rejected": "Bad."},
        {"prompt": "Hi", "chosen": GOOD, "rejected": BAD},
        {"question": "Hi", "chosen": "Good.", "rejected": "Bad."},  # Orca's
        {"prompt": TRANSCRIPT, "chosen": " Good.", "rejected": " Bad."},
        {"prompt": "\n\nHuman: Hi", "chosen": "Good.", "rejected": "Bad."},
        {"prompt": CHAT, "chosen": "Good.", "rejected": "Bad."},
        texts("Good.", "Bad.", score_chosen=7, score_rejected=6.5),
        texts("Good.", "Bad.", score_chosen=None, tie=False),
        texts("Good.", "Bad.", winner="chosen"),
        texts([*CHAT, GOOD], [*CHAT, BAD], messages=[*CHAT, GOOD]),
    ],
)
def test_every_form_gives_the_same_pair(row):
    pair = pair_of(row)
    assert pair.prompt.messages == (user("Hi"),)
    assert (pair.chosen.strip(), pair.rejected.strip()) == ("Good.", "Bad.")
    assert not pair.tie


@pytest.mark.parametrize(
    "row",
    [
        {"tie": True},
        {"winner": "tie"},
        {"score_chosen": 4, "score_rejected": 4.0},
        {"chosen-rating": 3, "rejected-rating": 3},
    ],
)
def test_ties(row):
    assert pair_of({"prompt": "Hi", "chosen": "Good.", "rejected": "Bad.", **row}).tie


def test_several_turns_and_systems():
    talk = TRANSCRIPT + "Yes?\n\nHuman: More\n\nAssistant: "
    pair = pair_of({"chosen": talk + "Good.\n\nReally.", "rejected": talk + "Bad."})
    assert pair.prompt.messages == (user("Hi"), assistant("Yes?"), user("More"))
    assert pair.chosen == "Good.\n\nReally."
    row = {"system": "Be brief.", "question": "Hi", "chosen": "Good.", "rejected": "Bad."}
    assert pair_of(row).prompt.messages == (system("Be brief."), user("Hi"))
    told = [{"role": "system", "content": "S"}, *CHAT]
    both = {"prompt": told, "chosen": [*CHAT, GOOD], "rejected": [*told, BAD]}
    assert pair_of(both).prompt.messages == (system("S"), user("Hi"))


UNUSABLE = {
    "equal_pair": [texts("The same.", " The  same. "), spoken("Same.", "Same.")],
    "different_prompts": [
        {"chosen": [*CHAT, GOOD], "rejected": [{"role": "user", "content": "Ho"}, BAD]},
        {"chosen": TRANSCRIPT + "A.", "rejected": "\n\nHuman: Ho\n\nAssistant: B."},
        spoken("A.\n\nHuman: x\n\nAssistant: y", "B."),
        {"prompt": "Ho", "chosen": [*CHAT, GOOD], "rejected": [*CHAT, BAD]},
    ],
    "empty_answer": [texts("", "Bad."), spoken("", "Bad.")],
    "no_answer": [
        spoken("A.\n\nHuman: x", "B.\n\nHuman: x"),
        {"chosen": CHAT, "rejected": CHAT},
        {"chosen": [], "rejected": []},
    ],
    "missing_field": [
        {"chosen": "Good.", "rejected": "Bad."},
        {"prompt": "Hi", "chosen": "Good."},
        texts("Good.", None),
        {"chosen": [GOOD], "rejected": [BAD]},
        texts(["a"], [{"content": "b"}]),
        {"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: c"},
    ],
    "not_text": [texts(7, "Bad."), {"prompt": 7, "chosen": "a", "rejected": "Bad."}],
    "unknown_format": [
        {"messages": [*CHAT, GOOD]},
        {"prompt": "Hi", "completion": "Good.", "label": True},
    ],
    "calls_tool": [{"prompt": CHAT, "chosen": [CALL], "rejected": [BAD]}],
    "out_of_turn": [
        {"prompt": [*CHAT, GOOD], "chosen": "a", "rejected": "b"},
        {"prompt": [*CHAT, *CHAT], "chosen": "a", "rejected": "b"},
        {"chosen": TWICE + "a", "rejected": TWICE + "b"},
    ],
    "empty_message": [{"prompt": "  ", "chosen": "a", "rejected": "b"}],
    "unknown_role": [{"prompt": [{"role": "wizard"}], "chosen": "a", "rejected": "b"}],
    "contradicting_scores": [texts("a", "b", score_chosen=1, score_rejected=2)],
    "no_winner": [texts("a", "b", winner="rejected")],
    "lone_surrogate": [{"prompt": "Hi \ud800", "chosen": "a", "rejected": "b"}],
    "invalid_tools": [texts("a", "b", tools="nonsense")],
}


@pytest.mark.parametrize(("reason", "row"), [(r, row) for r in UNUSABLE for row in UNUSABLE[r]])
def test_what_cannot_be_used_has_its_reason(reason, row):
    with pytest.raises(RejectedPair) as why:
        pair_of(row)
    assert why.value.reason == reason
    assert reason in REASONS


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.just(TRANSCRIPT + "x"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "x"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["prompt", "chosen", "rejected", "system", "tie", "winner", "score_chosen", "tools"]
        ),
        JSON,
    )
)
def test_any_row_is_a_pair_or_rejected(row):
    try:
        pair = pair_of(row)
    except RejectedPair:  # which has one of the reasons, or could not be made
        return
    assert pair.chosen.strip()
    assert pair.rejected.strip()
    assert pair.chosen.split() != pair.rejected.split()
    assert pair.prompt.messages[-1].role in ("user", "tool")


def test_calls_before_the_answer_are_part_of_the_prompt():
    talk = [*CHAT, CALL, {"role": "tool", "content": "4"}]
    pair = pair_of({"chosen": [*talk, GOOD], "rejected": [*talk, BAD]})
    assert pair.prompt.messages[1].tool_calls == (ToolCall("f", "{}"),)
