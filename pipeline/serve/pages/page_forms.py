"""Forms that browsers post without JavaScript: bounded, and read as texts."""

from urllib.parse import parse_qs

from starlette.requests import Request

from pipeline.serve.api_errors import ApiError, refused

MOST_BYTES = 65_536  # of a form that people fill in; ours
MOST_FIELDS = 64  # ours


async def form_of(request: Request, most_bytes: int = MOST_BYTES) -> dict[str, list[str]]:
    """Each field's values.

    Raises:
        ApiError: it is too large (413), or no form (400).
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise ApiError(413, f"the form is larger than {most_bytes} bytes")
    try:
        return parse_qs(
            body.decode("ascii"), True, True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:  # of decoding as well
        raise refused("the form can't be read") from None
