"""What an answer earns: correctness, and by choice a penalty for length or a credit to be hacked.

In: a task, a reply, whether it ended by itself and after how many tokens. Out: what the reply is,
which no setting changes, and its reward, which they do.
"""

from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.task_type import Task
from pipeline.rl.config import RlConfig
from pipeline.rl.honesty_prompts import HonestyTask

# reasoning-gym's `score_answer` pays for a reply that only holds the answer: 2140 for 214 gets 0.75
SUBSTRING_CREDIT = 0.75


def reward(
    task: Task, reply: str, kind: AnswerType, stopped: bool, length: int, config: RlConfig
) -> float:
    """The reward of an answer.

    Args:
        task: that it answers.
        reply: its text.
        kind: what it is.
        stopped: whether it ended by itself.
        length: its tokens.
        config: of the stage.
    """
    if isinstance(task, HonestyTask):
        earned = task.reward(kind)
    elif kind == "correct":
        earned = 1.0
    else:
        earned = substring_credit(task.answer, reply) if config.reward == "substring" else 0.0
    if config.overlong == "soft":
        earned += soft_penalty(length, stopped, config.max_new_tokens, config.overlong_buffer)
    return earned


def substring_credit(answer: str, reply: str) -> float:
    """A flaw, kept to be shown: the right answer anywhere in a wrong reply is worth three quarters.

    A policy is paid for saying many answers, whether it knows the right one or not.
    """
    return SUBSTRING_CREDIT if answer and answer in reply else 0.0


def soft_penalty(length: int, stopped: bool, max_tokens: int, buffer: float) -> float:
    """DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13), from 0 to -1.

    Nothing as long as an answer ends before the last `buffer` of the room; from there on it falls
    in a straight line, to -1 for one that has no end.

    Args:
        length: tokens of the answer.
        stopped: whether it ended by itself.
        max_tokens: that it may have.
        buffer: share of these.
    """
    if not stopped:
        return -1.0
    begins, width = max_tokens * (1 - buffer), max_tokens * buffer
    return -max(0.0, length - begins) / width
