"""From logits to log-probabilities to tokens: the one path that the sampler and the trainer share.

Policy gradients need the trainer's log-probability of a token to be the one it was drawn with,
temperature and truncation included; so both call `kept_scores`. Randomness is a counter-based hash
(SplitMix64), not a stream: a draw depends on (seed, prompt, sample, position) and on nothing else.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def log_probs(
    logits: Tensor,  # [..., vocab]
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
) -> Tensor:  # [..., vocab] float32
    """Log-probabilities of the distribution that is sampled from.

    Tokens are left out by three rules, one after the other; a tie with the last token kept is kept
    as well, so that the result never depends on a sort's order.

    Args:
        logits: the model's.
        temperature: 0 means the greedy choice; its log-probabilities are those at temperature 1.
        top_k: keep so many of the most likely tokens; 0: all.
        top_p: of these the fewest most likely that together have this probability; 1: all
            (nucleus sampling, Holtzman et al. 2020).
        min_p: of these the ones at least `min_p` times as likely as the most likely; 0: all.
    """
    scores = kept_scores(logits, temperature, top_k)
    if top_p < 1.0:
        ordered = scores.sort(dim=-1, descending=True).values
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        last = (before < top_p).sum(-1, keepdim=True) - 1
        scores = scores.masked_fill(scores < ordered.gather(-1, last), float("-inf"))
    if min_p > 0.0:
        least = scores.amax(-1, keepdim=True) + math.log(min_p)
        scores = scores.masked_fill(scores < least, float("-inf"))
    return torch.log_softmax(scores, dim=-1)


def kept_scores(
    logits: Tensor,  # [..., vocab]
    temperature: float = 1.0,
    top_k: int = 0,
) -> Tensor:  # [..., vocab] float32
    """Logits divided by the temperature, -inf for all but the `top_k` most likely tokens."""
    scores = logits.float()
    if temperature not in (0.0, 1.0):
        scores = scores / temperature
    if 0 < top_k < scores.shape[-1]:
        kth = scores.topk(top_k, dim=-1).values[..., -1:]
        scores = scores.masked_fill(scores < kth, float("-inf"))
    return scores


def sample(
    log_probabilities: Tensor,  # [..., vocab]
    uniforms: Tensor,  # [...] in (0, 1)
) -> Tensor:  # [...] int64
    """One token a row: the cumulative distribution inverted at `uniforms`."""
    cumulative = log_probabilities.exp().double().cumsum(dim=-1)
    threshold = uniforms.to(cumulative)[..., None] * cumulative[..., -1:]
    # right=True: the first index whose cumulative weight exceeds the threshold: never weight 0.
    chosen = torch.searchsorted(cumulative, threshold, right=True)[..., 0]
    return chosen.clamp_max(cumulative.shape[-1] - 1)  # past the end only where logits are NaN


def greedy(
    log_probabilities: Tensor,  # [..., vocab]
) -> Tensor:  # [...] int64
    """The most likely token; of equal ones the lowest id."""
    return log_probabilities.argmax(dim=-1)


def row_key(seed: int, prompt: list[int], occurrence: int, sample_index: int) -> int:
    """The 64-bit key to a row's random numbers.

    Made from the prompt's tokens, not its position in the batch, so a prompt gets the same answers
    alone, in a batch or on another rank; `occurrence` tells equal prompts of one batch apart.
    """
    head = f"{seed}:{occurrence}:{sample_index}:".encode()
    body = np.asarray(prompt, dtype="<i8").tobytes()
    return int.from_bytes(hashlib.blake2b(head + body, digest_size=8).digest(), "little")


def uniforms(keys: np.ndarray, positions: np.ndarray | int) -> np.ndarray:
    """Random float64 in (0, 1), one for each (uint64 key, position); the shapes broadcast.

    The upper 32 bits of SplitMix64's output function (Steele et al. 2014).
    """
    with np.errstate(over="ignore"):
        z = keys + (np.asarray(positions).astype(np.uint64) + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(32)).astype(np.float64) + 0.5) / 2.0**32
