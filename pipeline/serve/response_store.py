"""Responses that later ones go on from (`previous_response_id`), kept in memory within limits.

Each belongs to the client that made it: nobody else reads, continues or deletes it, nor learns that
it exists. The oldest give way, first the client's own, then anybody's. Nothing outlives the server.
"""

import dataclasses
from collections import OrderedDict
from typing import Any

import orjson

from pipeline.chat.messages import Message

OVERHEAD_BYTES = 1_024  # of a kept response beside its texts: objects of Python. Ours


@dataclasses.dataclass(frozen=True)
class KeptResponse:
    """A response, and the conversation with it.

    Args:
        body: as it was sent.
        messages: all that was said so far, the response's own last; without instructions.
    """

    body: dict[str, Any]
    messages: tuple[Message, ...]

    @property
    def bytes(self) -> int:
        """About what it takes."""
        texts = sum(
            len(said.content) + sum(len(call.arguments) for call in said.tool_calls)
            for said in self.messages
        )
        return OVERHEAD_BYTES + len(orjson.dumps(self.body)) + texts


class ResponseStore:
    """What is kept.

    Args:
        most: responses in all.
        most_per_client: of one client.
        most_bytes: of all together.
    """

    def __init__(self, most: int, most_per_client: int, most_bytes: int) -> None:
        self.most, self.most_per_client, self.most_bytes = most, most_per_client, most_bytes
        self.bytes = 0
        self._kept: OrderedDict[str, tuple[str, int, KeptResponse]] = OrderedDict()
        self._of_client: dict[str, OrderedDict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, client: str, response: KeptResponse) -> bool:
        """Keep a response under its id; False: it alone is too large."""
        size = response.bytes
        if size > self.most_bytes:
            return False
        own = self._of_client.get(client)
        if own is not None and len(own) >= self.most_per_client:
            self._drop(next(iter(own)))
        while len(self._kept) >= self.most or self.bytes + size > self.most_bytes:
            self._drop(next(iter(self._kept)))
        id_ = response.body["id"]
        self._kept[id_] = (client, size, response)
        self._of_client.setdefault(client, OrderedDict())[id_] = None
        self.bytes += size
        return True

    def find(self, client: str, id_: str) -> KeptResponse | None:
        """A client's own response."""
        owner, _, found = self._kept.get(id_, ("", 0, None))
        return found if owner == client else None

    def delete(self, client: str, id_: str) -> bool:
        """Forget a client's own response; False: there is none."""
        if self.find(client, id_) is None:
            return False
        self._drop(id_)
        return True

    def _drop(self, id_: str) -> None:
        client, size, _ = self._kept.pop(id_)
        self.bytes -= size
        own = self._of_client[client]
        del own[id_]
        if not own:
            del self._of_client[client]
