"""Whoever gives out AWS credentials, played on this machine: the ways that need more than two keys.

One HTTP server answers for the token service (STS), for single sign-on, for a container's role and
for a machine's (IMDSv2). Each answer brings new keys, numbered from 1 on, that live `lifetime`
seconds; `refused` says what STS and single sign-on answer instead. `source` sets the variables and
files that a user of this way has, and nothing else.
"""

import contextlib
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore import credentials, tokens

from storage import aws

ROLE = "arn:aws:iam::123456789012:role/reader"
SECRET = "hunter2hunter2"  # in every secret key and token given out
DECIDING = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL_S3"),
)
SOURCES = (
    *("environment", "shared file", "program", "role", "role over a container", "web identity"),
    *("single sign-on", "container", "machine"),
)
RENEWED = SOURCES[2:-1]  # a machine's keys botocore deems good for a while longer


class Account:
    """Start with `with account(folder) as given:`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.lifetime = 3600.0
        self.refused: tuple[int, str] | None = None
        self.asked: list[str] = []  # what was called, in order
        self._lock = threading.Lock()

    def times(self, operation: str) -> int:
        """How often it was called."""
        return self.asked.count(operation)

    def source(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this the one way to credentials that the process has."""
        for variable in DECIDING:
            monkeypatch.delenv(variable, raising=False)
        home = self.folder / name.replace(" ", "-")
        home.mkdir(parents=True, exist_ok=True)
        keys, config = home / "keys", home / "config"
        keys.write_text("")
        config.write_text("")
        settings = {
            "HOME": str(home),
            "AWS_SHARED_CREDENTIALS_FILE": str(keys),
            "AWS_CONFIG_FILE": str(config),
            "AWS_ENDPOINT_URL_STS": f"{self.url}/sts",
            "AWS_ENDPOINT_URL_SSO": f"{self.url}/sso",
            "AWS_EC2_METADATA_DISABLED": str(name != "machine").lower(),
        }
        two = f"aws_access_key_id = fixed\naws_secret_access_key = {SECRET}\n"
        if name == "environment":
            settings |= {"AWS_ACCESS_KEY_ID": "fixed", "AWS_SECRET_ACCESS_KEY": SECRET}
        elif name == "shared file":
            keys.write_text(f"[default]\n{two}")
        elif name == "program":
            program = home / "give.py"
            program.write_text(
                "import urllib.request\n"
                f"print(urllib.request.urlopen('{self.url}/program').read().decode())\n"
            )
            config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
        elif name == "role":
            keys.write_text(f"[base]\n{two}")
            config.write_text(f"[default]\nrole_arn = {ROLE}\nsource_profile = base\n")
        elif name == "role over a container":
            config.write_text(f"[default]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n")
            settings["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{self.url}/container"
        elif name == "web identity":
            (home / "token").write_text(SECRET)
            settings |= {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token")}
        elif name == "single sign-on":
            config.write_text(
                "[default]\nsso_session = work\nsso_account_id = 123456789012\n"
                "sso_role_name = reader\n[sso-session work]\nsso_region = eu-west-1\n"
                "sso_start_url = https://example.com/start\n"
            )
            self.sign_in(home)
        elif name == "container":
            settings["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{self.url}/container"
        elif name == "machine":
            settings["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = self.url
        for variable, value in settings.items():
            monkeypatch.setenv(variable, value)
        # read off HOME when botocore was imported
        cache = str(home / ".aws/sso/cache")
        monkeypatch.setattr(tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", cache)
        monkeypatch.setattr(credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", cache)
        aws._session.cache_clear()

    def sign_in(self, home: Path, seconds: float = 3600) -> None:
        """What `aws sso login` leaves behind."""
        token = {"accessToken": SECRET, "expiresAt": _when(seconds)}
        file = home / ".aws/sso/cache" / f"{hashlib.sha1(b'work').hexdigest()}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(token))

    def answer(self, path: str, body: str) -> tuple[int, str]:
        """Status and body of the answer to a request."""
        where = urlsplit(path).path
        names = {"/program": "program", "/container": "container"}
        if where.strip("/") == "sts":
            operation = parse_qs(body)["Action"][0]
        elif where == "/sso/federation/credentials":
            operation = "GetRoleCredentials"
        elif where.startswith("/latest/"):
            if where.endswith("token"):
                return 200, "a token"
            if where.endswith("credentials/"):
                return 200, "reader"
            operation = "machine"
        else:
            operation = names[where]
        with self._lock:
            self.asked.append(operation)
            number = self.times(operation)
        if self.refused:
            return self.refused[0], _refusal(operation, *self.refused)
        return 200, _given(operation, f"{operation}-{number}", self.lifetime)


def _given(operation: str, key: str, lifetime: float) -> str:
    until = _when(lifetime)
    if operation.startswith("Assume"):
        inner = (
            f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{SECRET}"
            f"</SecretAccessKey><SessionToken>{SECRET}</SessionToken><Expiration>{until}"
            f"</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>"
            f"<Arn>{ROLE}</Arn></AssumedRoleUser>"
        )
        space = "https://sts.amazonaws.com/doc/2011-06-15/"
        return (
            f'<{operation}Response xmlns="{space}"><{operation}Result>{inner}'
            f"</{operation}Result></{operation}Response>"
        )
    if operation == "GetRoleCredentials":
        end = datetime.now(UTC).timestamp() + lifetime
        keys: dict[str, Any] = {"accessKeyId": key, "expiration": int(end * 1000)}
        return json.dumps(
            {"roleCredentials": keys | {"secretAccessKey": SECRET, "sessionToken": SECRET}}
        )
    token = "SessionToken" if operation == "program" else "Token"
    found = {"AccessKeyId": key, "SecretAccessKey": SECRET, token: SECRET, "Expiration": until}
    return json.dumps(found | {"Version": 1, "Code": "Success"})


def _refusal(operation: str, status: int, code: str) -> str:
    if operation.startswith("Assume"):
        return (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>refused</Message></Error></ErrorResponse>"
        )
    return json.dumps({"__type": code, "message": "refused"})


def _when(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def account(folder: Path) -> Iterator[Account]:
    given = Account(folder)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, text = given.answer(self.path, self.rfile.read(length).decode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    given.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield given
    finally:
        server.shutdown()
        server.server_close()
