# ruff: noqa: SIM905 (lists of words)
"""API keys and tokens in their providers' documented formats, put together at run time.

No literal here looks like a live secret.
"""

import base64
import json
import string
from random import Random

from tests.benchmarks.piisets.checks import draw

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
BASE32 = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"


def _base64url(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _jwt(rng: Random) -> str:
    head = _base64url({"alg": "HS256", "typ": "JWT"})
    body = _base64url(
        {"sub": str(rng.randint(10**6, 10**9)), "iat": rng.randint(16 * 10**8, 17 * 10**8)}
    )
    return f"{head}.{body}.{draw(rng, URLSAFE, 43)}"


def _pem(rng: Random) -> str:
    label = rng.choice(["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "]) + "PRIVATE KEY"
    lines = [draw(rng, ALNUM + "+/", 64) for _ in range(rng.randint(3, 12))]
    lines.append(draw(rng, ALNUM + "+/", 30) + "==")
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {label}{dashes}", *lines, f"{dashes}END {label}{dashes}"])


def _base64_key(rng: Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def key(rng: Random, provider: str) -> str:
    """A key in the provider's documented format."""

    def random(alphabet: str, count: int) -> str:
        return draw(rng, alphabet, count)

    upper = string.ascii_uppercase + string.digits
    if provider == "slack_bot":
        digits = string.digits
        return f"xoxb-{random(digits, 12)}-{random(digits, 13)}-{random(ALNUM, 24)}"
    if provider == "discord_bot":
        user = base64.b64encode(str(rng.randint(10**17, 10**18)).encode()).decode().rstrip("=")
        return f"{user}.{random(URLSAFE, 6)}.{random(URLSAFE, 38)}"
    makers = {
        "aws_access": lambda: rng.choice(["AKIA", "ASIA"]) + random(BASE32, 16),
        "aws_secret": lambda: random(ALNUM + "/+", 40),
        "github": lambda: "gh" + rng.choice("pousr") + "_" + random(ALNUM, 36),
        "github_fine": lambda: "github_pat_" + random(ALNUM, 22) + "_" + random(ALNUM, 59),
        "gitlab": lambda: "glpat-" + random(URLSAFE, 20),
        "slack_user": lambda: "xoxp-" + "-".join(random("123456789", 12) for _ in "abc")
        + "-" + random(HEX, 32),
        "slack_webhook": lambda: "https://hooks.slack.com/services/T"
        + f"{random(upper, 10)}/B{random(upper, 10)}/{random(ALNUM, 24)}",
        "stripe": lambda: rng.choice(["sk", "rk"]) + "_live_" + random(ALNUM, rng.choice([24, 99])),
        "google_api": lambda: "AIza" + random(URLSAFE, 35),
        "google_oauth": lambda: "GOCSPX-" + random(URLSAFE, 28),
        "openai": lambda: "sk-" + random(ALNUM, 20) + "T3" + "BlbkFJ" + random(ALNUM, 20),
        "openai_project": lambda: "sk-proj-" + random(URLSAFE, 74) + "T3"
        + "BlbkFJ" + random(URLSAFE, 74),
        "anthropic": lambda: "sk-ant-" + "api03-" + random(URLSAFE, 93) + "AA",
        "huggingface": lambda: "hf_" + random(string.ascii_letters, 34),
        "npm": lambda: "npm_" + random(ALNUM, 36),
        "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + random(URLSAFE, 150),
        "twilio": lambda: "SK" + random(HEX, 32),
        "sendgrid": lambda: "SG." + random(URLSAFE, 22) + "." + random(URLSAFE, 43),
        "mailgun": lambda: "key-" + random(HEX, 32),
        "mailchimp": lambda: random(HEX, 32) + "-us" + str(rng.randint(1, 21)),
        "telegram": lambda: str(rng.randint(10**9, 8 * 10**9)) + ":AA" + random(URLSAFE, 33),
        "digitalocean": lambda: "dop_v1_" + random(HEX, 64),
        "shopify": lambda: "shpat_" + random(HEX, 32),
        "square": lambda: "sq0csp-" + random(URLSAFE, 43),
        "dockerhub": lambda: "dckr_pat_" + random(URLSAFE, 27),
        "azure_storage": lambda: _base64_key(rng, 64),
        "azure_sas": lambda: _base64_key(rng, 32).replace("+", "%2B").replace("/", "%2F")
        .replace("=", "%3D"),
        "grafana": lambda: "glsa_" + random(ALNUM, 32) + "_" + random(HEX, 8),
        "linear": lambda: "lin_api_" + random(ALNUM, 40),
        "databricks": lambda: "dapi" + random(HEX, 32),
        "jwt": lambda: _jwt(rng),
        "pem": lambda: _pem(rng),
    }  # fmt: skip
    return makers[provider]()


KEY_PROVIDERS = (
    "aws_access aws_secret github github_fine gitlab slack_bot slack_user slack_webhook stripe "
    "google_api google_oauth openai openai_project anthropic huggingface npm pypi twilio "
    "sendgrid mailgun mailchimp telegram discord_bot digitalocean shopify square dockerhub "
    "azure_storage azure_sas grafana linear databricks jwt pem"
).split()
# Whose key alone does not say what it is: these stand only in the contexts that name them.
NAMELESS_KEYS = {
    "aws_secret": 'aws_secret_access_key = {v}',
    "azure_storage": "DefaultEndpointsProtocol=https;AccountName=lumetra;AccountKey={v};"
    "EndpointSuffix=core.windows.net",
    "azure_sas": "https://lumetra.blob.core.windows.net/in?sv=2022-11-02&sp=rl&se=2025-01-01&sig={v}",
    "mailchimp": "MAILCHIMP_API_KEY={v}",
    "twilio": "TWILIO_API_KEY={v}",
}  # fmt: skip
