"""The arena's votes as pairs: JSON lines with a prompt, the chosen and the rejected answer.

The form that TRL and other trainers read, and the `preferences` stage among its files. A tie says
so (`winner`: tie); beside it stand who voted, when, and which models answered.
"""

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.chat.conversation import Message
from pipeline.evals.vote_store import CastVote
from storage.durable import write_atomic

SOURCE = "arena"


def pair_row(cast: CastVote) -> dict[str, Any]:
    """A vote as a row of such a file; of a tie a stands as the chosen one."""
    battle = cast.battle
    chosen, rejected = (battle.b, battle.a) if cast.winner == "b" else (battle.a, battle.b)
    when = datetime.datetime.fromtimestamp(cast.finished, datetime.UTC)
    return {
        "prompt": [_turn(message) for message in battle.prompt.messages],
        "chosen": [{"role": "assistant", "content": chosen.answer}],
        "rejected": [{"role": "assistant", "content": rejected.answer}],
        "winner": "tie" if cast.winner == "tie" else "chosen",
        "source": SOURCE,
        "rater": battle.rater,
        "seconds": cast.seconds,
        "time": when.isoformat(timespec="milliseconds"),
        "chosen_model": chosen.model,
        "rejected_model": rejected.model,
    }


def write_pairs(votes: Sequence[CastVote], path: Path) -> int:
    """Write votes as JSON lines; the number of them. Where an answer is empty there is no pair."""
    rows = [pair_row(cast) for cast in votes if cast.battle.a.answer and cast.battle.b.answer]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    write_atomic(path, "".join(lines).encode("utf-8"))
    return len(rows)


def _turn(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}
