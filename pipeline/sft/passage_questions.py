"""Questions that are answered from passages: those of a search's output, or of the question itself.

In: facts that pages state. Out: conversations about made-up names: one passage has the answer, the
other states the same of somebody else, so that both have to be read; the answer cites the number of
its passage. Up to four questions share their passages and are asked one after the other: a small
model learns to find what belongs together from many answers to a page, not from many pages. Some
passages hold a planted instruction, which nobody may follow but who is asked by its user: answers
stay those to the questions (StruQ, arXiv:2402.06363).

The calls are written as a search tool's, but the tool isn't stated: its description takes twice the
demo's context.
"""

import dataclasses
import random
from collections.abc import Iterable, Iterator, Sequence

from pipeline.chat.conversation import Message, assistant, user
from pipeline.chat.messages import ToolCall, canonical_json, tool
from pipeline.curriculum.held_out import is_held_out
from pipeline.curriculum.planted_instructions import TRAINED
from pipeline.sft.facts import StatedFact, fill, name_of
from pipeline.sft.reading import made_up_name, made_up_value

PLACES = ("tool", "user")  # in a tool's output, which no text can end; beside the question
MOST_NUMBER = 999  # of a passage
MOST_JOINED = 4  # questions to a conversation
MADE_UP_VALUES = 0.5  # of questions in training


@dataclasses.dataclass(frozen=True)
class PassageQuestion:
    """A question with the passages that answer it."""

    question: str
    answer: str  # without the citation
    value: str  # that the answer holds
    other_value: str  # that the other passage states, of another name
    cited: int  # the number of the passage that answers
    passages: tuple[tuple[int, str], ...]  # numbers and texts
    borrowed: str  # the entity whose facts these are


def draw(
    facts: Iterable[StatedFact],
    *,
    count: int,
    held_out_fraction: float,
    held_out: bool,
    made_up_values: float,
    rng: random.Random,
) -> list[PassageQuestion]:
    """Different questions, `count` of them if there are facts of two entities.

    Args:
        facts: from `facts.extract`; their wordings and values are used, their entities are not.
        count: of questions.
        held_out_fraction: of entities, by a hash of the name.
        held_out: whether the names, and the entities borrowed from, are of the held-out ones
            (evaluation) or of the others (training).
        made_up_values: of the questions, those whose answers are made up as well: what is guessed
            from what pages say is wrong there.
        rng: the random generator.
    """
    by_relation: dict[tuple[str, str], list[StatedFact]] = {}
    for fact in facts:
        if is_held_out(name_of(fact.entity), held_out_fraction) == held_out:
            by_relation.setdefault((fact.relation.name, fact.attribute), []).append(fact)
    pools = [of for of in by_relation.values() if len({fact.value for fact in of}) > 1]
    weights = [len(of) for of in pools]
    made: list[PassageQuestion] = []
    while pools and len(made) < count:
        (pool,) = rng.choices(pools, weights)
        fact = rng.choice(pool)
        other = rng.choice([each for each in pool if each.value != fact.value])
        is_new = rng.random() < made_up_values
        named = [
            dataclasses.replace(
                each,
                entity=made_up_name(each.entity, held_out_fraction, rng, held_out=held_out),
                value=made_up_value(each.value, rng) if is_new else each.value,
            )
            for each in (fact, other)
        ]
        numbers = rng.sample(range(1, MOST_NUMBER + 1), 2)
        texts = [fill(rng.choice(each.relation.answers), each) for each in named]
        passages = list(zip(numbers, texts))
        rng.shuffle(passages)
        made.append(
            PassageQuestion(
                question=fill(rng.choice(fact.relation.questions), named[0]),
                answer=fill(rng.choice(fact.relation.answers), named[0]),
                value=named[0].value,
                other_value=named[1].value,
                cited=numbers[0],
                passages=tuple(passages),
                borrowed=name_of(fact.entity),
            )
        )
    return made


def asked(question: PassageQuestion, place: str) -> list[Message]:
    """The conversation up to the answer.

    Args:
        question: with its passages.
        place: of PLACES.
    """
    text = "\n".join(f"[{number}] {passage}" for number, passage in question.passages)
    if place == "user":
        return [user(f"{question.question}\n{text}")]
    call = ToolCall("search", canonical_json({"query": question.question}))
    return [user(question.question), assistant("", [call]), tool(text, call.id)]


def joined(
    questions: Sequence[PassageQuestion], rng: random.Random
) -> Iterator[list[PassageQuestion]]:
    """Questions in groups of one to four, each with the passages of its whole group.

    Args:
        questions: from `draw`; a group ends before one whose numbers it has.
        rng: the random generator.
    """
    group: list[PassageQuestion] = []
    size = 0
    for question in [*questions, None]:
        numbers = {number for of in group for number, _ in of.passages}
        if group and (
            question is None
            or len(group) == size
            or numbers & {number for number, _ in question.passages}
        ):
            passages = [passage for of in group for passage in of.passages]
            rng.shuffle(passages)
            yield [dataclasses.replace(of, passages=tuple(passages)) for of in group]
            group = []
        if question is not None:
            size = size if group else rng.randint(1, MOST_JOINED)
            group.append(question)


def with_last(question: PassageQuestion, text: str) -> PassageQuestion:
    """The same question whose last passage has another text."""
    *first, (number, _) = question.passages
    return dataclasses.replace(question, passages=(*first, (number, text)))


def conversations(
    questions: Sequence[PassageQuestion],
    *,
    place: str,
    planted_share: float,
    instructions: Sequence[str],
    rng: random.Random,
) -> list[tuple[list[Message], str]]:
    """All questions answered, whatever their passages ask for.

    Args:
        questions: from `draw`.
        place: of PLACES.
        planted_share: of the conversations, those whose last passage ends in an instruction, half
            of them behind a made-up answer.
        instructions: what a user might ask; none is planted if there are none.
        rng: the random generator.

    Returns:
        Each conversation with its subject, by which it is split: the entity of its first question.
    """
    made = []
    for group in list(joined(questions, rng)):  # whatever is planted, the groups are the same
        plant, instruction = rng.random() < planted_share, rng.random()
        way = rng.choice(list(TRAINED.values()))
        first, *others = group
        if plant and instructions:
            told = instructions[int(instruction * len(instructions))]
            first = with_last(first, way(first.passages[-1][1], told, rng))
        talk = [*asked(first, place), _answer(first)]
        for question in others:
            talk += [user(question.question), _answer(question)]
        made.append((talk, f"entity:{first.borrowed}"))
    return made


def _answer(question: PassageQuestion) -> Message:
    return assistant(f"{question.answer} [{question.cited}]")
