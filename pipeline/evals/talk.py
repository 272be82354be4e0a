"""What else conversations are for: who it is, small talk, what a name stands for, and whether an
answer outlives what came before it.

In: the crawl's facts, a model that converses (a base model has no turns and isn't asked). Questions
on itself and small talk are right if the reply is one that fine-tuning gives to that kind, in
wordings that were never trained and in trained ones. A reply to "Who is X?" is right if it holds
something that pages state of X; what chance pays is the same reply held against another entity of
that kind. The same sums and questions are asked alone, after one and after two earlier exchanges
(fine-tuning's conversations have two at most), and under system messages.
"""

import dataclasses
import random
import re
from collections.abc import Callable, Sequence

from pipeline.chat.conversation import Message, assistant, prompt, system, user
from pipeline.curriculum.held_out import is_held_out
from pipeline.curriculum.tasks import is_right, sum_task
from pipeline.evals import unseen
from pipeline.evals.asking import FactRow, Scores, Subject, ask, spread
from pipeline.evals.facts_suite import contains
from pipeline.sft import definitions, identity, small_talk
from pipeline.sft.facts import name_of

Exchange = tuple[Message, ...]
EARLIER: tuple[Exchange, ...] = (
    (user("Hello!"), assistant("Hello! What can I do for you?")),
    (user("Thank you."), assistant("You are welcome!")),
    (user("Good morning!"), assistant("Good day! What would you like to know?")),
    (user("Are you ready?"), assistant("Yes, please ask.")),
)
NEW_SYSTEM = "Be brief, be polite, and think before you speak."
NEW_DEFINITIONS = ("What do you know about {entity}?", "Can you describe {entity}?")


@dataclasses.dataclass(frozen=True)
class Case:
    """A conversation that ends with the user's turn, and what a right reply is or holds."""

    task: str  # of its row
    messages: tuple[Message, ...]
    right: tuple[str, ...]  # any of these
    wrong: tuple[str, ...] = ()  # as `right`, of another entity


def measure(subject: Subject, facts: Sequence[FactRow], scores: Scores) -> None:
    """Add scores for the kinds of conversations that no other suite asks."""
    if not subject.chats:
        return
    config = subject.config
    rng = random.Random(f"{config.seed}:talk")
    often = [fact for fact in facts if fact["frequency"] == "often"]
    held_out = [f for f in often if is_held_out(name_of(f["entity"]), config.held_out_fraction)]
    parts: list[tuple[str, list[Case], Callable[[str, Sequence[str]], bool]]] = [
        ("apt", exchanges(), is_one_of),
        ("recall", names(often, held_out, rng), holds_one),
        ("accuracy", contexts(held_out, config.talk_questions, rng), answers),
    ]
    for metric, drawn, judge in parts:
        cases = [case for case in drawn if _fits(subject, case.messages)]
        replies = ask(subject, [case.messages for case in cases], config.max_new_tokens)
        marks = [r.stopped and judge(r.text, case.right) for r, case in zip(replies, cases)]
        chance = [r.stopped and judge(r.text, case.wrong) for r, case in zip(replies, cases)]
        for task in dict.fromkeys(case.task for case in cases):
            of = [i for i, case in enumerate(cases) if case.task == task]
            scores.share("talk", task, metric, [marks[i] for i in of])
            if cases[of[0]].wrong:
                scores.share("talk", f"{task}_by_chance", metric, [chance[i] for i in of])
        for i in spread(range(len(cases)), config.samples_per_suite // len(parts)):
            asked, right = cases[i].messages[-1].content, cases[i].right
            scores.sample("talk", asked, replies[i].text, " / ".join(right), marks[i])


def exchanges() -> list[Case]:
    """Questions on the model itself and small talk, new wordings first, with all right replies."""
    groups = {group[0]: replies for group, replies in small_talk.EXCHANGES}
    return [
        *(
            Case("identity_new_wordings", (user(question),), identity.ANSWERS[kind])
            for kind, questions in unseen.IDENTITY.items()
            for question in questions
        ),
        *(
            Case("identity", (user(question),), identity.answers(question))
            for question in identity.QUESTIONS
        ),
        *(
            Case("small_talk_new_wordings", (user(opening),), groups[first])
            for first, openings in unseen.SMALL_TALK.items()
            for opening in openings
        ),
        *(
            Case("small_talk", (user(opening),), replies)
            for openings, replies in small_talk.EXCHANGES
            for opening in openings
        ),
    ]


def names(often: Sequence[FactRow], held_out: Sequence[FactRow], rng: random.Random) -> list[Case]:
    """Questions what entities are that pages often state facts of, in new and trained wordings."""
    values: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {}
    for fact in often:
        if fact["entity"] not in values:
            kinds.setdefault(fact["kind"], []).append(fact["entity"])
        values.setdefault(fact["entity"], []).append(fact["value"])
    hidden = dict.fromkeys(fact["entity"] for fact in held_out)
    cases = []
    for task, wordings in (
        ("definitions_new_wordings", NEW_DEFINITIONS),
        ("definitions", definitions.QUESTIONS),
    ):
        for kind, entities in kinds.items():
            for entity in (e for e in entities if e in hidden):
                others = [e for e in entities if e != entity]
                if not others:
                    continue
                shown = f"the {entity}" if kind == "river" else entity
                wrong = tuple(values[rng.choice(others)])
                for wording in wordings:
                    who = "Who" if kind == "person" else "What"
                    asked = (user(wording.format(entity=shown, Who=who)),)
                    cases.append(Case(task, asked, tuple(values[entity]), wrong))
    return cases


def contexts(held_out: Sequence[FactRow], count: int, rng: random.Random) -> list[Case]:
    """The same questions after different beginnings: half are sums of 3 to 5 digits, half facts."""
    sums = [sum_task(3 + number % 3, "evaluation", rng) for number in range(count - count // 2)]
    asked = [(task.prompt, task.answer) for task in sums]
    chosen = rng.sample(list(held_out), min(count // 2, len(held_out)))
    asked += [(fact["question"], fact["value"]) for fact in chosen]
    earlier = [rng.sample(EARLIER, 2) for _ in asked]
    beginnings: dict[str, Callable[[Exchange, Exchange], Exchange]] = {
        "after_two_exchanges": lambda first, second: (*first, *second),
        "after_one_exchange": lambda first, _: first,
        "new_system_message": lambda *_: (system(NEW_SYSTEM),),
        "known_system_message": lambda *_: (system(identity.SYSTEM[2]),),
        "alone": lambda *_: (),
    }
    return [
        Case(task, (*before(first, second), user(question)), (answer,))
        for task, before in beginnings.items()
        for (question, answer), (first, second) in zip(asked, earlier)
    ]


def is_one_of(reply: str, templates: Sequence[str]) -> bool:
    """Whether a reply is one of the templates, with any name and any end of knowledge in it."""
    return any(
        re.fullmatch(re.sub(r"\\{\w+\\}", ".{1,60}", re.escape(template)), reply.strip())
        for template in templates
    )


def holds_one(reply: str, values: Sequence[str]) -> bool:
    """Whether a reply contains one of the values."""
    return any(contains(reply, value) for value in values)


def answers(reply: str, values: Sequence[str]) -> bool:
    """Whether a reply answers a sum (its last number) or a question (it contains the value)."""
    return any(
        is_right("sum", reply, value) if value.isdigit() else contains(reply, value)
        for value in values
    )


def _fits(subject: Subject, messages: Sequence[Message]) -> bool:
    return len(prompt(messages, subject.tokenizer)) < subject.model.config.max_context
