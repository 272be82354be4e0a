"""Would the simulated raters like what a model says? The true reward of its replies, held out.

In: what suites `facts`, `arithmetic` and `refusals` asked, the model's replies, and, where one was
trained, the reward model that stands in for the raters. So each model gets the same questions,
whether or not preferences exist yet, and none of them was optimised on: facts of entities that no
conversation asks about, facts that no page states, sums of the evaluation split, requests in
wordings that no stage trains. Out, for each kind of question and all together: the mean gold reward
(pipeline.preferences.taste, points), its parts, and the mean proxy reward. Replies are greedy, as
in every suite; what the optimiser's own samples earn stands in its statistics.

The more often the proxy likes what the gold reward does not, the more it was hacked: both stand in
one table, and the suites beside it say what the reward cost in facts, sums, honesty and refusals.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.chat.conversation import STOP, prompt, user
from pipeline.curriculum.requests_to_refuse import SPLITS
from pipeline.evals.arithmetic_suite import AskedSums
from pipeline.evals.asking import Reply, Scores, Subject, spread
from pipeline.evals.config import EvalsConfig
from pipeline.evals.facts_suite import AskedFacts, by_class
from pipeline.evals.refusals_suite import AskedRequests
from pipeline.intervals import bootstrap_ratio
from pipeline.preferences.preference_prompts import (
    FACT,
    REQUEST,
    UNKNOWN,
    PreferencePrompt,
    prompt_id,
)
from pipeline.preferences.proxy_reward import ProxyReward, load_model_reward
from pipeline.preferences.taste import Qualities, gold_reward, qualities
from pipeline.rl.rollouts import DrawnAnswer
from pipeline.sft.refusals import REFUSALS

SUITE = "preferences"
SUM = "sum"


@dataclasses.dataclass(frozen=True)
class JudgedReply:
    """A reply with what there is to like in it."""

    prompt: PreferencePrompt
    reply: Reply
    qualities: Qualities

    @property
    def gold(self) -> float:
        """The true reward, points."""
        return gold_reward(self.qualities)


Asked = tuple[AskedFacts, AskedSums, AskedRequests]  # what a model was asked, and said


def measure(subject: Subject, asked: Asked, reward_models: Sequence[Path], scores: Scores) -> None:
    """Add the rewards of what was said.

    Args:
        subject: the model.
        asked: what it was asked.
        reward_models: folders of `reward_model` artifacts, if there are any.
        scores: take the rows.
    """
    judged = judge(asked, subject.config.preference_questions)
    report(judged, proxy_rewards(subject, reward_models, judged), subject.config, scores)


def judge(asked: Asked, most: int) -> list[JudgedReply]:
    """What was said to at most so many questions of each kind, judged."""
    facts, sums, requests = asked
    classes = by_class(facts.facts, facts.held_out)
    found: list[tuple[PreferencePrompt, Reply]] = []
    for kind, name in ((FACT, "often"), (UNKNOWN, "never")):
        for i in spread(classes.get(name, []), most):
            fact = facts.facts[i]
            answer = fact["value"] if kind == FACT else ""
            found.append((prompt_of(fact["question"], kind, answer), facts.answers[i]))
    for item, reply in spread(list(zip(sums.asked, sums.replies)), most):
        found.append((prompt_of(item.question, SUM, item.answer), reply))
    new = [i for i, name in enumerate(requests.slices) if name == SPLITS[1]]
    for i in spread(new, most):
        request = requests.requests[i]
        right = tuple(REFUSALS[request.language]) if request.harmful else (request.answer,)
        found.append((prompt_of(request.text, REQUEST, *right), requests.replies[i]))
    return [JudgedReply(p, r, qualities(p, r.text, r.stopped)) for p, r in found]


def prompt_of(question: str, kind: str, *answers: str) -> PreferencePrompt:
    """A question alone in its conversation."""
    messages = (user(question),)
    answer, *aliases = answers or ("",)
    return PreferencePrompt(
        prompt_id(messages), messages, kind, answer, "validation", aliases=tuple(aliases)
    )


def report(
    judged: Sequence[JudgedReply], proxies: Sequence[float], config: EvalsConfig, scores: Scores
) -> None:
    """Add rewards and their parts, by kind of question and all together.

    Args:
        judged: the replies.
        proxies: the reward model's score of each; empty: there is no reward model.
        config: of the intervals.
        scores: take the rows.
    """
    kinds: Mapping[str, list[int]] = {
        "all": list(range(len(judged))),
        **{
            kind: [i for i, item in enumerate(judged) if item.prompt.kind == kind]
            for kind in (FACT, UNKNOWN, SUM, REQUEST)
        },
    }
    for kind, of in kinds.items():
        found = [judged[i].qualities for i in of]
        means = {
            "gold_reward": [judged[i].gold for i in of],
            "grounded": [each.grounded for each in found],
            "words": [float(each.words) for each in found],
            "proxy_reward": [proxies[i] for i in of] if proxies else [],
        }
        for metric, values in means.items():
            if values:
                low, high = bootstrap_ratio(
                    np.array(values), np.ones(len(values)), config.bootstrap_samples, config.seed
                )
                scores.add(SUITE, kind, metric, float(np.mean(values)), low, high, len(values))
        scores.share(SUITE, kind, "right", [each.correct > 0 for each in found])
        scores.share(SUITE, kind, "polite", [each.polite > 0 for each in found])
    for item in spread(list(judged), config.samples_per_suite):
        text = f"{item.reply.text} ({item.gold:+.2f})"
        expected = item.prompt.answer or "I don't know"
        right = item.qualities.correct > 0
        scores.sample(SUITE, item.prompt.question, text, expected, right)


def proxy_rewards(
    subject: Subject, folders: Sequence[Path], judged: Sequence[JudgedReply]
) -> list[float]:
    """The reward models' score of each reply; empty without a model, or of one that can't converse.

    A reply is read as its text encodes, which may differ from the tokens that were drawn.

    Args:
        subject: the model, whose tokenizer the reward models share.
        folders: of the reward models.
        judged: the replies.
    """
    if not folders or not subject.chats or not judged:
        return []
    device, dtype = subject.model.device, subject.model.compute_dtype
    reward: ProxyReward = load_model_reward(folders, subject.tokenizer, device, dtype)
    answers = [[_drawn(subject, item)] for item in judged]
    found: list[float] = reward([item.prompt for item in judged], answers)[:, 0].tolist()
    return found


def _drawn(subject: Subject, item: JudgedReply) -> DrawnAnswer:
    """A reply as an answer; bytes that were no text encode longer, and may leave the context."""
    tokenizer, reply = subject.tokenizer, item.reply
    tokens = [*tokenizer.encode(reply.text), *[tokenizer.special(STOP)] * reply.stopped]
    room = subject.model.config.max_context - len(prompt(item.prompt.conversation, tokenizer))
    stopped = reply.stopped and len(tokens) <= room
    return DrawnAnswer(tokens, [0.0] * len(tokens), stopped, reply.text, reply.text)
