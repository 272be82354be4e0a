"""Secrets planted wherever a user can put one, then looked for in all that a run leaves behind.

The run is a real one, in a process of its own: addresses with a password, a token and a signature,
a lake in S3 with keys. What it wrote (lake, caches, Prefect's database and results) and what it
said is searched for each of them.
"""

import base64
import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from crawl_server import CrawlServer, crawl_server
from s3_server import S3Server, s3_server
from toy_dump import NAME, toy_dump

SECRETS = {
    "base_url": "planted-password-of-base-url",
    "index_url": "planted-password-of-index-url",
    "token": "planted-token-of-an-address",
    "signature": "planted-signature-of-an-address",
    "own": "planted-in-a-variable-of-ones-own",
    "key": "planted/secret+key+of+an+account",
    "session": "planted/session/token==",
    "listed": "planted-token-in-a-listing",
}
PAGES = {f"https://site{n % 3}.example/page/{n}": "eng" for n in range(12)}
FILES, _ = toy_dump(PAGES, warcs=2)


@pytest.fixture(scope="module")
def crawl() -> Iterator[CrawlServer]:
    with crawl_server() as server:
        server.files.update(FILES)
        first, second = sorted(path for path in FILES if path.endswith(".warc.gz"))
        # The addresses of the user's own, and one that the dump's listing names.
        for query in (f"token={SECRETS['token']}&X-Amz-Signature={SECRETS['signature']}",):
            server.files[f"mine/a.warc.gz?{query}"] = FILES[first]
        server.files[f"mine/b.warc.gz?key={SECRETS['own']}"] = FILES[second]
        listed = f"{server.url}/listed/c.warc.gz?sig={SECRETS['listed']}"
        server.files[listed.removeprefix(f"{server.url}/")] = FILES[first]
        server.files[f"crawl-data/{NAME}/warc.paths.gz"] = gzip.compress(listed.encode())
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[S3Server]:
    with s3_server() as server:
        server.client().create_bucket(Bucket="lake")
        yield server


@pytest.fixture(scope="module")
def finished(
    cli: Any, crawl: CrawlServer, store: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of the run's caches, and all that it said."""
    folder = tmp_path_factory.mktemp("secrets")
    at = crawl.url.removeprefix("http://")
    environment = {
        **cli.environment,
        "CRAWL2CHAT_CACHE": str(folder / "cache"),
        "CRAWL2CHAT_INDEX_URL": f"http://user:{SECRETS['index_url']}@{at}",
        "AWS_ENDPOINT_URL": store.url,
        "AWS_ACCESS_KEY_ID": "testing-key-id",
        "AWS_SECRET_ACCESS_KEY": SECRETS["key"],
        "AWS_SESSION_TOKEN": SECRETS["session"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "MY_KEY": SECRETS["own"],
    }
    query = f"token={SECRETS['token']}&X-Amz-Signature={SECRETS['signature']}"
    arguments = [
        *("run", "corpus", "--preset", "ci", "--lake", "s3://lake/planted", "--files", "1"),
        *("--input", f"{crawl.url}/mine/a.warc.gz?{query}"),
        *("--input", f"{crawl.url}/mine/b.warc.gz?key=${{MY_KEY}}", "--input", NAME),
        *("--set", f'download.base_url="http://user:{SECRETS["base_url"]}@{at}"'),
    ]
    done = cli(*arguments, env=environment)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    # What goes wrong is said too, without them.
    crawl.files.pop(next(path for path in crawl.files if path.startswith("mine/a")))
    wrong = cli(*arguments, "--set", f'download.cache="{folder}/other"', env=environment)
    assert wrong.returncode == 2, wrong.stderr[-4000:]
    assert "404" in wrong.stderr
    return folder, said + wrong.stdout + wrong.stderr


def test_they_were_used(finished: Any, crawl: CrawlServer, store: S3Server) -> None:
    asked = [seen.path for seen in crawl.seen]
    for name in ("token", "signature", "own", "listed"):
        assert [path for path in asked if SECRETS[name] in path], name
    given = [s.authorization for s in crawl.seen if s.authorization.startswith("Basic ")]
    used = {f"user:{SECRETS[name]}" for name in ("base_url", "index_url")}
    assert {base64.b64decode(one[6:]).decode() for one in given} == used
    assert store.client().list_objects_v2(Bucket="lake")["KeyCount"] > 0


def test_nothing_that_is_left_holds_one(finished: Any, store: S3Server) -> None:
    folder, said = finished
    client = store.client()
    left = {"what was said": said.encode()}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="lake"):
        for item in page.get("Contents", ()):
            left[item["Key"]] = client.get_object(Bucket="lake", Key=item["Key"])["Body"].read()
    for root in (folder, Path(os.environ["PREFECT_HOME"])):
        for path in root.rglob("*"):
            if path.is_file():
                left[str(path)] = str(path).encode() + path.read_bytes()
    assert len([name for name in left if name.endswith("manifest.json")]) > 5
    assert [name for name in left if name.endswith(".db")], "Prefect's database is among it"
    tables = [name for name in left if name.endswith(".parquet") and not name.startswith("/")]
    assert len(tables) > 5
    for name in tables:  # compressed: a value would not be seen
        left[name] += str(pq.read_table(io.BytesIO(left[name])).to_pydict()).encode()
    for place, data in left.items():
        for name, secret in SECRETS.items():
            coded = base64.b64encode(f"user:{secret}".encode()).decode()
            for form in (secret, quote(secret, safe=""), coded):
                assert form.encode() not in data, f"{name} in {place}"
