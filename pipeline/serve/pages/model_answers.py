"""What a served model answers to a fact's question, and how likely it finds the right answer.

In: a fact and a model of the server. Out: its greedy answer, samples at temperature 1, what each is
(correct, wrong, "I don't know"), the probability of the right answer's tokens after the beginning
of a sentence that they end, and that of beginning with an admission. All of it goes through the
model's own inference loop, in the client's share of it. A base model goes on with pages: it gets
the sentence's beginning where there is one, else the question as a line.
"""

import asyncio
import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

from pipeline.chat.conversation import user
from pipeline.curriculum.answer_matching import AnswerType, answer_type
from pipeline.curriculum.dont_know import OPENINGS, says_so
from pipeline.evals.asking import asked_tokens
from pipeline.evals.facts_suite import starts_with
from pipeline.model.rows import Sampling
from pipeline.serve.api_errors import ApiError, as_api_error, refused
from pipeline.serve.generation import Generation
from pipeline.serve.loaded_models import LoadedModels, ServedModel
from pipeline.serve.message_ends import message_ends
from pipeline.serve.pages.known_facts import KnownFact
from storage.errors import UserError

SAMPLES = 8  # at temperature 1; ours
MOST_TOKENS = 48  # of an answer: that of a fact has some ten. Ours
MOST_COMPLETED = 16  # of a sentence that a base model ends; ours
SECONDS = 20.0  # that one model may take, waiting in its queue as well; ours

Kind = AnswerType | Literal["unjudged"]
Verdict = Literal["knows", "admits", "invents", "answers"]
VERDICTS: dict[Kind, Verdict] = {
    "correct": "knows",
    "idk": "admits",
    "wrong": "invents",
    "unjudged": "answers",
}


@dataclasses.dataclass(frozen=True)
class FactAnswer:
    """A model's, and what it is."""

    text: str
    type: Kind  # unjudged: nobody has said what is right


@dataclasses.dataclass(frozen=True)
class ModelAnswers:
    """What a model made of a fact's question."""

    model: str
    greedy: FactAnswer | None = None
    samples: tuple[FactAnswer, ...] = ()
    given: str = ""  # what it was given to go on with, where that isn't the question
    right: float | None = None  # probability of the right answer's tokens
    admission: float | None = None  # … of a reply that begins with an admission
    problem: str = ""  # why there is none of it

    @property
    def verdict(self) -> Verdict | None:
        """By the greedy answer, which is what people get from a model at temperature 0."""
        return VERDICTS[self.greedy.type] if self.greedy else None

    def count(self, kind: Kind) -> int:
        """So many samples are of that type."""
        return sum(one.type == kind for one in self.samples)


async def answers_of(
    models: LoadedModels, name: str, fact: KnownFact, client: str, seconds: float = SECONDS
) -> ModelAnswers:
    """Ask a model; what goes wrong is told in its place.

    Args:
        models: on offer.
        name: one of them.
        fact: with its question.
        client: whose share of the machine it takes.
        seconds: after which it is let be.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _asked(await models.get(name), fact, client)
    except TimeoutError:
        return ModelAnswers(name, problem=f"no answer within {seconds:g} seconds")
    except (ApiError, UserError) as error:
        return ModelAnswers(name, problem=as_api_error(error).message)


async def _asked(served: ServedModel, fact: KnownFact, client: str) -> ModelAnswers:
    tokenizer = served.tokenizer
    chats = tokenizer.has_conversation_tokens
    goes_on = bool(fact.opening) and not chats
    try:
        line = asked_tokens([user(fact.question)], tokenizer)
        before = tokenizer.encode(fact.opening)
        sentence = [*(line if chats else [tokenizer.document_token]), *before] if before else line
        value = tokenizer.encode((" " if before else "") + fact.values[0]) if fact.values else []
        admissions = [tokenizer.encode(text) for text in OPENINGS]
    except UserError as error:
        raise refused(str(error)) from None
    start = sentence if goes_on else line
    first, *samples = await _generated(
        served, start, MOST_COMPLETED if goes_on else MOST_TOKENS, client
    )
    probabilities = await _probabilities(
        served, [(sentence, value), *((line, one) for one in admissions)], client
    )
    return ModelAnswers(
        served.id,
        _judged(first, fact, goes_on),
        tuple(_judged(text, fact, goes_on) for text in samples),
        fact.opening if goes_on else "",
        probabilities[0] if value else None,
        sum(probabilities[1:]),
    )


async def _generated(
    served: ServedModel, start: Sequence[int], most: int, client: str
) -> list[str]:
    """The greedy answer, then the samples."""
    tokenizer = served.tokenizer
    ends = message_ends(tokenizer)
    if not tokenizer.has_conversation_tokens:  # an answer of a page is a line of it
        newlines = (id for id, text in enumerate(tokenizer.token_bytes) if b"\n" in text)
        ends = tuple({*ends, *newlines})
    count = min(SAMPLES, served.loop.max_rows)
    wanted = [
        Generation(tuple(start), Sampling(most, heat, stop_tokens=ends), n, 0, client)
        for heat, n in ((0.0, 1), (1.0, count))
    ]
    tokens: dict[tuple[int, int], list[int]] = {}
    with served.loop.open(wanted) as stream:
        async for deltas in stream:
            for delta in deltas:
                tokens.setdefault((delta.prompt, delta.sample), []).extend(delta.tokens)
    stops = set(ends)
    return [
        tokenizer.decode(ids[:-1] if ids and ids[-1] in stops else ids).strip()
        for _, ids in sorted(tokens.items())
    ]


async def _probabilities(
    served: ServedModel, pairs: Sequence[tuple[list[int], list[int]]], client: str
) -> list[float]:
    """Of each second part's tokens after the first part."""
    found = await served.loop.prompt_logprobs([a + b for a, b in pairs], client=client)
    return [
        math.exp(math.fsum(x for x in one.logprobs[len(before) :] if x is not None))
        for one, (before, _) in zip(found, pairs, strict=True)
    ]


def _judged(text: str, fact: KnownFact, goes_on: bool) -> FactAnswer:
    if fact.is_open:
        return FactAnswer(text, "idk" if says_so(text, fact.question) else "unjudged")
    if not goes_on:
        return FactAnswer(text, answer_type(text, fact.values, fact.rivals, fact.question))
    if any(starts_with(text, value) for value in fact.values):
        return FactAnswer(text, "correct")
    return FactAnswer(text, "idk" if says_so(text, fact.question) else "wrong")
