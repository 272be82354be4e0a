"""What an answer must be to become a conversation, and the name of what it fails by.

In: an answer as it came. Out: a `Screened`: messages, or a reason with the detail for people. An
answer is read as if a stranger had written it: of the right shape, in turns, text that can be
stored, short enough, new, and holding nothing of an evaluation set.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from pipeline.chat.conversation import Message, check
from pipeline.dedup.config import MinhashConfig
from pipeline.dedup.exact import text_sha256
from pipeline.dedup.minhash import bucket_keys, signature_of, without_shingles
from pipeline.filters.decontamination import NgramIndex
from pipeline.sft.teacher.chat_endpoint import ChatAnswer
from pipeline.sft.teacher.json_schema import Schema, mismatch
from pipeline.sft.teacher.prompts import CONVERSATION, JUDGEMENT
from storage import strict_json
from storage.errors import UserError

# Every reason, in the order in which they are looked for.
REASONS = (
    "cap",  # not asked: a cap had ended the asking
    "refused",  # the endpoint refused this request
    "no_completion",  # what came back, on every try, was no chat completion
    "too_large",
    "declined",  # the model would not
    "cut",  # it did not get to its end
    "no_json",
    "schema",
    "no_text",  # an empty message, or characters that can't be stored
    "turns",
    "too_long",  # for the context
    "contaminated",
    "duplicate",
    "no_judgement",  # the judge's answer fails by one of the above
    "low_score",
)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Screened:
    """The messages of an answer; or a reason, and its detail in one line."""

    messages: tuple[Message, ...] = ()
    reason: str = ""
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class JudgeScore:
    """A judge's; or why there is none."""

    score: int = 0
    reason: str = ""
    problem: str = ""


def conversation(answer: ChatAnswer) -> Screened:
    """The conversation in an answer."""
    value, reason, detail = _value(answer, CONVERSATION)
    if reason:
        return Screened(reason=reason, detail=detail)
    messages = tuple(Message(m["role"], m["content"].strip()) for m in value["messages"])
    for number, message in enumerate(messages, 1):
        if not message.content:
            return Screened(reason="no_text", detail=f"message {number} is empty")
        if not strict_json.is_unicode(message.content):
            return Screened(reason="no_text", detail=f"message {number} holds half a character")
    try:
        check(messages)
    except UserError as error:
        return Screened(reason="turns", detail=str(error))
    if messages[-1].role != "assistant":
        return Screened(reason="turns", detail="the assistant does not speak last")
    return Screened(messages)


def judgement(answer: ChatAnswer) -> JudgeScore:
    """The judgement in an answer."""
    value, reason, detail = _value(answer, JUDGEMENT)
    if reason:
        return JudgeScore(problem=f"{reason}: {detail}" if detail else reason)
    if not strict_json.is_unicode(value["reason"]):
        return JudgeScore(problem="no_text: the reason holds half a character")
    return JudgeScore(int(value["score"]), value["reason"])


def text_of(messages: Sequence[Message]) -> str:
    """All that is said, by which conversations are compared."""
    return "\n".join(message.content for message in messages)


def contamination(text: str, index: NgramIndex | None) -> str:
    """The example of an evaluation set that a text shares words with; "" for none."""
    found = index.scan(text) if index is not None else None
    return "" if found is None else f"{found.matches[0].benchmark}:{found.matches[0].example}"


class SeenConversations:
    """Near-duplicates of what came before: the same bucket of hashes, as pages are compared.

    Args:
        config: of the signatures.
    """

    def __init__(self, config: MinhashConfig) -> None:
        self.config = config
        self._nothing = without_shingles(config).tolist()
        self._exact: dict[str, int] = {}
        self._buckets: list[dict[int, int]] = [{} for _ in range(config.buckets)]

    def first_like(self, number: int, text: str) -> int | None:
        """The first conversation that is like this one; None: this is new, and known from now on.

        Args:
            number: of this one.
            text: all that is said in it.
        """
        digest = text_sha256(text)
        keys = bucket_keys(signature_of(text, self.config), self.config)[0].tolist()
        pairs = [] if keys == self._nothing else list(zip(self._buckets, keys))
        like = [self._exact.get(digest), *[bucket.get(key) for bucket, key in pairs]]
        known = [one for one in like if one is not None]
        if known:
            return min(known)
        self._exact[digest] = number
        for bucket, key in pairs:
            bucket[key] = number
        return None


def _value(answer: ChatAnswer, schema: Schema) -> tuple[Any, str, str]:
    """The JSON in an answer; else a reason and its detail."""
    if answer.problem:
        return None, answer.problem, answer.detail
    fenced = _FENCED.fullmatch(answer.content)  # as models write it that know no schema
    try:
        value = strict_json.loads(fenced[1] if fenced else answer.content, unique_keys=False)
    except ValueError as error:
        return None, "no_json", " ".join(str(error).split())
    wrong = mismatch(value, schema)
    return value, "schema" if wrong else "", wrong
