"""Credentials from wherever botocore finds them, and its exceptions in our words."""

import json
import subprocess
import sys

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from storage import aws
from storage.errors import UserError


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
        (refusal(412, "PreconditionFailed"), aws.Changed, "Precondition"),
        (refusal(409, "ConditionalRequestConflict"), aws.Changed, "Conflict"),
        (refusal(501, "NotImplemented"), aws.Unsupported, "NotImplemented"),
        (refusal(400, "NotImplemented"), aws.Unsupported, "NotImplemented"),
        (refusal(403, "AccessDenied"), UserError, "not for these credentials"),
        (refusal(400, "ExpiredToken"), UserError, "expired"),
        (refusal(503, "SlowDown", "Please\nreduce"), ConnectionError, "SlowDown Please reduce"),
        (refusal(400, "EntityTooLarge"), OSError, "EntityTooLarge"),
        (
            boto.EndpointConnectionError(endpoint_url="http://x?sig=hunter2hunter2"),
            ConnectionError,
            "x",
        ),
        (boto.ReadTimeoutError(endpoint_url="http://x"), ConnectionError, "timeout"),
        (boto.UnauthorizedSSOTokenError(), UserError, "aws sso login"),
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
        "import sys, storage, flows.runner.artifact, pipeline.crawl.transport\n"
        "print([name for name in sys.modules if name.startswith('botocore')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
