"""How hard the regularizer holds: computed from the reference's answers, or as somebody named it.

In: answers of the reference with their rewards and, where it is known, the true reward; or how
often the reward agrees with labelled pairs. Out: the settings of the regularizer, what the proxy is
worth under the reference, and in words where r comes from.
"""

import dataclasses
import math

from pipeline.preferences import guarantee
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.guarantee import ProxyFit
from pipeline.preferences.policy_sample import PolicySample
from pipeline.preferences.regularizers import COMPUTED, RegularizerSettings
from storage.errors import UserError


@dataclasses.dataclass(frozen=True)
class Held:
    """What a run is held by."""

    settings: RegularizerSettings
    fit: ProxyFit  # r is NaN where nothing tells it
    source: str  # of r: "true reward", "validation pairs", "coefficient" or "unknown"


def held_by(config: RlhfConfig, start: PolicySample, agreement: float | None) -> Held:
    """The regularizer's settings.

    Args:
        config: of the stage; its coefficient comes first.
        start: the reference's answers, two at least to a prompt, with the proxy's rewards.
        agreement: of the proxy with labelled pairs, where nobody knows the true reward.

    Raises:
        UserError: a coefficient is to be computed and r isn't known, or isn't positive; or the
            proxy likes all answers alike.
    """
    assert start.proxy is not None
    if start.gold is not None:
        fit = guarantee.fit_within_prompts(start.proxy, start.gold)
        source = "true reward"
    elif agreement is not None:
        fit, source = guarantee.fit_by_agreement(start.proxy, agreement), "validation pairs"
    else:  # an agreement of one half has r = 0
        fit = dataclasses.replace(
            guarantee.fit_by_agreement(start.proxy, 0.5), correlation=math.nan
        )
        source = "unknown"
    computed = config.by_gradient and config.regularizer in COMPUTED
    if computed and not config.coefficient and math.isnan(fit.correlation):
        raise UserError(
            "rlhf.coefficient: nothing tells how well the reward agrees with what people want"
            " (no true reward, no validation pairs), so none can be computed: name one"
        )
    coefficient = config.coefficient or (fit.coefficient if computed else 0.0)
    r = fit.correlation
    if config.coefficient and config.regularizer == "maxmin":
        r = _correlation_of(config.coefficient, fit.proxy_deviation)
        if math.isnan(fit.correlation):
            fit, source = dataclasses.replace(fit, correlation=r), "coefficient"
    settings = RegularizerSettings(coefficient, r, fit.proxy_mean, fit.proxy_deviation)
    return Held(settings, fit, source)


def _correlation_of(coefficient: float, deviation: float) -> float:
    """r of which a coefficient is s sqrt(1 - r^2).

    Raises:
        UserError: there is none.
    """
    if not coefficient < deviation:
        raise UserError(
            f"rlhf.coefficient is {coefficient:g}, and maxmin's is s sqrt(1 - r^2), which is below"
            f" s = {deviation:.4g}, the reward's standard deviation under the reference: name less,"
            " or 0 to have it computed"
        )
    return math.sqrt(1.0 - (coefficient / deviation) ** 2)
