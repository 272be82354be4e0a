"""A battle of the arena whose answers come from the server's own inference loops.

Who meets, how they are asked and with which seed is the arena's (pipeline.evals.battles); the
models' threads generate, beside all other requests. So both answers are to the bit those of
`battles.fight` with the same weights in the same precision.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.chat.conversation import Conversation
from pipeline.evals.asking import reply_stops
from pipeline.evals.battles import BattleConfig, Pairing, battle_of, check_room, next_pairing
from pipeline.evals.contender_names import known_as
from pipeline.evals.vote_store import Battle, opened_votes
from pipeline.model.rows import Sampling
from pipeline.serve.api_errors import Unavailable, refused
from pipeline.serve.generation import Generation
from pipeline.serve.loaded_models import LoadedModels, ServedModel
from storage.errors import UserError


async def served_battle(
    models: LoadedModels,
    ids: Sequence[str],
    prompt: Conversation,
    source: str,
    votes: Path,
    rater: str,
    client: str,
    config: BattleConfig,
) -> Battle:
    """A rater's battle: the one that they have in hand, else a new one.

    Args:
        models: on offer.
        ids: of those that may meet.
        prompt: ends where a reply is due.
        source: of it, in words.
        votes: the store.
        rater: who will see it.
        client: whose share of the machine it takes.
        config: how models answer.

    Raises:
        UserError: fewer than two models, or the prompt leaves one of them no room.
        ApiError: a model can't be had just now.
    """
    by_name = {await _name(models, id): id for id in ids}
    begun = await asyncio.to_thread(_begun, votes, list(by_name), rater, config)
    if isinstance(begun, Battle):
        return begun
    pair = [await models.get(by_name[name]) for name in begun.names]
    if tuple(known_as(served.place) for served in pair) != begun.names:
        wait = models.config.retry_after_seconds
        raise Unavailable("a model has just been trained anew: ask again", wait)
    asked = [
        check_room(prompt, served.id, served.tokenizer, served.loop.context) for served in pair
    ]
    answers = await asyncio.gather(
        *(_answer(served, tokens, begun, client) for served, tokens in zip(pair, asked))
    )
    battle = battle_of(begun, prompt, source, answers, pair[0].tokenizer)
    return await asyncio.to_thread(_kept, votes, battle, rater)


async def _name(models: LoadedModels, id: str) -> str:
    """What votes on a model are kept under: its weights' as loaded, else as they would be."""
    if id not in models.sources:
        raise refused(f"the model {id[:100]!r} does not exist", "model", "model_not_found")
    loaded = models.loaded.get(id)
    return known_as(loaded.place if loaded else await asyncio.to_thread(models.sources[id].find))


def _begun(votes: Path, names: Sequence[str], rater: str, config: BattleConfig) -> Battle | Pairing:
    with opened_votes(votes, create=True) as store:
        return store.in_hand(rater) or next_pairing(store, names, rater, config)


def _kept(votes: Path, battle: Battle, rater: str) -> Battle:
    """Of two that a rater asked for at once, in two windows, they have the first."""
    with opened_votes(votes) as store:
        return store.in_hand(rater) or store.begin(battle, rater, time.time())


async def _answer(served: ServedModel, asked: list[int], pairing: Pairing, client: str) -> str:
    config, tokenizer = pairing.config, served.tokenizer
    sampling = Sampling(
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        stop_tokens=reply_stops(tokenizer),
    )
    wanted = Generation(tuple(asked), sampling, seed=pairing.seed, client=client)
    tokens: list[int] = []
    ended = ""
    async for deltas in served.loop.generate(wanted):
        for delta in deltas:
            tokens += delta.tokens
            ended = delta.ended
    if ended not in ("stop", "length"):
        raise UserError(f"{served.id} broke off: ask again")
    return tokenizer.decode(tokens[:-1] if ended == "stop" else tokens)
