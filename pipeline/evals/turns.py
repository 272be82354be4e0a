"""Does a reply end by itself? A valid turn ends with the stop token within the token limit.

In: the model and questions of the other suites. A chat model must end its turn with `<|im_end|>`. A
base model has no such token: it gets the plain text "user: …", "assistant:" and its turn counts as
valid if the page ends there (`<|endoftext|>`) in time. Prompts are of kinds that fine-tuning shows
(familiar) and requests that it never does (unfamiliar), alone and after earlier turns.
"""

import random
from collections.abc import Sequence

from pipeline.chat.conversation import Message, assistant, user
from pipeline.evals.asking import Reply, Scores, Subject, ask, complete, spread
from pipeline.rl.tasks import spelling_task, sum_task
from pipeline.sft import identity, small_talk

UNFAMILIAR = (
    "Write a poem about the sea.",
    "Why is the sky blue?",
    "What should I cook tonight?",
    "Give me three reasons to go for a walk.",
    "How do I mend a broken chair?",
    "What is the difference between a lake and a pond?",
    "Explain how a mill works.",
    "I feel tired today.",
    "My brother bought a new boat yesterday.",
    "Is it better to travel by train or by ship?",
    "What comes after Wednesday?",
    "Name a colour.",
    "Which animal is the fastest?",
    "Please write a short letter to my aunt.",
    "Do you like music?",
    "How many days are there in a week?",
    "Is 7 larger than 12?",
    "What is 12 times 4?",
    "Take 5 from 19.",
    "Count from one to five.",
    "Say something nice.",
    "Can you repeat that?",
    "Where should I spend my holidays?",
    "Describe a market on a Saturday morning.",
    "What do bakers do?",
    "asdf qwer",
    "???",
    "42",
    "Tell me a story about a dog and a lighthouse.",
    "Translate good night into French.",
)
HELLO = (user("Hello!"), assistant("Hello! What can I do for you?"))


def prompts(questions: Sequence[str], count: int, seed: int) -> list[tuple[bool, list[Message]]]:
    """(familiar, conversation that ends with the user's turn), half of them familiar."""
    rng = random.Random(f"{seed}:turns")
    openings = [opening for group, _ in small_talk.EXCHANGES for opening in group]
    pools = [
        openings,
        list(identity.QUESTIONS),
        [sum_task(1 + n % 5, "evaluation", rng).prompt for n in range(30)],
        [spelling_task("evaluation", rng).prompt for _ in range(30)],
        *([list(questions)] if questions else []),
    ]
    made: list[tuple[bool, list[Message]]] = []
    for number in range(count):
        familiar = number % 2 == 0
        pool = pools[number // 2 % len(pools)] if familiar else UNFAMILIAR
        turn = user(rng.choice(pool))
        made.append((familiar, [*HELLO, turn] if rng.random() < 0.25 else [turn]))
    return made


def measure(subject: Subject, questions: Sequence[str], scores: Scores) -> None:
    """Shares of valid turns."""
    config = subject.config
    asked = prompts(questions, config.turns, config.seed)
    conversations = [messages for _, messages in asked]
    replies = _replies(subject, conversations)
    valid = [reply.stopped for reply in replies]
    scores.share("turns", "all", "valid_turns", valid)
    for name, wanted in (("familiar", True), ("unfamiliar", False)):
        part = [ok for ok, (familiar, _) in zip(valid, asked) if familiar == wanted]
        scores.share("turns", name, "valid_turns", part)
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
