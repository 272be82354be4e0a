"""A tokenizer for the game alone: all bytes, and a token for each word of its prompts.

The Rust trainer learns the words whole, since nothing else is in its text: roles' names, and the
notation's own words. So a prompt's length depends on the board's size alone.
"""

from tokenizers import pre_tokenizers, trainers

from pipeline.connect_four import notation
from pipeline.connect_four.board import GameBoard
from pipeline.tokenizer import Tokenizer
from pipeline.tokenizer.special import DOCUMENT_TOKEN
from pipeline.tokenizer.tokenizer import untrained

ROLES = ("user", "assistant")
MOST_TOKENS = 1 << 16  # far above what the words of any board need


def game_tokenizer(board: GameBoard, written: str) -> Tokenizer:
    """The tokenizer, with conversation tokens.

    Args:
        board: whose columns are words.
        written: the notation.
    """
    rust = untrained()
    trainer = trainers.BpeTrainer(
        vocab_size=MOST_TOKENS,
        min_frequency=1,
        special_tokens=[DOCUMENT_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    rust.train_from_iterator([*ROLES, *notation.words(board, written)], trainer)
    return Tokenizer(rust).with_conversation_tokens()
