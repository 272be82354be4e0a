"""A model's answers as tasks: one to correct, or two different ones to compare."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.chat.conversation import STOP, Conversation, prompt
from pipeline.labels.labeling_task import LabelingTask
from pipeline.model import Transformer
from pipeline.model.engine import Engine
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

TRIES = 4  # samples of a prompt, of which two different ones are looked for


@dataclasses.dataclass(frozen=True)
class AnswerSampling:
    """How answers are sampled."""

    max_new_tokens: int = 128
    temperature: float = 1.0  # at 0 there are no two different answers
    top_k: int = 0
    seed: int = 0


class Sampled(NamedTuple):
    """Tasks, and prompts that gave none."""

    tasks: list[LabelingTask]
    too_long: int  # prompts that leave the model's context no room
    alike: int  # whose answers were all the same, or empty


def sampled_tasks(
    model: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[Conversation],
    kind: str,
    sampling: AnswerSampling,
) -> Sampled:
    """Have the model answer.

    Args:
        model: that chats.
        tokenizer: its own, with conversation tokens.
        prompts: that end where a reply is due.
        kind: correct or compare.
        sampling: how.

    Raises:
        UserError: the model can't chat, or the kind takes no answers.
    """
    if kind not in ("correct", "compare"):
        raise UserError(f"a model's answers are for tasks to correct or compare, not {kind!r}")
    if not tokenizer.has_conversation_tokens:
        raise UserError("this model has no conversation tokens: take sft, rl or rlhf")
    if kind == "compare" and sampling.temperature == 0:
        raise UserError("--temperature 0 gives the same answer each time: nothing to compare")
    asked = [(talk, prompt(talk, tokenizer)) for talk in prompts]
    fitting = [(talk, ids) for talk, ids in asked if len(ids) < model.config.max_context]
    if not fitting:
        return Sampled([], len(asked), 0)
    completions = Engine(model).generate(
        [ids for _, ids in fitting],
        samples=TRIES if kind == "compare" else 1,
        max_new_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        stop_tokens=(tokenizer.special(STOP),),
        seed=sampling.seed,
    )
    tasks = []
    for (talk, _), samples in zip(fitting, completions):
        tokens = [s.tokens[:-1] if s.stopped else s.tokens for s in samples]
        texts = list(dict.fromkeys(tokenizer.decode(ids).strip() for ids in tokens))
        answers = tuple(text for text in texts if text)[: 2 if kind == "compare" else 1]
        if len(answers) == (2 if kind == "compare" else 1):
            tasks.append(LabelingTask(kind, talk, answers))
    return Sampled(tasks, len(asked) - len(fitting), len(fitting) - len(tasks))
