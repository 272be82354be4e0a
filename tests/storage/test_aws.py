"""Credentials from wherever botocore finds them, and its exceptions in our words."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aws_account import RENEWED, SECRET, SOURCES, account
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from s3_server import s3_server

from storage import aws
from storage.errors import UserError
from storage.s3 import ObjectTree


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))


def key_of(headers):
    return headers["Authorization"].split("Credential=")[1].split("/")[0]


URL = "https://bucket.s3.us-east-1.amazonaws.com/a/b%20c"


def test_keys_of_the_environment_and_their_token(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    headers = aws.signed(URL)
    assert key_of(headers) == "AKIDEXAMPLE"
    assert "/us-east-1/s3/aws4_request" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a/token==")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    headers = aws.signed(URL)
    assert headers["X-Amz-Security-Token"] == "a/token=="
    assert "/eu-west-1/s3/aws4_request" in headers["Authorization"]


def test_a_profile_and_a_program_that_gives_keys(monkeypatch, tmp_path):
    """What single sign-on and roles need as well: more than a file of keys."""
    (tmp_path / "keys").write_text("[default]\naws_access_key_id=ONE\naws_secret_access_key=x\n")
    assert key_of(aws.signed(URL)) == "ONE"
    given = {"Version": 1, "AccessKeyId": "TWO", "SecretAccessKey": "y", "SessionToken": "z"}
    (tmp_path / "given.json").write_text(json.dumps(given))
    (tmp_path / "config").write_text(
        f"[profile other]\nregion = eu-south-1\ncredential_process = cat {tmp_path}/given.json\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "other")
    headers = aws.signed(URL)
    assert key_of(headers) == "TWO"
    assert headers["X-Amz-Security-Token"] == "z"
    assert aws.region() == "eu-south-1"


def test_none_at_all_and_a_profile_that_is_not_there(monkeypatch):
    with pytest.raises(UserError, match=r"b%20c: no AWS credentials: set AWS_ACCESS_KEY_ID"):
        aws.signed(URL)
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(UserError, match=r"profile \(none\) could not be found: set AWS_"):
        aws.signed(URL)


@pytest.fixture
def given(tmp_path):
    with account(tmp_path / "account") as answering:
        yield answering


@pytest.fixture(scope="module")
def store():
    with s3_server() as server:
        server.client().create_bucket(Bucket="lake")
        server.client().put_object(Bucket="lake", Key="l/there", Body=b"yes")
        yield server


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_of_keys(source, given, monkeypatch):
    """Kept while they are good; where a region is said nowhere, as well."""
    given.source(source, monkeypatch)
    names = {key_of(aws.signed(URL)) for _ in range(3)}
    assert len(names) == 1
    assert ("fixed" in names) == (source in ("environment", "shared file"))
    assert len(given.asked) == len(set(given.asked))


@pytest.mark.parametrize("source", RENEWED)
def test_keys_about_to_end_are_renewed(source, given, monkeypatch):
    given.lifetime = 60.0
    given.source(source, monkeypatch)
    first = key_of(aws.signed(URL))
    given.lifetime = 3600.0
    second = key_of(aws.signed(URL))
    assert second != first
    assert key_of(aws.signed(URL)) == second


def test_a_lake_is_read_on_with_new_keys(given, store, monkeypatch):
    given.lifetime = 60.0
    given.source("web identity", monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    tree = ObjectTree("s3://lake/l")
    asked = given.times("AssumeRoleWithWebIdentity")
    assert tree.read("there") == b"yes"
    assert given.times("AssumeRoleWithWebIdentity") > asked


@pytest.mark.parametrize(
    "refused", [(404, "ResourceNotFoundException"), (409, "Conflict"), (501, "NotImplemented")]
)
def test_a_role_that_is_gone_is_no_object_that_is_gone(refused, given, store, monkeypatch):
    """Or a whole lake would be made again, since single sign-on or its role has ended."""
    given.lifetime = 60.0
    given.source("single sign-on", monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    tree = ObjectTree("s3://lake/l")
    assert tree.read("not-there") is None
    given.refused = refused
    with pytest.raises(UserError, match=rf"AWS credentials: .*{refused[1]}.*: set AWS_ACC"):
        tree.read("there")


def test_a_token_file_that_is_gone_is_no_object_that_is_gone(given, store, monkeypatch, caplog):
    given.lifetime = 60.0
    given.source("web identity", monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
    tree = ObjectTree("s3://lake/l")
    Path(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).unlink()
    with pytest.raises(UserError, match=r"AWS credentials: .* No such file .*/token'"):
        tree.read("there")
    assert "Refreshing temporary credentials failed" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("refused", "ours"),
    [
        ((503, "ServiceUnavailable"), ConnectionError),
        ((400, "Throttling"), ConnectionError),
        ((403, "AccessDenied"), UserError),
        ((400, "InvalidIdentityToken"), UserError),
    ],
)
def test_the_token_service_refuses(refused, ours, given, monkeypatch):
    given.source("web identity", monkeypatch)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    given.refused = refused
    with pytest.raises(ours, match=refused[1]) as caught:
        aws.signed(URL)
    assert type(caught.value) is ours
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("credential_process = /no/such/program", "No such file or directory: '/no/such/program'"),
        ("credential_process = echo nothing", "AWS credentials: Expecting value"),
        ("credential_process = echo 'x", "No closing quotation"),
        ('credential_process = echo "[1]"', "AWS credentials: "),
        ("credential_process = false", "custom-process"),
        ("role_arn = x\nsource_profile = none", '"none" referenced in the profile'),
        ("role_arn = x\nsource_profile = base\nmfa_serial = y", "a code for each process"),
        ("sso_session = none\nsso_account_id = 1\nsso_role_name = r", "sso-session does not exist"),
        ("login_session = x", "botocore"),
    ],
)
def test_profiles_that_lead_nowhere(profile, words, given, monkeypatch):
    given.source("role", monkeypatch)
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[default]\n{profile}\n")
    with pytest.raises(UserError) as caught:
        aws.signed(URL)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_program_prints_at_length_is_cut(given, monkeypatch):
    given.source("program", monkeypatch)
    given.refused = (500, "Odd")
    with pytest.raises(UserError, match=r"from custom-process: .* … .*HTTP Error 500") as caught:
        aws.signed(URL)
    assert len(str(caught.value)) < 700


def test_of_a_long_reason_the_first_100_and_the_last_150_characters_stay():
    assert aws.MOST_REASON == 300
    assert aws._reason(OSError("a" * 150 + "b" * 150)) == "a" * 150 + "b" * 150
    assert aws._reason(OSError("a" * 150 + "b" * 151)) == "a" * 100 + " … " + "b" * 150
    assert aws._reason(OSError("two\n  lines")) == "two lines"
    assert aws._reason(OSError()) == "OSError"


def test_many_threads_start_the_program_once(given, monkeypatch):
    given.source("program", monkeypatch)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(key_of, pool.map(aws.signed, [URL] * 8))) == {"program-1"}
    assert given.asked == ["program"]


def test_a_code_typed_once_serves(given, monkeypatch):
    """By `aws configure export-credentials`, as the message says."""
    given.source("role", monkeypatch)
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text(config.read_text() + "mfa_serial = y\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "exported")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert key_of(aws.signed(URL)) == "exported"


def test_another_store_of_the_profile(given, monkeypatch):
    given.source("shared file", monkeypatch)
    assert aws.endpoint() == ""
    config = Path(os.environ["AWS_CONFIG_FILE"])
    config.write_text("[default]\nendpoint_url = http://one\n")
    aws._session.cache_clear()
    assert aws.endpoint() == "http://one"
    config.write_text(
        "[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://2\n"
    )
    aws._session.cache_clear()
    assert aws.endpoint() == "http://2"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://three")
    assert aws.endpoint() == "http://three"


def refusal(status, code="Odd", message=""):
    answer = {
        "ResponseMetadata": {"HTTPStatusCode": status},
        "Error": {"Code": code, "Message": message},
    }
    return ClientError(answer, "PutObject")


@pytest.mark.parametrize(
    ("error", "ours", "words"),
    [
        (refusal(404, "NoSuchKey"), FileNotFoundError, "s3://b/k: NoSuchKey"),
        (refusal(404, "NoSuchBucket"), UserError, "create the bucket"),
        (refusal(412, "PreconditionFailed"), aws.ObjectChanged, "Precondition"),
        (refusal(409, "ConditionalRequestConflict"), aws.ObjectChanged, "Conflict"),
        (refusal(501, "NotImplemented"), aws.Unsupported, "NotImplemented"),
        (refusal(400, "NotImplemented"), aws.Unsupported, "NotImplemented"),
        (refusal(403, "AccessDenied"), UserError, "not for these credentials"),
        (refusal(400, "ExpiredToken"), UserError, "expired"),
        (refusal(503, "SlowDown", "Please\nreduce"), ConnectionError, "SlowDown Please reduce"),
        (refusal(410, "Gone"), FileNotFoundError, "Gone"),
        (refusal(405, "MethodNotAllowed"), aws.Unsupported, "MethodNotAllowed"),
        (refusal(401, "Unauthorized"), UserError, "not for these credentials"),
        (refusal(500, "InternalError"), ConnectionError, "InternalError"),
        *((refusal(400, code), ConnectionError, code) for code in sorted(aws.TRANSIENT)),
        *((refusal(status), OSError, "Odd") for status in (400, 402, 406, 408, 411, 413, 499)),
        (ClientError({}, "PutObject"), OSError, "s3://b/k"),
        (refusal(400, "EntityTooLarge"), OSError, "EntityTooLarge"),
        (
            boto.EndpointConnectionError(endpoint_url="http://x?sig=hunter2hunter2"),
            ConnectionError,
            "x",
        ),
        (boto.ReadTimeoutError(endpoint_url="http://x"), ConnectionError, "timeout"),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), ConnectionError, "1"),
        (boto.UnauthorizedSSOTokenError(), UserError, "aws sso login"),
        (boto.NoRegionError(), UserError, "region"),
        (boto.ParamValidationError(report="bad name"), UserError, "bad name"),
    ],
)
def test_exceptions(error, ours, words):
    with pytest.raises(ours) as caught, aws.plain_errors("s3://b/k"):
        raise error
    assert type(caught.value) is ours
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_who_needs_no_s3_does_not_load_it():
    program = (
        "import sys, storage, flows.runner.artifact, flows.cli.entry, pipeline.crawl.transport\n"
        "print([name for name in sys.modules if name.startswith('botocore')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_times_as_stores_write_them():
    """A listing's, a header's, and those of botocore's other notations."""
    known = datetime(2026, 11, 29, 8, 5, 9, tzinfo=UTC)
    for text in ("2026-11-29T08:05:09.000Z", "2026-11-29T08:05:09Z", "2026-11-29T09:05:09+01:00"):
        assert aws._time(text) == known
    for other in ("Sun, 29 Nov 2026 08:05:09 GMT", known.timestamp(), "20261129T080509Z"):
        assert aws._time(other) == known
    with pytest.raises(ValueError, match="Invalid timestamp"):
        aws._time("yesterday")


def test_a_client_reads_times_by_itself(given, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    made = aws.client("http://127.0.0.1:9")
    parser = made._endpoint._response_parser_factory.create_parser("rest-xml")
    assert parser._timestamp_parser is aws._time
