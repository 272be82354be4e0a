"""What the game's artifacts say of the game: board, notation and teacher, in a file beside them."""

import dataclasses
import json
from pathlib import Path

from pipeline.connect_four.board import GameBoard
from pipeline.connect_four.notation import NOTATIONS
from pipeline.connect_four.players import TeacherPlayer
from storage.errors import UserError

FILE = "game.json"


@dataclasses.dataclass(frozen=True)
class GameSettings:
    """Of the games that a model was taught."""

    board: GameBoard
    notation: str
    teacher_depth: int
    teacher_blunder_share: float

    @property
    def teacher(self) -> TeacherPlayer:
        """The player that was imitated."""
        return TeacherPlayer(self.board, self.teacher_depth, self.teacher_blunder_share)

    def save(self, folder: Path) -> None:
        """Write the file into an artifact's folder."""
        text = json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> "GameSettings":
        """Read it.

        Raises:
            UserError: it isn't there, or says something else.
        """
        path = folder / FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            settings = GameSettings(
                GameBoard(**found["board"]),
                found["notation"],
                int(found["teacher_depth"]),
                float(found["teacher_blunder_share"]),
            )
        except FileNotFoundError:
            raise UserError(f"{folder} was taught no game: it has no {FILE}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not what a game's stage writes: {error}") from error
        if settings.notation not in NOTATIONS:
            raise UserError(f"{path}: unknown notation {settings.notation!r}")
        return settings
