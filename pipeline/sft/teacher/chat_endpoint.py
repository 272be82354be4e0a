"""One request to an endpoint that speaks OpenAI's chat completions, and how it can end.

In: a body. Out: a `ChatAnswer`. What may go better a moment later raises `Unanswered`; what
concerns all requests (a refused key, no credit, a wrong address) is a `UserError`; what concerns
this one (a content filter's 400) is an answer with a `problem`. The key is sent in the header and
nowhere else: it is taken out of whatever the server says. Redirects are not followed, so no other
host gets it. By the standard library alone: `pipeline.sft` runs on a bare machine.
"""

import dataclasses
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from pipeline.sft.teacher.config import EndpointConfig
from storage.api_address import api_address
from storage.backoff import asked_seconds
from storage.errors import UserError
from storage.redaction import SHORTEST_SECRET, STARS, TEACHER_KEY

URL = "CRAWL2CHAT_TEACHER_URL"
LATER = (408, 409, 425, 429)  # besides every 5xx: OpenAI's own clients try these again
NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")
USER_AGENT = "crawl2chat"
BLOCK_BYTES = 1 << 16
SAID_CHARACTERS = 200  # of an error message
MOST_TOKENS = 10**9  # of one answer: more is no count


class Unanswered(ConnectionError):
    """No answer that can be used; another try may get one.

    Args:
        message: one line.
        retry_after: seconds that the server asks for.
        slow_down: whether it asks all to slow down.
        sent: whether it got the request and said nothing of a failure, so that it may be billed.
        spoke: whether something came back whole that is no chat completion.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        slow_down: bool = False,
        sent: bool = False,
        spoke: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after, self.slow_down, self.sent = retry_after, slow_down, sent
        self.spoke = spoke


@dataclasses.dataclass(frozen=True)
class ChatAnswer:
    """What a model said, or why there is nothing to read."""

    content: str = ""
    problem: str = ""  # refused, cut, too_large, no_completion; "" = none
    detail: str = ""  # of a problem, in one line
    prompt_tokens: int = -1  # as billed; -1: the endpoint does not say
    answer_tokens: int = -1
    paid: bool = True  # whether it may be billed, and so is kept for good


class ChatEndpoint:
    """An endpoint; threads may share it.

    Args:
        url: up to and without /chat/completions.
        key: "" = none is sent.
        config: timeouts and limits.
    """

    def __init__(self, url: str, key: str, config: EndpointConfig) -> None:
        self.url, self.config = checked_url(url), config
        self._key = key.strip()
        if not (self._key.isascii() and self._key.isprintable()) or " " in self._key:
            raise UserError(f"{TEACHER_KEY}: holds characters that are in no key")
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
        ):
            self._opener.add_handler(handler)

    @classmethod
    def of(cls, config: EndpointConfig) -> "ChatEndpoint":
        """The endpoint of the settings and of the environment."""
        return cls(url_of(config), os.environ.get(TEACHER_KEY, ""), config)

    def ask(self, body: bytes, name: str) -> ChatAnswer:
        """One try.

        Args:
            body: JSON.
            name: of the request, the same for every try: endpoints that know Idempotency-Key bill
                a repeated one once.

        Raises:
            Unanswered: another try may go well.
            UserError: no request will.
        """
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "Idempotency-Key": name,
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(  # noqa: S310 - checked_url knows http and https alone
            f"{self.url}/chat/completions", body, headers, method="POST"
        )
        started = time.monotonic()
        try:
            response = self._opener.open(request, timeout=self.config.timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                raised = self._refusal(error)
            if isinstance(raised, ChatAnswer):
                return raised
            raise raised from None
        except urllib.error.URLError as error:  # before all of the request was sent
            raise self._unreached(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{self.url}: {_words(error)}", sent=True) from None
        assert response is not None
        with response:
            raw = self._read(response, started)
        return raw if isinstance(raw, ChatAnswer) else self._completion(raw)

    def _read(self, response: http.client.HTTPResponse, started: float) -> bytes | ChatAnswer:
        """The whole body."""
        config = self.config
        length = response.headers.get("Content-Length", "")
        expected = int(length) if length.isascii() and length.isdecimal() else None
        received = bytearray()
        while expected is None or len(received) < expected:
            try:
                block = response.read1(BLOCK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                where = f"after {len(received):,} bytes"
                raise Unanswered(f"{self.url}: {where}: {_words(error)}", sent=True) from None
            if not block:
                break
            received += block
            if len(received) > config.max_answer_bytes:
                most = f"more than {config.max_answer_bytes:,} bytes"
                return ChatAnswer(problem="too_large", detail=most)
            if time.monotonic() - started > config.max_answer_seconds:
                most = f"no whole answer in {config.max_answer_seconds:.0f} s"
                raise Unanswered(f"{self.url}: {most}", sent=True)
        if expected is not None and len(received) < expected:
            where = f"cut off after {len(received):,} of {expected:,} bytes"
            raise Unanswered(f"{self.url}: {where}", sent=True)
        return bytes(received)

    def _completion(self, raw: bytes) -> ChatAnswer:
        """The answer in a body."""
        text = self._clean(raw.decode("utf-8", "replace"))
        try:
            data = json.loads(text)
            choice = data["choices"][0]
            message = choice["message"]
            content, refusal = message.get("content"), message.get("refusal")
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            said = f": {_line(text)}" if text.strip() else ""
            raise Unanswered(
                f"{self.url}: no chat completion{said}", sent=True, spoke=True
            ) from None
        usage = data.get("usage")
        billed = usage if isinstance(usage, dict) else {}
        prompt, answered = (
            _count(billed.get(name)) for name in ("prompt_tokens", "completion_tokens")
        )
        problem, detail = "", ""
        if choice.get("finish_reason") == "length":
            problem, detail = "cut", "longer than the tokens that it may have"
        elif choice.get("finish_reason") == "content_filter" or refusal:
            problem, detail = "declined", _line(refusal) if isinstance(refusal, str) else ""
        said = content if isinstance(content, str) else ""
        return ChatAnswer(said, problem, detail, prompt, answered)

    def _refusal(self, error: urllib.error.HTTPError) -> ChatAnswer | Exception:
        """What a status other than 200 means."""
        status, where = error.code, f"{self.url}/chat/completions"
        message, code = self._said(error)
        said = f": {message}" if message else ""
        if status in (401, 403):
            to_do = f"set {TEACHER_KEY}, or teacher.endpoint.key_block to a Secret block of Prefect"
            verb = "refuses the key" if self._key else "asks for a key"
            return UserError(f"{self.url} {verb} ({status}): {to_do}")
        if status == 402 or code in NO_CREDIT:
            return UserError(f"{self.url}: the account has no credit left ({status}){said}")
        if 300 <= status < 400:
            return UserError(f"{where}: moved ({status}): set {URL} to where it is now")
        if status in (404, 405):
            return UserError(f"{where}: {status}, no such address or model{said}")
        if status in LATER or status >= 500:
            asked = asked_seconds(error.headers.get("Retry-After", ""))
            slow = status in (429, 503)
            return Unanswered(f"{where}: {status}{said}", retry_after=asked, slow_down=slow)
        return ChatAnswer(problem="refused", detail=f"{status}{said}", paid=False)

    def _said(self, error: urllib.error.HTTPError) -> tuple[str, str]:
        """The server's own words, and its code for what is wrong."""
        try:
            text = self._clean(error.read(BLOCK_BYTES).decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException):
            return "", ""
        try:
            told = json.loads(text)["error"]
            return _line(str(told["message"])), str(told.get("code"))
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return ("" if text.lstrip().startswith("<") else _line(text)), ""

    def _unreached(self, reason: Any) -> Exception:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return UserError(f"{self.url}: its certificate is not trusted: {reason.verify_message}")
        return Unanswered(f"{self.url}: {_words(reason)}")

    def _clean(self, text: str) -> str:
        """What the server said, without the key (which a mock's `EMPTY` is not)."""
        return text.replace(self._key, STARS) if len(self._key) >= SHORTEST_SECRET else text


def url_of(config: EndpointConfig) -> str:
    """The endpoint's address by settings and environment.

    Raises:
        UserError: there is none, or nothing can be asked there.
    """
    url = config.base_url or os.environ.get(URL, "")
    if not url:
        raise UserError(
            f"teacher: no endpoint: set {URL} (or teacher.endpoint.base_url) to an address such as"
            " https://HOST/v1"
        )
    return checked_url(url)


def checked_url(url: str) -> str:
    """The address without its last slash; UserError where it is none."""
    address = api_address(url, URL, "https://HOST/v1", f"the key is {TEACHER_KEY}")
    return address.removesuffix("/chat/completions")


def _count(value: Any) -> int:
    """A count of tokens; -1 for what is none."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if fits else -1


def _line(text: str) -> str:
    """The beginning of a text, in one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SAID_CHARACTERS]


def _words(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, http.client.IncompleteRead):
        return f"cut off after {len(error.partial):,} bytes"
    return _line(str(getattr(error, "strerror", None) or error)) or type(error).__name__
