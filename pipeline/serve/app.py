"""The application: routes, limits and the order in which a request passes them."""

import contextlib
from collections.abc import AsyncGenerator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve import (
    api_errors,
    chat_completions,
    completions,
    embeddings,
    model_list,
    operations,
    responses,
    tokenization,
)
from pipeline.serve.answer_headers import AnswerHeaders
from pipeline.serve.body_limits import BodyLimits
from pipeline.serve.browser_origin import OriginCheck
from pipeline.serve.config import ServeConfig
from pipeline.serve.event_stream import CLIENT_GONE, ClientGone
from pipeline.serve.lake_reader import LakeReader
from pipeline.serve.loaded_models import LoadedModels
from pipeline.serve.login_sessions import LoginSessions
from pipeline.serve.pages import page_errors, page_list
from pipeline.serve.people_work import PeopleWork
from pipeline.serve.request_log import RequestLog
from pipeline.serve.response_store import ResponseStore
from pipeline.serve.security import Access, HostCheck, KeyCheck
from pipeline.serve.server_metrics import ServerMetrics
from pipeline.serve.server_state import ServerState
from pipeline.serve.server_tools import ServerTools

ROUTERS = (
    model_list.router,
    completions.router,
    chat_completions.router,
    responses.router,
    embeddings.router,
    tokenization.router,
    operations.router,
    *page_list.ROUTERS,
)
ROUTES = [route for router in ROUTERS for route in router.routes]


def create_app(
    models: LoadedModels,
    config: ServeConfig | None = None,
    access: Access | None = None,
    metrics: ServerMetrics | None = None,
    tools: ServerTools | None = None,
    lake: LakeReader | None = None,
    work: PeopleWork | None = None,
) -> FastAPI:
    """An ASGI application.

    Args:
        models: on offer; its `observe` is best that of `metrics`.
        config: limits.
        access: who may ask; by default this machine alone.
        metrics: where all is counted.
        tools: that the server runs itself, for requests that bring none; closed at the end.
        lake: what the pages show; None: the models alone.
        work: where labels and votes that are given in the pages lie; None: none are.
    """
    limits, who = config or ServeConfig(), access or Access()
    counts = metrics or ServerMetrics()
    counts.watch(models)
    own_tools = tools or ServerTools()
    sessions = LoginSessions()
    kept = ResponseStore(
        limits.max_responses, limits.max_responses_per_client, limits.max_response_bytes
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        yield
        models.close()
        own_tools.close()

    app = FastAPI(
        title="crawl2chat",
        description="OpenAI's API on models that crawl2chat has made",
        version="1",
        # The pages that FastAPI has for it load scripts from another's server.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # As they are: of routers that are included FastAPI tries every one anew for each request.
        routes=ROUTES,
        # Nobody here collects it, and whether somebody does is asked at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.server = ServerState(
        models, limits, counts, own_tools, kept, who.keys, sessions, lake, work
    )
    api_errors.install(app, ROUTES)
    page_list.install(app)
    app.add_exception_handler(ClientGone, _nobody_waits)
    # The last that is added comes first.
    app.add_middleware(BodyLimits, config=limits, paths=_paths_with_bodies())
    app.add_middleware(KeyCheck, keys=who.keys, sessions=sessions)
    app.add_middleware(OriginCheck, origins=who.origins)
    if who.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(who.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["x-request-id", "Retry-After"],
        )
    app.add_middleware(HostCheck, hosts=who.hosts)
    app.add_middleware(AnswerHeaders)
    app.add_middleware(
        RequestLog,
        metrics=counts,
        max_requests=limits.max_requests,
        retry_after_seconds=limits.retry_after_seconds,
        answer_to=page_errors.answer_to,
    )
    return app


def _paths_with_bodies() -> frozenset[str]:
    """Of all routes; what has another method or path is refused before its body is read."""
    return frozenset(
        route.path
        for route in ROUTES
        if isinstance(route, APIRoute) and route.body_field is not None
    )


async def _nobody_waits(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)
