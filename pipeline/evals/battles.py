"""The arena's next battle: which two models, on what prompt, their answers, and who stands first.

Pairs are chosen to even out how often each has met, so that every rating is about equally sure; who
stands first is drawn. Both models answer with the same settings and the same seed. A model that
converses is asked in a conversation; a base model continues a page, as the evaluation suites ask
it. Lengths are counted by one tokenizer for both answers.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from pipeline import ranges
from pipeline.chat.conversation import Conversation, from_row
from pipeline.evals.asking import Subject, ask, asked_tokens
from pipeline.evals.config import EvalsConfig
from pipeline.evals.vote_store import Battle, Contender, VoteStore, prompt_key
from pipeline.labels.mixing import draw
from pipeline.model import Transformer
from pipeline.tokenizer import Tokenizer
from storage.errors import UserError

SEEDS = 2**31  # a battle's own seed is below


@dataclasses.dataclass(frozen=True)
class BattleConfig:
    """How models answer and who meets."""

    max_new_tokens: int = 128
    temperature: float = 1.0  # as the models are; at 0 each has one answer to a prompt
    seed: int = 0  # of answers, pairs that are level, and sides

    def __post_init__(self) -> None:
        ranges.check(self, above_zero="max_new_tokens")


@dataclasses.dataclass(frozen=True)
class Entrant:
    """A model in the arena."""

    name: str  # what votes are kept under: the weights', not only the stage's
    model: Transformer
    tokenizer: Tokenizer


def next_pair(
    names: Sequence[str], counts: Mapping[tuple[str, str], int], number: int, seed: int
) -> tuple[str, str]:
    """The two that have met least; among several such pairs one is drawn.

    Args:
        names: of the models, at least two.
        counts: how often two have met, names in order.
        number: of the battle, which the draw depends on.
        seed: likewise.
    """
    pairs = list(itertools.combinations(sorted(set(names)), 2))
    if not pairs:
        raise UserError("the arena needs two models or more: --models A B")
    return min(pairs, key=lambda pair: (counts.get(pair, 0), draw(seed, "pair", number, *pair)))


def next_prompt(prompts: Sequence[Conversation], counts: Mapping[str, int]) -> Conversation:
    """The first of those that the rater has seen least often."""
    return min(prompts, key=lambda prompt: counts.get(prompt_key(prompt), 0))


@dataclasses.dataclass(frozen=True)
class Pairing:
    """What is drawn before anybody answers."""

    names: tuple[str, str]  # a and b, in order
    first: str  # which is shown first: a or b
    seed: int  # of both answers
    config: BattleConfig

    @property
    def sampling(self) -> dict[str, float]:
        """How both answer, as it is recorded."""
        config = self.config
        return {
            "max_new_tokens": config.max_new_tokens,
            "temperature": config.temperature,
            "seed": self.seed,
        }


def next_pairing(
    store: VoteStore, names: Sequence[str], rater: str, config: BattleConfig
) -> Pairing:
    """Who meets next, for a rater.

    Args:
        store: which pairs have met.
        names: of the models.
        rater: who will see it.
        config: how they answer.
    """
    number = store.count()
    return Pairing(
        next_pair(names, store.pair_counts(), number, config.seed),
        "a" if draw(config.seed, "side", number, rater) < 0.5 else "b",
        int(draw(config.seed, "answers", number, rater) * SEEDS),
        config,
    )


def check_room(prompt: Conversation, name: str, tokenizer: Tokenizer, context: int) -> list[int]:
    """The prompt as a model is asked it.

    Args:
        prompt: ends where a reply is due.
        name: of the model.
        tokenizer: its own.
        context: its tokens.

    Raises:
        UserError: it leaves the model's context no room, or offers tools.
    """
    if prompt.tools:
        raise UserError("the arena compares texts: a prompt that offers tools is none for it")
    ids = asked_tokens(prompt.messages, tokenizer)
    if len(ids) >= context:
        raise UserError(f"this prompt leaves the context of {name} no room for an answer")
    return ids


def battle_of(
    pairing: Pairing, prompt: Conversation, source: str, answers: Sequence[str], counting: Tokenizer
) -> Battle:
    """The battle that a pairing has become.

    Args:
        pairing: that was drawn.
        prompt: that was asked.
        source: of it, in words.
        answers: of both, in the pairing's order.
        counting: the tokenizer of its first model: so a pair's lengths are always counted alike.
    """
    texts = [text.strip() for text in answers]
    a, b = (
        Contender(name, text, len(counting.encode(text)))
        for name, text in zip(pairing.names, texts)
    )
    return Battle(prompt, source, a, b, pairing.first, dict(pairing.sampling))


def fight(
    store: VoteStore,
    entrants: Sequence[Entrant],
    prompt: Conversation,
    source: str,
    rater: str,
    config: BattleConfig,
    now: float,
) -> Battle:
    """A new battle on a prompt, in the rater's hands.

    Args:
        store: where it is written down, and which pairs have met.
        entrants: the models, under different names.
        prompt: ends where a reply is due.
        source: of the prompt, in words.
        rater: who will see it.
        config: how they answer.
        now: seconds since the epoch.

    Returns:
        The battle; one that is `alike` is not in the rater's hands.

    Raises:
        UserError: the prompt leaves a model's context no room, or offers tools.
    """
    by_name = {entrant.name: entrant for entrant in entrants}
    pairing = next_pairing(store, list(by_name), rater, config)
    settings = EvalsConfig(temperature=config.temperature, seed=pairing.seed)
    answers = []
    for one in (by_name[name] for name in pairing.names):
        check_room(prompt, one.name, one.tokenizer, one.model.config.max_context)
        subject = Subject(one.model, one.tokenizer, settings)
        (reply,) = ask(subject, [prompt.messages], config.max_new_tokens)
        answers.append(reply.text)
    counting = by_name[pairing.names[0]].tokenizer
    return store.begin(battle_of(pairing, prompt, source, answers, counting), rater, now)


def held_out_prompts(path: Path) -> list[Conversation]:
    """The last questions of a conversations table's validation split, each once.

    Args:
        path: of conversations.parquet.
    """
    found: dict[str, Conversation] = {}
    for row in pq.read_table(path, filters=[("split", "!=", "train")]).to_pylist():
        talk = from_row(row)
        last = talk.messages[-1]
        if last.role != "assistant" or last.tool_calls or talk.tools:
            continue
        prompt = Conversation(talk.messages[:-1])
        found.setdefault(prompt_key(prompt), prompt)
    return list(_shuffled(found))


def _shuffled(found: Mapping[str, Conversation]) -> Iterable[Conversation]:
    """In an order that no kind of prompt is first in, the same each time."""
    return (found[key] for key in sorted(found, key=lambda key: draw("held out", key)))
