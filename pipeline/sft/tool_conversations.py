"""Conversations with tools: called where they are needed, and left alone where they aren't.

In: questions that tools answer, conversations that need none, a toolbox. Out: conversations whose
tools' outputs are true: every call is run. Some offer all tools, some one; where none of a
question's is offered, or no tool at all, the model works it out or says that it can't. So whether
to call is read off the question and off what there is, never a habit.
"""

import random
from collections.abc import Sequence

from pipeline.chat.conversation import Conversation, Message, assistant, user
from pipeline.chat.messages import ToolCall, canonical_json
from pipeline.sft.tool_questions import ToolQuestion
from pipeline.tools.tool import ToolOutput
from pipeline.tools.toolbox import Toolbox, messages

ALL_SHARE = 0.6  # of conversations with tools, those that offer all; the others offer one


def answered(
    questions: Sequence[ToolQuestion], toolbox: Toolbox, missing_share: float, rng: random.Random
) -> list[Conversation]:
    """Each question with its call, the output and the answer, or without a call where none helps.

    Args:
        questions: whose arguments name tools of the toolbox.
        toolbox: really asked.
        missing_share: of the questions, those that get no tool that answers them.
        rng: the random generator.
    """
    drawn = [
        _offered(question, toolbox, rng.random() < missing_share, rng) for question in questions
    ]
    calls = [_call(question, offered) for question, offered in zip(questions, drawn)]
    outputs = iter(toolbox.answer_all([call for call in calls if call is not None]))
    return [
        Conversation(
            (user(question.question), *_turn(question, call, next(outputs) if call else None)),
            _definitions(toolbox, offered),
        )
        for question, offered, call in zip(questions, drawn, calls)
    ]


def offering(
    talks: Sequence[Sequence[Message]], toolbox: Toolbox, rng: random.Random
) -> list[Conversation]:
    """Conversations that need no tool, with some offered."""
    names = [one.name for one in toolbox.tools]
    return [Conversation(tuple(talk), _definitions(toolbox, _some(names, rng))) for talk in talks]


def _offered(
    question: ToolQuestion, toolbox: Toolbox, missing: bool, rng: random.Random
) -> list[str]:
    """The names of the tools that a conversation states, in a random order."""
    names = [one.name for one in toolbox.tools]
    if not missing:
        found = _some(names, rng)
        return found if question.arguments.keys() & set(found) else [next(iter(question.arguments))]
    others = [name for name in names if name not in question.arguments]
    return _some(others, rng) if others and rng.random() < 0.5 else []


def _some(names: Sequence[str], rng: random.Random) -> list[str]:
    return rng.sample(names, len(names) if rng.random() < ALL_SHARE else 1)


def _definitions(toolbox: Toolbox, names: Sequence[str]) -> tuple[str, ...]:
    by_name = {one.name: one.definition for one in toolbox.tools}
    return tuple(by_name[name] for name in names)


def _call(question: ToolQuestion, offered: Sequence[str]) -> ToolCall | None:
    """The best call among the offered tools."""
    for name, arguments in question.arguments.items():
        if name in offered:
            return ToolCall(name, canonical_json(arguments))
    return None


def _turn(
    question: ToolQuestion, call: ToolCall | None, output: ToolOutput | None
) -> tuple[Message, ...]:
    if call is None or output is None:
        return (assistant(question.alone),)
    return (
        assistant("", [call]),
        *messages([call], [output]),
        assistant(question.answer(output)),
    )
