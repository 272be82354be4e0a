"""What handlers share: `request.app.state.server`."""

import dataclasses

from starlette.requests import Request

from pipeline.serve.config import ServeConfig
from pipeline.serve.loaded_models import LoadedModels
from pipeline.serve.response_store import ResponseStore
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_tools import ServerTools


@dataclasses.dataclass(frozen=True)
class ServerState:
    """Of one application."""

    models: LoadedModels
    config: ServeConfig
    metrics: ServerMetrics
    tools: ServerTools
    responses: ResponseStore


def state_of(request: Request) -> ServerState:
    """The application's."""
    state: ServerState = request.app.state.server
    return state


def client_of(request: Request) -> str:
    """Whose share of the machine a request takes: its key's, else its address's."""
    key: str | None = request.scope.get("crawl2chat.client")
    return key or (request.client.host if request.client else "")
