"""Scripts and style sheets: read once, served by name, so that no path of a request is opened."""

import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.serve.api_errors import ApiError

FOLDER = Path(__file__).with_name("static")
PREFIX = "/static/"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


class StaticFile(NamedTuple):
    """One of them."""

    content: bytes
    type: str
    tag: str  # changes with the content


def _read(file: Path) -> StaticFile:
    content = file.read_bytes()
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "text/plain"
    return StaticFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


FILES = {
    file.relative_to(FOLDER).as_posix(): _read(file)
    for file in sorted(FOLDER.rglob("*"))
    if file.suffix in TYPES
}


@router.get(PREFIX + "{name:path}")
async def static(name: str, request: Request) -> Response:
    """A file; 304 if the browser has it already."""
    if (file := FILES.get(name)) is None:
        raise ApiError(404, "there is no such file")
    headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.type)
