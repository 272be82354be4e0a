"""A server that speaks OpenAI's API, of whatever make: its models, and answers as they stream.

In: an address, a key. Out: JSON objects as they come. Whatever is wrong there is a `UserError` in
one line. The key is sent in the header and nowhere else, to no host that a redirect names, and no
.netrc is read.
"""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from flows.cli.server_sent_events import OversizedEvent, data_of
from storage.api_address import api_address
from storage.errors import UserError
from storage.redaction import SHORTEST_SECRET, STARS, redact

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 600.0  # without a byte: a large model may read a long prompt first
BLOCK_BYTES = 1 << 16
SAID_CHARACTERS = 300  # of an error message
DONE = "[DONE]"
Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class OpenAIServer:
    """A server.

    Args:
        url: of its API, as `server_url` gives it.
        key: "" = none is sent.
        key_name: the environment variable that the key is from, for messages.
    """

    url: str
    key: str = dataclasses.field(default="", repr=False)
    key_name: str = ""

    def models(self) -> list[str]:
        """The names of its models, in its order; none where it doesn't list them.

        Raises:
            UserError: it can't be reached, or refuses.
        """
        with self._asked("GET", "/models", None, may_be_missing=True) as response:
            if response is None:
                return []
            try:
                listed = json.loads(b"".join(_blocks(response)))["data"]
                return [entry["id"] for entry in listed if isinstance(entry["id"], str)]
            except (ValueError, RecursionError, LookupError, TypeError):
                raise UserError(f"{self.url}/models: no list of models: is this an API?") from None
            except (OSError, urllib3.exceptions.HTTPError) as error:
                raise UserError(f"{self.url}: {_reason(error)}") from None

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Json]:
        """The events of an answer; who has heard enough closes the iterator.

        Args:
            path: below the address, with its slash.
            body: of the request; that it is to be streamed is added.

        Raises:
            UserError: it can't be reached, refuses, or the stream breaks off.
        """
        with self._asked("POST", path, {**body, "stream": True}) as response:
            assert response is not None
            if "text/event-stream" not in response.headers.get("Content-Type", ""):
                raise UserError(f"{self.url}{path}: does not stream")
            try:
                for data in data_of(_blocks(response)):
                    if data.strip() == DONE:
                        return
                    yield self._event(path, data)
            except (OSError, urllib3.exceptions.HTTPError) as error:
                raise UserError(f"{self.url}: the answer broke off: {_reason(error)}") from None
            except OversizedEvent as error:
                raise UserError(f"{self.url}{path}: {error}") from None
        raise UserError(f"{self.url}: the answer broke off before its end")

    def _event(self, path: str, data: str) -> Json:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise UserError(f"{self.url}{path}: an event is no JSON: {self._line(data)}")
        if event.get("error"):
            raise UserError(f"{self.url}: {self._said(event)}")
        return event

    @contextlib.contextmanager
    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None, may_be_missing: bool = False
    ) -> Iterator[requests.Response | None]:
        """A response that is to be read; None where there is no such address, and there may not."""
        with requests.Session() as session:
            try:
                response = session.request(
                    method,
                    self.url + path,
                    json=body,
                    headers={"Accept": "text/event-stream, application/json"},
                    auth=self._authorize,  # with one of our own, none is looked for in .netrc
                    stream=True,
                    timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                    allow_redirects=False,
                )
            except (requests.RequestException, OSError) as error:
                raise UserError(f"{self.url}: {redact(_reason(error))}") from None
            with contextlib.closing(response):
                if may_be_missing and response.status_code in (404, 405):
                    yield None
                    return
                if response.status_code != 200:
                    raise self._refusal(path, response)
                yield response

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.key:
            request.headers["Authorization"] = f"Bearer {self.key}"
        return request

    def _refusal(self, path: str, response: requests.Response) -> UserError:
        """What a status other than 200 means."""
        status = response.status_code
        told = b""
        with contextlib.suppress(OSError, urllib3.exceptions.HTTPError):
            told = response.raw.read(BLOCK_BYTES, decode_content=True)
        try:
            found = json.loads(told)
        except (ValueError, RecursionError):
            found = {}
        said = self._said(found) if isinstance(found, dict) else ""
        if status in (401, 403):
            to_do = "is it right?" if self.key else "name its variable: --api-key-env NAME"
            verb = f"refuses the key in {self.key_name}" if self.key else "asks for a key"
            return UserError(f"{self.url} {verb} ({status}): {to_do}")
        if 300 <= status < 400:
            return UserError(f"{self.url}{path}: moved ({status}): give --url where it is now")
        if status == 404 and not said:
            said = "no such address: does --url end as the server's documentation says (/v1)?"
        if status in (429, 503) and (wait := response.headers.get("Retry-After", "")).isdecimal():
            said = f"{said or 'busy'} (try again in {wait} s)"
        return UserError(f"{self.url}{path}: {status}{f': {said}' if said else ''}")

    def _said(self, found: Json) -> str:
        """The server's own words for what is wrong."""
        error = found.get("error") or found.get("detail") or found.get("message") or ""
        if isinstance(error, dict):
            error = error.get("message") or error
        return self._line(error if isinstance(error, str) else json.dumps(error))

    def _line(self, text: str) -> str:
        """The beginning of a text in one line, without the key."""
        if len(self.key) >= SHORTEST_SECRET:
            text = text.replace(self.key, STARS)
        shown = "".join(c if c.isprintable() else " " for c in text)
        return " ".join(shown.split())[:SAID_CHARACTERS]


def server_url(url: str) -> str:
    """The address of an API as it is asked: with /v1, where no path is given.

    Raises:
        UserError: it is none.
    """
    keys = "keys go by --api-key-env NAME"
    address = api_address(url, "--url", "http://HOST:PORT/v1", keys)
    has_path = bool(urlsplit(address).path)
    for ending in ("/chat/completions", "/completions"):
        address = address.removesuffix(ending)
    return address if has_path else f"{address}/v1"


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes."""
    while block := response.raw.read1(BLOCK_BYTES, decode_content=True):
        yield block


def _reason(error: BaseException) -> str:
    """Why a request came to nothing, in few words: requests and urllib3 wrap it three times."""
    chain = [error]
    while (inner := _wrapped(chain[-1])) is not None:
        chain.append(inner)
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return "nobody answers there (connection refused): is the server running?"
    if any(isinstance(one, TimeoutError) for one in chain):
        return "timed out"
    said = getattr(chain[-1], "strerror", None) or str(chain[-1]) or type(chain[-1]).__name__
    return " ".join(str(said).split())[:SAID_CHARACTERS]


def _wrapped(error: BaseException) -> BaseException | None:
    """The exception that another one is about."""
    given = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
    return next((one for one in given if isinstance(one, BaseException)), None)
