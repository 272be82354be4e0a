"""Comparisons become token pairs: what is read, what is left out and why, subsets that nest."""

import pytest
from toy_preferences import comparison, toy_reward_config, write_comparisons

from pipeline.chat.conversation import (
    STOP,
    assistant,
    from_row,
    parse_reply,
    prompt,
    render,
    to_row,
    user,
)
from pipeline.preferences.preference_pairs import TokenPair, nested, read_pairs
from pipeline.preferences.preference_prompts import prompt_id
from storage.errors import UserError


@pytest.fixture
def read(tmp_path, chat_tokenizer):
    def of(*folders, context=192, **settings):
        places = [write_comparisons(tmp_path / str(n), rows) for n, rows in enumerate(folders)]
        return read_pairs(places, chat_tokenizer, context, toy_reward_config(**settings))

    return of


def test_a_pair_is_both_conversations_up_to_their_stop_tokens(read, chat_tokenizer):
    rows = [comparison(n) for n in (1, 2, 3)]
    assert {row["winner"] for row in rows} == {"a", "b"}
    found = read(rows).train
    assert [pair.id for pair in found] == [row["id"] for row in rows]
    for row, pair in zip(rows, found):
        asked = from_row({"messages": row["prompt"], "tools": []}).messages
        assert pair.prompt == prompt_id(asked)
        stop = chat_tokenizer.special(STOP)
        won, lost = ("a", "b") if row["winner"] == "a" else ("b", "a")
        for side, ids in ((won, pair.chosen), (lost, pair.rejected)):
            whole = render([*asked, assistant(row[side])], chat_tokenizer)[0]
            assert ids == whole[: len(whole) - whole[::-1].index(stop)]
        assert not pair.tie


def test_splits_and_ties(read):
    rows = [comparison(n) for n in range(4)] + [comparison(4, winner="tie")]
    sets = read(rows)
    assert [p.id for p in sets.train] == [row["id"] for row in rows[1:4]]
    assert [(p.id, p.tie) for p in sets.validation] == [
        (rows[0]["id"], False),
        (rows[4]["id"], True),
    ]
    dropped = read(rows, ties="drop")
    assert len(dropped.validation) == 1
    assert dropped.refused == {"tie": 1}


def test_what_cannot_be_used_is_counted_by_reason(read, chat_tokenizer):
    longest = comparison(1, a="word " * 200)
    sets = read(
        [
            comparison(2, b=comparison(2)["a"]),
            longest,
            comparison(3, rater="Eve"),
            comparison(5),
        ],
        raters_left_out=("Eve", "nobody"),
    )
    assert [p.id for p in sets.train] == [comparison(5)["id"]]
    assert sets.refused == {"equal": 1, "long": 1, "rater left out": 1}
    fits = max(len(sets.train[0].chosen), len(sets.train[0].rejected))
    assert read([comparison(5)], context=fits).refused == {}
    assert read([comparison(5)], context=fits - 1).refused == {"long": 1}


def test_a_prompt_that_validates_in_one_folder_is_learned_in_none(read):
    shared = comparison(4)
    sets = read([comparison(1), {**shared, "split": "train"}], [shared])
    assert [p.id for p in sets.train] == [comparison(1)["id"]]
    assert [p.id for p in sets.validation] == [shared["id"]]
    assert sets.refused == {"validated": 1}


def test_a_rater_who_goes_by_the_place_is_left_out_and_named(read):
    honest = [comparison(4 * n + 1, rater="Ada") for n in range(40)]
    lazy = [
        {**row, "rater": "Bob", "winner": row["first"]}
        for row in (comparison(4 * n + 2) for n in range(40))
    ]
    sets = read(honest + lazy)
    assert sets.raters_by_position == ["Bob"]
    assert sets.refused == {"rater by position": 40}
    assert len(sets.train) == 40


def test_a_called_tool_is_read_as_the_tokens_that_the_policy_drew(read, chat_tokenizer):
    tool = '{"type": "function", "function": {"name": "calculator", "parameters": {}}}'
    call = '<tool_call>\n{"name": "calculator", "arguments": {}}\n</tool_call>'
    row = comparison(1, a=call, winner="a", tools=[tool])
    asked = from_row({"messages": row["prompt"], "tools": row["tools"]})
    whole = render([*asked.messages, parse_reply(call, chat_tokenizer)], chat_tokenizer)[0]
    stop = chat_tokenizer.special(STOP)
    written = whole[len(prompt(asked.messages, chat_tokenizer)) :]
    drawn = written[: written.index(stop) + 1]
    assert chat_tokenizer.special("<tool_call>") in drawn
    assert read([row], context=1000).train[0].chosen[-len(drawn) :] == drawn
    spelled = read([{**row, "tools": []}]).train[0]
    assert chat_tokenizer.special("<tool_call>") not in spelled.chosen


def test_broken_folders_are_refused_in_one_line(read, chat_tokenizer, tmp_path):
    with pytest.raises(UserError, match=r"no preferences\.parquet"):
        read_pairs([tmp_path], chat_tokenizer, 192, toy_reward_config())
    with pytest.raises(UserError, match="says winner 'c'"):
        read([comparison(1, winner="c")])
    with pytest.raises(UserError, match="says split 'test'"):
        read([comparison(1, split="test")])
    turns = to_row([user("Hi"), assistant("Hello.")])["messages"]
    with pytest.raises(UserError, match=f"preference {comparison(1)['id']}: "):
        read([comparison(1, prompt=turns)])


def test_the_prompt_is_encoded_apart_from_the_reply(read, chat_tokenizer):
    row = comparison(1, a="\n\nYes.", winner="a")
    asked = from_row({"messages": row["prompt"], "tools": []})
    before = prompt(asked, chat_tokenizer)
    assert read([row]).train[0].chosen[: len(before)] == before


def test_beginnings_of_the_order_nest_and_hold_whole_prompts():
    pairs = [TokenPair(str(n), f"prompt {n % 30}", [n], [n], False) for n in range(90)]
    order = nested(pairs, seed=0)
    assert sorted(p.id for p in order) == sorted(p.id for p in pairs)
    prompts = [p.prompt for p in order]
    assert all(prompts[n] == prompts[n + 1] == prompts[n + 2] for n in range(0, 90, 3))
    other = nested(pairs, seed=1)
    assert [p.prompt for p in other[:30]] != prompts[:30]
    assert nested(pairs[::-1], seed=0)[0].prompt == order[0].prompt
