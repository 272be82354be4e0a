"""How far a policy has gone from its reference: KL and chi-squared, estimated or exact.

In: of each answer that the policy drew its log ratio l = log pi(answer) - log ref(answer), a whole
sequence's, pooled over prompts; or the probabilities of all answers there are. Out: plain numbers
in float64. A language model's answers form a tree, so that the divergence of sequences is that of
occupancy measures, which the theorem of `guarantee` speaks of.

    KL(pi || ref)    k1 = mean l      k2 = mean l^2 / 2      k3 = mean (l + e^-l - 1)
    chi2(pi || ref)  exact = mean (e^l - 1)      published = mean [(e^l - 1) + (e^-l - 1)]

E_pi[e^-l] = 1 wherever the policy can say all that the reference can, so that the published form
has the same expectation; but each of its samples is at least 0, which `exact`'s are not.
Source: Laidlaw, Singhal and Dragan, ICLR 2025, and its code; k1 to k3: Schulman 2020.
"""

import dataclasses

import numpy as np

# |l| beyond which both exponentials go on along their tangent, as in the paper's code: one answer
# then counts 22,026 and so much more for each further nat, not e^l.
TANGENT_FROM = 10.0
# Of the samples, at each end: what the trimmed mean leaves out, as in the paper's code for MDPs.
TRIMMED = 0.01


def ratio(log_ratios: np.ndarray) -> np.ndarray:
    """e^l, along its tangent beyond `TANGENT_FROM`."""
    return ratio_slope(log_ratios) * (1.0 + np.maximum(log_ratios - TANGENT_FROM, 0.0))


def excess(log_ratios: np.ndarray) -> np.ndarray:
    """`ratio` less 1, exact where l is tiny."""
    within = np.expm1(np.minimum(log_ratios, TANGENT_FROM))
    found: np.ndarray = np.where(log_ratios > TANGENT_FROM, ratio(log_ratios) - 1.0, within)
    return found


def ratio_slope(log_ratios: np.ndarray) -> np.ndarray:
    """The derivative of `ratio`: e^l, at most e^`TANGENT_FROM`."""
    found: np.ndarray = np.exp(np.minimum(log_ratios, TANGENT_FROM))
    return found


@dataclasses.dataclass(frozen=True)
class Divergences:
    """Estimates from answers that the policy drew."""

    answers: int  # that the estimates are means over
    left_out: int  # answers that the reference can't say at all: l is infinite
    kl_k1: float  # nats, as are the next two
    kl_k2: float
    kl_k3: float
    chi2_published: float
    chi2_exact: float
    chi2_trimmed: float  # `chi2_exact` without 1% of the answers at each end
    clipped: int  # answers with l above `TANGENT_FROM`
    inverse_clipped: int  # … and below minus that
    # (sum of e^-l)^2 / sum of e^-2l: how many answers of the reference these are worth
    effective_answers: float


def estimate(log_ratios: np.ndarray, weights: np.ndarray | None = None) -> Divergences:
    """Divergences by answers of the policy.

    An answer that the reference can't say (l = +infinity, where top-k cuts) is counted and left
    out: with it every divergence is infinite, and no bound speaks of it.

    Args:
        log_ratios: of any shape, nats.
        weights: of each answer, of the same shape: its probability, where these are all answers
            there are. None: they are draws, which count alike. The trimmed mean doesn't use them.

    Raises:
        FloatingPointError: a log ratio is no number.
    """
    every = np.asarray(log_ratios, dtype=np.float64).ravel()
    used = can_be_said(every)
    logs = every[used]
    if not len(logs):
        none = float("nan")
        return Divergences(0, len(every), none, none, none, none, none, none, 0, 0, 0.0)
    shares = np.full(len(logs), 1.0) if weights is None else np.asarray(weights).ravel()[used]
    shares = shares / shares.sum()
    up, down = excess(logs), excess(-logs)
    inverse = np.exp(-logs + logs.min()) * shares
    return Divergences(
        answers=len(logs),
        left_out=len(every) - len(logs),
        kl_k1=float(shares @ logs),
        kl_k2=float(shares @ (logs * logs)) / 2,
        kl_k3=float(shares @ (logs + down)),
        chi2_published=float(shares @ (up + down)),
        chi2_exact=float(shares @ up),
        chi2_trimmed=trimmed_mean(up),
        clipped=int((logs > TANGENT_FROM).sum()),
        inverse_clipped=int((logs < -TANGENT_FROM).sum()),
        effective_answers=float(inverse.sum() ** 2 / (inverse**2 / shares).sum() * len(logs)),
    )


def can_be_said(log_ratios: np.ndarray) -> np.ndarray:
    """Of each answer whether the reference can say it.

    Raises:
        FloatingPointError: a log ratio is no number, or minus infinity: that answer can't have been
            drawn.
    """
    if np.isnan(log_ratios).any() or (log_ratios == -np.inf).any():
        raise FloatingPointError("a log ratio of policy to reference is no number")
    found: np.ndarray = np.isfinite(log_ratios)
    return found


def trimmed_mean(values: np.ndarray, share: float = TRIMMED) -> float:
    """The mean without a share of the values at each end, rounded down to whole values."""
    ordered = np.sort(values.ravel())
    cut = int(len(ordered) * share)
    return float(ordered[cut : len(ordered) - cut].mean())


@dataclasses.dataclass(frozen=True)
class ExactDivergences:
    """Of two policies all of whose answers are known."""

    kl: float  # KL(pi || ref), nats
    forward_kl: float  # KL(ref || pi), nats: what k3 as a loss descends
    chi2: float  # chi2(pi || ref); infinite, as `kl`, where ref can't say what pi says


def exact(policy: np.ndarray, reference: np.ndarray) -> ExactDivergences:
    """Divergences of enumerated policies, means over prompts that are equally likely.

    Args:
        policy: [..., answers] probabilities.
        reference: likewise.
    """
    p, q = np.asarray(policy, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    squares = np.divide(p * p, q, out=np.where(p > 0, np.inf, 0.0), where=q > 0)
    return ExactDivergences(
        _relative_entropy(p, q), _relative_entropy(q, p), float(squares.sum(-1).mean() - 1.0)
    )


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    ratios = np.divide(p, q, out=np.where(p > 0, np.inf, 1.0), where=q > 0)
    terms = np.where(p > 0, p * np.log(np.where(ratios > 0, ratios, 1.0)), 0.0)
    return float(terms.sum(-1).mean())
