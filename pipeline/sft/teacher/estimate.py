"""What a teacher will cost before it is asked: requests, tokens, money.

In: the config, and what the newest artifact of the lake has cost, if there is one. Out: for each
figure the one expected and the most that can be. What was measured is taken per request, of the
same models; else a token is taken for four characters, OpenAI's rule of thumb for English, and an
answer for its share of the words that are asked for.
"""

import dataclasses

from pipeline.sft.teacher import prompts
from pipeline.sft.teacher.axes import draw
from pipeline.sft.teacher.budget import NOTHING, Cost, most
from pipeline.sft.teacher.config import TeacherConfig

CHARACTERS_PER_TOKEN = 4
TOKENS_PER_WORD = 2  # JSON around the words included
JUDGEMENT_TOKENS = 80  # 40 words
DRAWS = 100  # of axes, of whose values some are longer than others


@dataclasses.dataclass(frozen=True)
class CostEstimate:
    """Expected, and at most: as bytes bound tokens, and within the caps."""

    expected: Cost
    most: Cost
    measured: bool  # by an earlier run of the same models


def estimate(config: TeacherConfig, spent: Cost = NOTHING) -> CostEstimate:
    """What `config.requests` conversations will cost.

    Args:
        config: of the teacher.
        spent: requests and tokens of an earlier run of the same models; NOTHING: there is none.
    """
    passage = "x" * config.passage_characters
    written = [
        prompts.encoded(prompts.write_request(passage, draw(config, str(number)), config))
        for number in range(DRAWS)
    ]
    judging = prompts.encoded(prompts.judge_request(passage, (), config))
    bounds = [most(body, config.max_answer_tokens) for body in written]
    highest = max(bounds, key=lambda bound: bound.prompt_tokens)
    answer = min(config.max_answer_tokens, config.max_words * TOKENS_PER_WORD)
    mean = sum(map(len, written)) // DRAWS // CHARACTERS_PER_TOKEN
    expected = Cost(1, mean, answer)
    if config.min_score:
        judged = most(judging, config.max_judge_tokens)
        highest += dataclasses.replace(
            judged, prompt_tokens=judged.prompt_tokens + 2 * config.max_answer_tokens
        )
        tokens = min(config.max_judge_tokens, JUDGEMENT_TOKENS)
        expected += Cost(1, len(judging) // CHARACTERS_PER_TOKEN + answer, tokens)
    count = config.requests
    expected, highest = _times(expected, count), _times(highest, count)
    if spent.requests:
        expected = Cost(
            expected.requests,
            round(spent.prompt_tokens * expected.requests / spent.requests),
            round(spent.answer_tokens * expected.requests / spent.requests),
        )
    return CostEstimate(expected, highest, bool(spent.requests))


def _times(cost: Cost, count: int) -> Cost:
    return Cost(cost.requests * count, cost.prompt_tokens * count, cost.answer_tokens * count)
