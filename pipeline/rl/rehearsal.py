"""Rows of fine-tuning's conversations beside the sampled answers, against forgetting.

A reward says nothing of what it doesn't ask for: small talk, refusals and spelling fade while sums
improve. So a step's loss may have a second part, the mean over the assistant's tokens of some rows
of conversations, times a weight (PPO-ptx of Ouyang et al. 2022, arXiv 2203.02155, with
conversations in the place of pages).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from pipeline.model import Transformer
from pipeline.sft.conversation_loader import ConversationData, encode
from pipeline.sft.train import conversation_rows
from pipeline.tokenizer import Tokenizer
from pipeline.training import next_token
from pipeline.training.config import LoopConfig
from pipeline.training.step import weighted

Term = Callable[[], Tensor]  # gives a summed loss, a scalar []


def given(
    folders: Sequence[Path], rows_per_step: int, context: int, tokenizer: Tokenizer, seed: int
) -> ConversationData | None:
    """The train split of the conversations, packed; None where there is nothing to rehearse.

    Args:
        folders: of whatever has a conversations.parquet.
        rows_per_step: rows of each batch; 0: none.
        context: positions of a row.
        tokenizer: with conversation tokens.
        seed: of the order.

    Raises:
        UserError: no conversation fits the context, or they were made with another tokenizer.
    """
    if not folders or not rows_per_step:
        return None
    rows = [row for row in conversation_rows(folders) if row["split"] == "train"]
    return ConversationData(
        encode(rows, tokenizer), context, rows_per_step, tokenizer.document_token, seed
    )


def terms(
    model: Transformer,
    conversations: ConversationData,
    number: int,
    *,
    weight: float,
    normalizer: float,
    loop: LoopConfig,
) -> list[Term]:
    """The terms that this process adds to a step's loss.

    Args:
        model: the policy.
        conversations: from `given`.
        number: of the batch.
        weight: of the mean over the rows' learned tokens.
        normalizer: what the sum of a step's terms is divided by.
        loop: settings of the loop.
    """
    own = next_token.step_loss(model, conversations.batch(number), loop)
    return weighted(own.terms, weight * normalizer / own.normalizer)
