"""Does a reply end by itself? A valid turn ends with the stop token within the token limit.

In: the model and questions of the other suites. A chat model must end its turn with `<|im_end|>`. A
base model has no such token: it gets the plain text "user: …", "assistant:" and its turn counts as
valid if the page ends there (`<|endoftext|>`) in time. Prompts are of kinds that fine-tuning shows
(familiar) and requests that it never does (unfamiliar, `requests`), a quarter of them after an
earlier turn. No two are the same: greedy answers to one prompt are one case, however often counted.
"""

import random
from collections.abc import Sequence

from pipeline.chat.conversation import Message, assistant, user
from pipeline.curriculum.tasks import spelling_task, sum_task
from pipeline.evals.asking import Reply, Scores, Subject, ask, complete, spread
from pipeline.evals.requests import UNFAMILIAR
from pipeline.sft import identity, small_talk

HELLO = (user("Hello!"), assistant("Hello! What can I do for you?"))
AFTER_HELLO_SHARE = 0.25  # of the prompts


def prompts(questions: Sequence[str], count: int, seed: int) -> list[tuple[bool, list[Message]]]:
    """Different conversations that end with the user's turn, half of them familiar.

    Args:
        questions: of the other suites: fine-tuning shows their kind.
        count: how many are wanted; fewer if there are no more.
        seed: of the draw.

    Returns:
        Whether it is familiar, and the conversation.
    """
    rng = random.Random(f"{seed}:turns")
    openings = [opening for group, _ in small_talk.EXCHANGES for opening in group]
    pools = [
        openings,
        list(identity.QUESTIONS),
        [sum_task(1 + n % 5, "evaluation", rng).prompt for n in range(30)],
        [spelling_task("evaluation", rng).prompt for _ in range(30)],
        *([list(questions)] if questions else []),
    ]
    familiar = [(True, turns) for turns in _draw(pools, count - count // 2, rng)]
    unfamiliar = [(False, turns) for turns in _draw([UNFAMILIAR], count // 2, rng)]
    return [*familiar, *unfamiliar]


def _draw(pools: Sequence[Sequence[str]], count: int, rng: random.Random) -> list[list[Message]]:
    """Conversations from every pool, equally often as long as they last.

    A pool that is used up is used once more: after an earlier turn, or without one.
    """
    drawn: list[list[Message]] = []
    queues = []
    for pool in pools:
        asked = [(text, rng.random() < AFTER_HELLO_SHARE) for text in dict.fromkeys(pool)]
        rng.shuffle(asked)
        queues.append([*asked, *((text, not after) for text, after in asked)])
    while len(drawn) < count and any(queues):
        for queue in queues:
            if queue and len(drawn) < count:
                text, after = queue.pop(0)
                drawn.append([*HELLO, user(text)] if after else [user(text)])
    return drawn


def measure(subject: Subject, questions: Sequence[str], scores: Scores) -> None:
    """Add the shares of valid turns."""
    config = subject.config
    asked = prompts(questions, config.turns, config.seed)
    conversations = [messages for _, messages in asked]
    replies = _replies(subject, conversations)
    valid = [reply.stopped for reply in replies]
    for name, wanted in (("unfamiliar", False), ("familiar", True)):
        part = [ok for ok, (familiar, _) in zip(valid, asked) if familiar == wanted]
        scores.share("turns", name, "valid_turns", part)
    scores.share("turns", "all", "valid_turns", valid)
    for i in spread(range(len(asked)), config.samples_per_suite):
        scores.sample("turns", conversations[i][-1].content, replies[i].text, "", valid[i])


def _replies(subject: Subject, conversations: list[list[Message]]) -> list[Reply]:
    limit = subject.config.max_new_tokens
    if subject.chats:
        return ask(subject, conversations, limit)
    pages = [
        "".join(f"{m.role}: {m.content}\n" for m in messages) + "assistant:"
        for messages in conversations
    ]
    return complete(subject, pages, limit)
