"""Finds access keys and tokens in the formats that their makers document, and private key blocks.

`_places.c` knows the characters that they begin with and finds the positions to look at.
"""

import re
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:\s|\\[rn])(?:(?!-----)[\s\S]){0,20000}-----END [A-Z0-9 ]{1,40}-----"
    r"|(?:\s+[A-Za-z0-9+/=]{16,})+)"
    r"|(?<![\w-])(?:"
    r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}|gl(?:pat|dt|ft"
    r"|rt)-[\w-]{20,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+"  # Slack
    r"|sk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}"  # OpenAI, Anthropic
    r"|(?:[rs]k|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{24,}"  # Stripe
    r"|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"  # Google, Hugging Face, npm
    r"|SG\.[\w-]{22}\.[\w-]{43}|pypi-AgEIcHlwaS5vcmc[\w-]{50,}"  # SendGrid, PyPI
    r"|(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}"  # Twilio, Mailgun
    r"|\d{8,10}:AA[\w-]{33}|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"  # Telegram, Discord
    r"|https://hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}"
    r"|dapi[0-9a-f]{32}(?:-\d)?|dckr_pat_[\w-]{27}|GOCSPX-[\w-]{28}"  # Databricks, Docker, Google
    r"|glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|lin_api_[A-Za-z0-9]{40}"  # Grafana, Linear
    r"|[0-9a-f]{32}-us\d{1,2}|sq0(?:csp|atp)-[\w-]{22,43}"  # Mailchimp, Square
    r"|hvs\.[\w-]{24,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|rubygems_[0-9a-f]{48}"  # Vault, Postman
    r"|ATATT3[\w=-]{60,}|LTAI[A-Za-z0-9]{12,30}|gsk_[A-Za-z0-9]{48,}|r8_[A-Za-z0-9]{37}"
    r"|xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}|NRAK-[A-Z0-9]{27}|sntrys_[\w=.-]{40,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{58}|figd_[\w-]{40}|ntn_[A-Za-z0-9]{46}|sbp_[0-9a-f]{40}"
    r"|dop_v1_[0-9a-f]{64}|ya29\.[\w-]{20,}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"  # DigitalOcean …
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"  # JSON Web Token
    r")(?![\w-])"
    # a secret after its name: Amazon's has no format of its own, Azure's are values in a string
    r"|(?<=aws_secret_access_key)[\s=:\"']{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
    r"|(?<=AWS_SECRET_ACCESS_KEY)[\s=:\"']{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
    r"|(?<=AccountKey=)[A-Za-z0-9+/]{86}==|(?<=SharedAccessKey=)[A-Za-z0-9+/]{43}="
    r"|(?<=&sig=)[A-Za-z0-9%]{43,63}%3[dD]",
    re.ASCII,
)


def find_keys(text: str, positions: Iterable[int]) -> Iterator[Span]:
    """Access keys and tokens of well-known makers, and private key blocks, at these positions."""
    end = 0
    for position in sorted(positions):
        match = _KEY.match(text, position) if position >= end else None
        if match is not None:
            end = match.end()
            yield position + len(match.group()) - len(match.group().lstrip(" \t=:\"'")), end
