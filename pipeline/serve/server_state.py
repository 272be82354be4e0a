"""What handlers share: `request.app.state.server`."""

import dataclasses
from collections.abc import Mapping

from starlette.requests import Request

from pipeline.serve.config import ServeConfig
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.loaded_models import LoadedModels
from pipeline.serve.login_sessions import LoginSessions
from pipeline.serve.people_work import PeopleWork
from pipeline.serve.response_store import ResponseStore
from pipeline.serve.security import key_digest, known
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_tools import ServerTools

TOKENS = "crawl2chat.tokens"  # in the scope: what is known of the request's size


@dataclasses.dataclass(frozen=True)
class ServerState:
    """Of one application."""

    models: LoadedModels
    config: ServeConfig
    metrics: ServerMetrics
    tools: ServerTools
    responses: ResponseStore
    keys: tuple[bytes, ...] = ()  # SHA-256 of each; none: anybody may ask
    sessions: LoginSessions = dataclasses.field(default_factory=LoginSessions)
    lake: LakeReader | None = None  # for the pages
    work: PeopleWork | None = None  # likewise

    @property
    def asks_for_key(self) -> bool:
        """Whether who asks needs a key."""
        return bool(self.keys)

    def log_in(self, key: str) -> str | None:
        """The token of a new session; None: the key is unknown."""
        digest = key_digest(key)
        return self.sessions.open(digest) if known(digest, self.keys) else None


def state_of(request: Request) -> ServerState:
    """The application's."""
    state: ServerState = request.app.state.server
    return state


def client_of(request: Request) -> str:
    """Whose share of the machine a request takes: its key's, else its address's."""
    key: str | None = request.scope.get("crawl2chat.client")
    return key or (request.client.host if request.client else "")


def note_tokens(request: Request, usage: Mapping[str, int]) -> None:
    """Let the request's line in the log say how many tokens it read and got."""
    request.scope[TOKENS] = {name: usage[name] for name in ("prompt_tokens", "completion_tokens")}
