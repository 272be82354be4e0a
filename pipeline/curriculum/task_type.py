"""A task: a question with one right answer that a few lines of code can check; or several turns."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Task:
    """A question with one right answer."""

    prompt: str
    answer: str
    kind: str  # of pipeline.curriculum.task_kinds; of pipeline.rl.honesty_prompts honesty
    digits: int  # of the longer operand; letters of the word; 0 of what is neither
    system: str = ""  # the system message before the question; "": none
    level: int = 0  # of the kind's dial, from 1; 0 where it has none
    # what is asked, whatever the wording: what it is split by; "" where it has no splits
    problem: str = ""
    solution: str = ""  # worked in small steps, ends with the answer; "" where none is made
    # what the user says after each reply, whatever it was; the last reply is the one that is judged
    later: tuple[str, ...] = ()
