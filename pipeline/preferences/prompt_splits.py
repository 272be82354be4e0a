"""Which split a prompt belongs to: one for all wordings of a subject, whatever source it is from.

In: prompts of several sources, of some the subject (an entity, a sum's result). Out: train or
validation, by a hash of the subject alone. A prompt without a subject is split by the first thing
its user says, in any case and spacing, so that the turns of one talk stay together; and one that
is word for word a question on a known subject goes where that subject goes.
"""

from pipeline.chat.conversation import Message
from pipeline.curriculum.held_out import is_validation


class PromptSplits:
    """The split of each prompt; those with a subject must be told first.

    Args:
        fraction: of the subjects, that is the validation split's.
    """

    def __init__(self, fraction: float) -> None:
        self._fraction = fraction
        self._subjects: dict[str, str] = {}

    def learn(self, messages: tuple[Message, ...], subject: str) -> None:
        """Remember what a prompt is about; of one that is about several subjects the first."""
        self._subjects.setdefault(opening(messages), subject)

    def of(self, messages: tuple[Message, ...]) -> str:
        """`train` or `validation`."""
        key = opening(messages)
        subject = self._subjects.get(key, f"question:{key}")
        return "validation" if is_validation(subject, self._fraction) else "train"


def opening(messages: tuple[Message, ...]) -> str:
    """What the user says first, in one case and spacing; "" if no user speaks."""
    said = next((message.content for message in messages if message.role == "user"), "")
    return " ".join(said.casefold().split())
