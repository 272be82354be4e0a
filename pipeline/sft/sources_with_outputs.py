"""Sources whose conversations hold tools' outputs: calculator and Python, search, passages.

In: facts that pages state, the pages, the conversations of other sources, a config. Out: drafted
conversations. Some are of other sources, with a tool offered that they don't need.
"""

from collections.abc import Iterable, Sequence

from pipeline.curriculum.held_out import is_validation
from pipeline.curriculum.made_up_words import made_up_word
from pipeline.curriculum.planted_instructions import TRAINED_SAYING
from pipeline.sft import (
    passage_questions,
    renamed_passages,
    search_conversations,
    tool_conversations,
    tool_questions,
)
from pipeline.sft.config import ConversationsConfig
from pipeline.sft.drafted import Drafted, source_rng
from pipeline.sft.facts import StatedFact
from pipeline.tools.config import NAMES
from pipeline.tools.named_tools import named

# Sources whose questions no tool answers better than the model does …
WITHOUT_TOOLS = ("facts", "reading", "definitions", "small_talk", "identity")
DIRECT_SUM = "It is 999."  # … and sums that are answered at once, up to so many digits
# Sources whose questions are planted in passages, beside requests to say something.
PLANTED = ("facts", "arithmetic", "spelling")


def from_passages(
    found: Sequence[StatedFact], drafted: Sequence[Drafted], config: ConversationsConfig
) -> list[Drafted]:
    """Questions answered from passages, some of which hold what users ask in other conversations.

    What attackers ask for in tests is among the requests to say something: none of those is planted
    in their wordings.
    """
    rng = source_rng(config, "passages")
    questions = passage_questions.draw(
        found,
        count=config.passages,
        held_out_fraction=config.held_out_fraction,
        held_out=False,
        made_up_values=passage_questions.MADE_UP_VALUES,
        rng=rng,
    )
    asked = [
        item.messages[0].content
        for item in drafted
        if item.source in PLANTED and not item.validation
    ]
    asked += [rng.choice(TRAINED_SAYING).format(text=made_up_word(rng)) for _ in questions]
    talks = passage_questions.conversations(
        questions,
        place=config.passages_in,
        planted_share=config.planted_share,
        instructions=asked,
        rng=rng,
    )
    fraction = config.validation_fraction
    return [
        Drafted("passages", messages, validation=is_validation(subject, fraction))
        for messages, subject in talks
    ]


def searched(
    found: Sequence[StatedFact],
    documents: Iterable[tuple[str, str]],
    drafted: Sequence[Drafted],
    config: ConversationsConfig,
) -> list[Drafted]:
    """Questions on what no page of the corpus says, searched for; and others, answered at once."""
    if not config.search:
        return []
    rng = source_rng(config, "search")
    known = [item for item in drafted if item.source == "facts"]
    unneeded = rng.sample(
        known, min(len(known), round(config.search * config.search_unneeded_share))
    )
    missing = round(config.search * config.search_missing_share)
    stating = renamed_passages.stating(
        found,
        documents,
        characters=config.search_passage_characters,
        held_out_fraction=config.held_out_fraction,
    )
    passages = renamed_passages.renamed(
        stating,
        count=config.search - len(unneeded) - missing,
        held_out_fraction=config.held_out_fraction,
        rng=rng,
    )
    if not passages:
        return []
    asked = search_conversations.questions(
        passages, missing=missing, held_out_fraction=config.held_out_fraction, rng=rng
    )
    talks, definition = search_conversations.searched(
        asked,
        passages,
        passage_characters=config.search_passage_characters,
        found_passages=config.search_passages,
        rng=rng,
    )
    offered = search_conversations.offering([item.messages for item in unneeded], definition)
    fraction = config.validation_fraction
    return [
        *[
            Drafted(
                "search",
                list(talk.messages),
                validation=is_validation(f"entity:{question.borrowed}", fraction),
                tools=talk.tools,
            )
            for question, talk in zip(asked, talks)
        ],
        *[
            item._replace(source="search", tools=talk.tools)
            for item, talk in zip(unneeded, offered)
        ],
    ]


def with_tools(drafted: Sequence[Drafted], config: ConversationsConfig) -> list[Drafted]:
    """Questions that tools answer, and some of the others with tools that aren't needed."""
    if not config.tools:
        return []
    rng = source_rng(config, "tools")
    plain = [item for item in drafted if _needs_no_tool(item)]
    unneeded = rng.sample(plain, min(len(plain), round(config.tools * config.tools_unneeded_share)))
    questions = tool_questions.draw(config.tools - len(unneeded), rng)
    needed_share = 1 - config.tools_unneeded_share
    missing_share = config.tools_missing_share / needed_share if needed_share else 0.0
    with named(NAMES) as toolbox:
        asked = tool_conversations.answered(questions, toolbox, missing_share, rng)
        talks = [item.messages for item in unneeded]
        offered = tool_conversations.offering(talks, toolbox, rng)
    fraction = config.validation_fraction
    return [
        *[
            Drafted(
                "tools",
                list(talk.messages),
                validation=is_validation(question.subject, fraction),
                tools=talk.tools,
            )
            for question, talk in zip(questions, asked)
        ],
        *[item._replace(source="tools", tools=talk.tools) for item, talk in zip(unneeded, offered)],
    ]


def _needs_no_tool(item: Drafted) -> bool:
    """Whether it is answered from what a model knows, or is a sum that is answered at once."""
    if item.source == "arithmetic":
        return len(item.messages[-1].content) <= len(DIRECT_SUM)
    return item.source in WITHOUT_TOOLS
