"""What ends a message: the conversation's own token first, then those that end pages."""

import json
from pathlib import Path

from random_models import byte_tokenizer

from pipeline.chat.conversation import STOP
from pipeline.serve.message_ends import message_ends
from pipeline.tokenizer import Tokenizer


def test_a_conversations_stop_token_comes_first() -> None:
    base = byte_tokenizer()
    assert message_ends(base) == (base.document_token,)
    chat = base.with_conversation_tokens()
    assert message_ends(chat) == (chat.special(STOP), chat.document_token)


def test_a_token_that_ends_both_comes_once(tmp_path: Path) -> None:
    """Other programs' folders say that a conversation's stop token ends everything."""
    byte_tokenizer().with_conversation_tokens().save(tmp_path)
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"normalizer": {"type": "NFC"}}))
    foreign = Tokenizer.load(tmp_path)
    stop = foreign.special(STOP)
    assert stop in foreign.stop_tokens
    assert message_ends(foreign).count(stop) == 1
    assert set(message_ends(foreign)) == set(foreign.stop_tokens)
