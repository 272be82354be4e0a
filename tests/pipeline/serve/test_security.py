"""Who is let in: keys, hosts, origins; and what of a key file is refused before anything starts."""

import asyncio
import hmac
from pathlib import Path
from typing import Any

import pytest
from model_server import asking, make_served

from pipeline.serve import security
from pipeline.serve.security import KEY_VARIABLE, access, is_loopback, read_keys
from storage.errors import UserError

KEY = "sk-0123456789abcdef"


def keyed(folder: Path, keys: str = KEY, **more: Any) -> Any:
    return make_served(folder, access=access("127.0.0.1", environment={KEY_VARIABLE: keys}, **more))


def statuses(served: Any, *asked: tuple[str, str, dict[str, str]]) -> list[Any]:
    async def ask() -> list[Any]:
        async with asking(served) as client:
            return [await client.request(way, url, headers=head) for way, url, head in asked]

    return asyncio.run(ask())


def test_no_key_no_answer(model_folder: Path) -> None:
    right = {"Authorization": f"Bearer {KEY}"}
    wrong = [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"X-Api-Key": KEY},
    ]
    routes = ("/v1/models", "/v1/completions", "/metrics", "/openapi.json", "/tokenizer_info", "/x")
    served = keyed(model_folder)
    for route in routes:
        for answer in statuses(served, *(("GET", route, head) for head in wrong)):
            assert answer.status_code == 401, route
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert KEY not in answer.text
    (ok, health, ready) = statuses(
        served, ("GET", "/v1/models", right), ("GET", "/health", {}), ("GET", "/ready", {})
    )
    assert (ok.status_code, health.status_code, ready.status_code) == (200, 200, 200)
    (lower,) = statuses(served, ("GET", "/v1/models", {"Authorization": f"bearer {KEY}"}))
    assert lower.status_code == 200


def test_each_key_of_a_file_is_a_client_of_its_own(model_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("first-key\n\nsecond-key\n")
    file.chmod(0o600)
    who = access("0.0.0.0", file, {})
    assert len(who.keys) == 2
    served = make_served(model_folder, access=who)
    heads = [{"Authorization": f"Bearer {key}"} for key in ("first-key", "second-key", "third-key")]
    found = statuses(served, *(("GET", "/v1/models", head) for head in heads))
    assert [answer.status_code for answer in found] == [200, 200, 401]


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"key\n", 0o644, "everybody"),
        (b"key\n", 0o602, "everybody"),
        (b"\n \n", 0o600, "empty"),
        (b"two words\n", 0o600, "without spaces"),
        (b"caf\xe9\n", 0o600, "ASCII"),
        (None, 0o600, "No such file"),
    ],
)
def test_key_files_that_are_no_good(
    tmp_path: Path, content: bytes | None, mode: int, words: str
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(UserError, match=words) as error:
        read_keys(file)
    assert "\n" not in str(error.value)


def test_others_need_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.com", ""):
        with pytest.raises(UserError, match="key"):
            access(host, environment={})
        assert access(host, environment={KEY_VARIABLE: "k"}).hosts == ()
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"):
        assert access(host, environment={}).keys == ()
        assert is_loopback(host)
    with pytest.raises(UserError, match=KEY_VARIABLE):
        access("127.0.0.1", environment={KEY_VARIABLE: ""})


def test_a_page_that_points_its_own_name_here_gets_nothing(model_folder: Path) -> None:
    served = make_served(model_folder)
    good = ["localhost", "localhost:8000", "127.0.0.1:9", "[::1]", "[::1]:8000", "LOCALHOST:1"]
    bad = [
        "evil.com",
        "localhost.evil.com",
        "evil.localhost",
        "127.0.0.1.evil.com:80",
        "",
        "evil.com:localhost",
        "[::2]",
    ]
    asked = [("GET", "/v1/models", {"Host": host}) for host in (*good, *bad)]
    found = [answer.status_code for answer in statuses(served, *asked)]
    assert found == [200] * len(good) + [403] * len(bad)
    named = make_served(
        model_folder, access=access("127.0.0.1", environment={}, hosts=("ai.home",))
    )
    (own, other) = statuses(
        named, ("GET", "/health", {"Host": "ai.home"}), ("GET", "/health", {"Host": "b.home"})
    )
    assert (own.status_code, other.status_code) == (200, 403)


def test_pages_of_other_origins(model_folder: Path) -> None:
    ask = {"Origin": "http://ui.test", "Access-Control-Request-Method": "POST"}
    ask |= {"Access-Control-Request-Headers": "authorization, content-type"}
    closed = statuses(
        make_served(model_folder),
        ("OPTIONS", "/v1/completions", ask),
        ("GET", "/v1/models", {"Origin": "http://ui.test"}),
    )
    assert closed[0].status_code == 405
    assert not any("access-control-allow-origin" in answer.headers for answer in closed)
    # the question that a browser asks before has no key
    opened = keyed(model_folder, origins=("http://ui.test",))
    head = {"Origin": "http://ui.test", "Authorization": f"Bearer {KEY}"}
    asked, got, refused, other = statuses(
        opened,
        ("OPTIONS", "/v1/completions", ask),
        ("GET", "/v1/models", head),
        ("GET", "/v1/models", {"Origin": "http://ui.test"}),
        ("GET", "/v1/models", head | {"Origin": "http://evil.test"}),
    )
    assert asked.status_code == 200
    for answer in (asked, got, refused):
        assert answer.headers["access-control-allow-origin"] == "http://ui.test"
    assert (got.status_code, refused.status_code) == (200, 401)
    assert "access-control-allow-origin" not in other.headers
    with pytest.raises(UserError, match="--allow-origin"):
        access("127.0.0.1", environment={}, origins=("ui.test",))


def test_keys_are_compared_by_digests_in_constant_time(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []
    plain = hmac.compare_digest

    def noted(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return plain(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    who = security.Access(keys=(security.key_digest("a"), security.key_digest(KEY)))
    served = make_served(model_folder, access=who)
    heads = [{"Authorization": f"Bearer {key}"} for key in ("a", KEY, "x")]
    statuses(served, *(("GET", "/v1/models", head) for head in heads))
    assert len(compared) == 6  # with each, whichever it was
    assert {len(part) for pair in compared for part in pair} == {32}
