"""What a run of RLHF tells people: r, s and lambda, then the gain beside what was guaranteed.

In: settings and what was measured. Out: lines.
"""

from pipeline.preferences.best_of_n import best_of_n_kl
from pipeline.preferences.config import RlhfConfig
from pipeline.preferences.guarantee import GuaranteedGain
from pipeline.preferences.policy_sample import SampleFigures
from pipeline.preferences.rlhf_coefficient import Held


def before(config: RlhfConfig, held: Held, on_validation: bool) -> list[str]:
    """What holds the policy, and where it comes from.

    Args:
        config: of the stage.
        held: by what.
        on_validation: whether the reference answered prompts of split validation.
    """
    where = "validation prompts" if on_validation else "train prompts before the first update"
    fit = held.fit
    known = {
        "unknown": "the true reward is not known",
        "coefficient": f"r = {fit.correlation:.3f} by the coefficient",
        "validation pairs": f"r = {fit.correlation:.3f} by the validation pairs",
        "true reward": f"r = {fit.correlation:.3f} with the true reward",
    }[held.source]
    lines = [
        f"rlhf: on {fit.answers:,} answers of the reference to {where} the proxy's mean is"
        f" {fit.proxy_mean:.3f}, its standard deviation within prompts {fit.proxy_deviation:.3f};"
        f" {known}"
    ]
    if fit.correlation <= 0:
        lines.append(
            "rlhf: r is not positive: whatever the proxy gains, nothing is guaranteed of the truth"
        )
    if config.by_gradient and config.regularizer != "none":
        how = "as given" if config.coefficient else "computed: s sqrt(1 - r^2)"
        lines.append(
            f"rlhf: {config.regularizer} holds with {held.settings.coefficient:.4g} ({how})"
        )
    if config.method == "best_of_n":
        most = best_of_n_kl(config.answers_per_prompt)
        lines.append(
            f"rlhf: the best of {config.answers_per_prompt} answers is at most {most:.2f} nats"
            " from the reference"
        )
    return lines


def after(
    start: SampleFigures,
    end: SampleFigures,
    gold_gain: tuple[float, float] | None,
    guaranteed: GuaranteedGain | None,
) -> str:
    """What was gained, beside what was guaranteed.

    Args:
        start: the reference's answers.
        end: the policy's.
        gold_gain: in the true reward, and its standard error.
        guaranteed: the least of it.
    """
    said = f"rlhf: KL {end.kl:.3f} nats, chi2 {end.chi2:.3f}"
    if start.proxy is not None and end.proxy is not None:
        said += f", proxy {start.proxy:.3f} to {end.proxy:.3f}"
    if gold_gain is not None:
        said += f", true reward {gold_gain[0]:+.3f} (standard error {gold_gain[1]:.3f})"
        if guaranteed is not None:
            said += f"; guaranteed {guaranteed.tight:+.3f} (Theorem 5.1: {guaranteed.theorem:+.3f})"
    return said
