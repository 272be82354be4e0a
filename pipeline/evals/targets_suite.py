"""Does the model answer as often as it is told to be sure? Facts under stated confidence targets.

In: a model that converses, rows of facts.parquet. Each fact is asked once for each target t, which
the system message states with the fine -t/(1-t) for a wrong answer. Out: how many are answered
(`attempted`) and the mean of what is gained (`penalised_t`), over all classes of facts, each of
which has the same number of them at most:

- `T_new_wordings`: RL's targets in wordings that no stage trains;
- `T_new_target`: targets between RL's, in RL's wordings;
- `T`: RL's targets in RL's wordings.

A model that follows the target answers the less the higher it is. By class of facts the same rows
are suite `targets_by_class`, whose tasks are CLASS/T.
"""

import random
from collections.abc import Sequence

from pipeline.chat.conversation import system, user
from pipeline.curriculum import confidence_targets
from pipeline.curriculum.answer_matching import AnswerType
from pipeline.curriculum.confidence_targets import NEW_TARGETS, TARGETS
from pipeline.evals import honesty
from pipeline.evals.asking import FactRow, Scores, Subject, ask, fits, spread
from pipeline.evals.config import TARGET_CLASSES_SUITE, EvalsConfig
from pipeline.evals.facts_suite import by_class, choose, held_out
from pipeline.evals.honesty_suite import types_of

SUITE = "targets"
NEW_WORDINGS, NEW_TARGET = "_new_wordings", "_new_target"
CASES = (  # what no stage was trained on stands first
    *((target, NEW_WORDINGS) for target in TARGETS),
    *((target, NEW_TARGET) for target in NEW_TARGETS),
    *((target, "") for target in TARGETS),
)


def measure(subject: Subject, facts: Sequence[FactRow], scores: Scores) -> None:
    """Ask, and add the rows.

    Args:
        subject: the model; it has conversation tokens.
        facts: rows of facts.parquet.
        scores: take the rows.
    """
    config = subject.config
    chosen = pick(subject, facts)
    if not chosen:
        return
    said = {case: _messages(len(chosen), *case, config.seed) for case in CASES}
    conversations = [
        [system(text), user(fact["question"])]
        for texts in said.values()
        for text, fact in zip(texts, chosen)
    ]
    replies = ask(subject, conversations, config.max_fact_tokens)
    classes = by_class(chosen, held_out(chosen, config.held_out_fraction))
    kinds: list[AnswerType] = []  # of all replies
    for place, (target, suffix) in enumerate(CASES):
        types = types_of(chosen, replies[place * len(chosen) : (place + 1) * len(chosen)])
        kinds += types
        name = f"{target:g}{suffix}"
        _add(SUITE, name, chosen, types, target, config, scores)
        for kind, of in classes.items():
            mine, theirs = [chosen[i] for i in of], [types[i] for i in of]
            _add(TARGET_CLASSES_SUITE, f"{kind}/{name}", mine, theirs, target, config, scores)
    for i in spread(range(len(replies)), config.samples_per_suite):
        fact = chosen[i % len(chosen)]
        asked = "\n\n".join(message.content for message in conversations[i])
        expected = f"{fact['value']} ({fact['frequency']})"
        scores.sample(SUITE, asked, replies[i].text, expected, kinds[i] == "correct")


def pick(subject: Subject, facts: Sequence[FactRow]) -> list[FactRow]:
    """At most `target_facts` of each class of the facts that suite `facts` asks.

    A fact that leaves no room for an answer under the longest system message is left out.

    Args:
        subject: the model.
        facts: rows of facts.parquet.
    """
    config, tokenizer = subject.config, subject.tokenizer
    texts = {
        text
        for target, suffix in CASES
        for text in confidence_targets.messages(target, new=suffix == NEW_WORDINGS)
    }
    longest = max(sorted(texts), key=lambda text: len(tokenizer.encode(text)))
    chosen = choose(facts, config.facts_per_frequency, config.held_out_fraction, config.seed)
    chosen = [fact for fact in chosen if fits(subject, fact["question"], longest)]
    of_class = by_class(chosen, held_out(chosen, config.held_out_fraction))
    return [chosen[i] for of in of_class.values() for i in spread(of, config.target_facts)]


def _messages(count: int, target: float, suffix: str, seed: int) -> list[str]:
    """A system message for each question, the same for every model."""
    rng = random.Random(f"{seed}:targets:{target:g}{suffix}")
    new = suffix == NEW_WORDINGS
    return [confidence_targets.message(target, rng, new=new) for _ in range(count)]


def _add(
    suite: str,
    task: str,
    facts: Sequence[FactRow],
    types: Sequence[AnswerType],
    target: float,
    config: EvalsConfig,
    scores: Scores,
) -> None:
    gained = honesty.penalised(
        types,
        target,
        groups=[fact["entity"] for fact in facts],
        samples=config.bootstrap_samples,
        seed=config.seed,
    )
    answered = honesty.attempted(types)
    for metric, found in {"attempted": answered, f"penalised_{target:g}": gained}.items():
        scores.add(suite, task, metric, found.value, found.low, found.high, found.n)
