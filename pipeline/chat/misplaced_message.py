"""The error for a message that is out of turn: which one, for callers that name it otherwise."""

from storage.errors import UserError


class MisplacedMessage(UserError):
    """A message that can't stand where it does.

    Args:
        place: of the message in the conversation, from 0.
        why: what is wrong with it.
    """

    def __init__(self, place: int, why: str) -> None:
        super().__init__(place, why)
        self.place, self.why = place, why

    def __str__(self) -> str:
        return f"message {self.place + 1} of the conversation {self.why}"
