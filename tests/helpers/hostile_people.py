"""Labelers' tasks and an arena's votes that are full of texts that would be markup."""

import json
from pathlib import Path

from injection_strings import ALL, INJECTIONS
from labeling import store_with

from pipeline.chat.conversation import Conversation, user
from pipeline.evals.vote_store import Battle, Contender, opened_votes
from pipeline.labels.labeling_task import task_of
from pipeline.labels.task_queue import finish, take
from pipeline.labels.task_store import LONGEST_NAME
from pipeline.serve.people_work import PeopleWork


def _is_name(text: str) -> bool:
    return text.isprintable() and text == text.strip() and len(text) <= LONGEST_NAME


RATERS = tuple(text for text in INJECTIONS if _is_name(text))


def make_hostile_work(root: Path) -> PeopleWork:
    """The stores, in a folder that is there: tasks, and a battle in mara's hands."""
    work = PeopleWork(root / "tasks.sqlite", root / "votes.sqlite")
    arguments = json.dumps({"expression": ALL}, ensure_ascii=False)
    call = {"id": "1", "name": "calculator", "arguments": arguments}
    function = {"name": "calculator", "description": ALL, "parameters": {"type": "object"}}
    told = {"type": "function", "function": function}
    tools = [json.dumps(told, ensure_ascii=False)]
    messages = [
        {"role": "user", "content": ALL},
        {"role": "assistant", "content": ALL, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": ALL},
        {"role": "assistant", "content": "It is so."},
        {"role": "user", "content": ALL},
    ]
    given = [
        task_of({"messages": messages, "tools": tools, "answers": [ALL, ALL[::-1] + ALL]}, "test"),
        task_of({"messages": messages, "answer": ALL}, "test"),
    ]
    # So that both raters have something to do whoever comes first.
    early = [task_of({"prompt": f"Before {name}?"}, "test") for name in RATERS]
    with store_with(work.tasks, early, raters=("mara", "tom", *RATERS)) as store:
        for name in RATERS:  # each has answered something
            taken = take(store, name, 1.0)
            assert taken is not None
            finish(store, name, taken.task.id, "x", 2.0)
        store.add(given, "test")
        store.add([task_of({"prompt": f"After, {number}?"}, "test") for number in range(4)], "test")
    with opened_votes(work.votes, create=True) as votes:
        votes.connection.execute("PRAGMA synchronous = OFF")
        talk = Conversation((user("Which?"),))
        for number, name in enumerate(INJECTIONS):
            other = INJECTIONS[number - 1]
            sides = (Contender(name, f"{name} {number}", 3), Contender(other, "x", 4))
            begun = votes.begin(Battle(talk, "test", *sides, "a", {}), "mara", 1.0)
            votes.vote(begun.id, "mara", ("first", "second")[number % 2], 2.0)
        asked = Conversation((user(ALL),))
        sides = (Contender(ALL, ALL, 3), Contender(f"{ALL} other", f"{ALL}.", 4))
        votes.begin(Battle(asked, "test", *sides, "a", {}), "mara", 3.0)
    return work
