"""Rollouts in which an answer may call tools, or the user says more (`Task.later`), before it ends.

In: an engine, tasks, a toolbox, sampling settings. Out: rollouts as `rollouts.sample` gives them,
whose tokens hold the tools' outputs and what the user said as well: those the policy didn't draw,
so they are in no loss and in no count (Search-R1, arXiv 2503.09516, masks retrieved tokens
likewise). Reward is paid for what is said last, less `call_cost` for each call. Tools answer the
same call the same way, so a step that runs again draws the same answers.
"""

from collections.abc import Sequence

from pipeline.chat.conversation import Conversation, prompt, user
from pipeline.curriculum.tasks import Task
from pipeline.model.engine import Engine
from pipeline.rl.config import RlConfig
from pipeline.rl.rollouts import DrawnAnswer, Rollout, judged, messages
from pipeline.tokenizer import Tokenizer
from pipeline.tools.tool_batch import ToolReply, replies
from pipeline.tools.toolbox import Toolbox
from storage.errors import UserError


def sample(
    engine: Engine,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    config: RlConfig,
    seed: int,
    groups: Sequence[int],
    draw: int = 0,
    *,
    toolbox: Toolbox,
) -> list[Rollout]:
    """Sample `answers_per_prompt` answers to each task and judge what each says last.

    Args:
        engine: of the policy.
        tokenizer: with conversation tokens.
        tasks: what is asked.
        config: how answers are drawn, and what a call costs.
        seed: of the draws.
        groups: the number of each task within the step, over all processes.
        draw: how often their places had been drawn anew.
        toolbox: answers calls; it may be empty.

    Returns:
        The answers, ordered by task. A text holds calls, outputs and all turns, for people.
    """
    talks = [Conversation(tuple(messages(task)), toolbox.definitions) for task in tasks]
    answers = replies(
        engine,
        tokenizer,
        talks,
        toolbox,
        later=[task.later for task in tasks],
        samples=config.answers_per_prompt,
        most_rounds=config.tool_rounds,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        top_k=config.top_k,
        seed=seed,
    )
    drawn = [
        [
            DrawnAnswer(
                reply.tokens,
                reply.logprobs,
                reply.stopped,
                text=_written(reply, tokenizer),
                said=reply.text,
                drawn=tuple(reply.sampled),
                calls=len(reply.calls),
            )
            for reply in group
        ]
        for group in answers
    ]
    prompts = [prompt(talk, tokenizer) for talk in talks]
    return judged(tasks, prompts, drawn, config, groups, draw)


def room(max_context: int, toolbox: Toolbox, tokenizer: Tokenizer) -> int:
    """How many tokens of a context are left when the tools have been stated.

    Args:
        max_context: of the model.
        toolbox: without tools all are left.
        tokenizer: with conversation tokens.

    Raises:
        UserError: there is no room for a question.
    """
    if not toolbox.tools:
        return max_context
    asked = (user("?"),)
    stated = prompt(Conversation(asked, toolbox.definitions), tokenizer)
    taken = len(stated) - len(prompt(asked, tokenizer))
    if len(stated) >= max_context:
        raise UserError(
            f"rl.tools: what the tools are takes {taken} tokens of the model's context of"
            f" {max_context}: name fewer, or give the base a longer context (`run extend`)"
        )
    return max_context - taken


def _written(reply: ToolReply, tokenizer: Tokenizer) -> str:
    """The answer with its calls and their outputs, without the last stop token."""
    return tokenizer.decode(reply.tokens[:-1] if reply.stopped else reply.tokens)
