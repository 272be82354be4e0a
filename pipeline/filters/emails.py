"""Finds e-mail addresses in any script, but not git@host:path, user@host:/srv or f@x.y(z).

The text around decides: a path or a function call after it, a URL before it, and whether its domain
ends in a top-level domain that exists (the public-suffix list inside tldextract).
"""

import functools
import re
from collections.abc import Iterator

from pipeline.filters.public_suffix import top_level_domains

Span = tuple[int, int]

_LOCAL_PART = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]*")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.){1,62}"$')  # RFC 5321: "anna maria"@example.com
_DOMAIN = re.compile(r"@(?:\w[\w-]*\.)+(?=[^\W\d_])\w[\w-]*\w")
_PLACE_BEHIND = re.compile(r":[~/]|:[\w.-]+/|\(")  # a path on that host, a call
_COPY_BEHIND = re.compile(r":[\w.-]")  # a file's name, after a program that copies
_COPIES = re.compile(r"(?:^|\s)(?:scp|rsync|sftp|ssh|git|hg|svn|pscp|mosh)\s[^\n]*$")
# an account of a host, a version of a package: "ssh -p 22 ann@host.net", "npm i react@next.io"
_COMMANDS = re.compile(
    r"(?:^|[\s`$>(])(?:(?:ssh|mosh|sftp|ssh-copy-id|autossh)(?: -\S+(?: \d+)?)* "
    r"|(?:npm|pnpm|yarn|npx|bun|pip|pipx|cargo|brew|deno) (?:\S+ )*)$"
)
_COMMAND_CHARACTERS = 200
_SERVICES = frozenset(("git", "hg", "svn", "cvs", "bzr"))  # accounts of hosts, no mailboxes
_USER_OF_URL = re.compile(r"(?<![a-z])(?!mailto:)[a-z][a-z0-9+.-]*://[^\s/@]*$", re.IGNORECASE)
_URL_CHARACTERS = 64
_MESSAGE_ID = re.compile(r"(?:message-id|in-reply-to|references)\s*:?\s*<?$", re.IGNORECASE)
_HEADER_CHARACTERS = 20
_IMAGE_SCALE = re.compile(r"@\dx\.")  # icon@2x.png
_KEY_VALUE = re.compile(r"[\w-]+=(?=[^\W\d_])")  # "to=ann@…": the key is no part of the name
_OPENERS = ".'`*|/=~!?&-^$%+"  # marks around a name, not its first character
# Chinese, Japanese and Thai put no space between a sentence and the address in it
_NO_SPACES = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_SENTENCE_BEFORE = re.compile(rf".*[{_NO_SPACES}](?=[\x00-\x7f])")
_SENTENCE_BEHIND = re.compile(rf"(?<=[A-Za-z0-9])[{_NO_SPACES}].*")
_VERSION_PARTS = 2  # labels that are numbers: 163.com has one
_MAX_LOCAL_CHARACTERS = 64  # RFC 5321, 4.5.3.1.1


def find_emails(text: str) -> Iterator[Span]:
    """Spans of addresses; one directly after another belongs to that one."""
    end = 0
    start = -1  # of an address not yet yielded, which ends at `end`
    for domain in _DOMAIN.finditer(text) if "@" in text else ():
        between = text[end : domain.start()]
        reversed_part = _LOCAL_PART.match(between[::-1])
        part = between[len(between) - len(reversed_part.group()) :] if reversed_part else ""
        if start >= 0 and len(part) == len(between):
            end = domain.end()
            continue
        if start >= 0 and _is_mailbox(text, start, end):
            yield start, end
        name = _name(part) if part else _quoted(text, domain.start())
        start = domain.start() - len(name) if name else -1
        end = domain.start() + len(_SENTENCE_BEHIND.sub("", domain.group()))
    if start >= 0 and _is_mailbox(text, start, end):
        yield start, end


def _quoted(text: str, end: int) -> str:
    found = _QUOTED.search(text, max(0, end - _MAX_LOCAL_CHARACTERS), end)
    return found.group() if found else ""


def _name(part: str) -> str:
    """The local part without the sentence, punctuation, path or key before it."""
    part = _SENTENCE_BEFORE.sub("", part)
    directory, slash, last = part.rpartition("/")
    if slash and ("." in directory or directory[:1] in ("", "/", "~") or not last):
        part = last  # medium.com/@x, /home/ann@…
    part = part.rpartition("?")[2].rpartition("&")[2] if "=" in part else part
    key = _KEY_VALUE.match(part)
    if key and "=" not in part[key.end() :]:
        part = part[key.end() :]
    part = part.lstrip(_OPENERS)
    if part.startswith("{") and "}" not in part:
        part = part[1:]
    return part if any(map(str.isalnum, part)) else ""


def _is_mailbox(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    name, _, host = value.rpartition("@")
    labels = host.split(".")
    if name in _SERVICES or len(name) > _MAX_LOCAL_CHARACTERS or text[start - 1 : start] == "@":
        return False
    numbers = [label for label in labels[:-1] if label.isdigit()]
    if not _is_top_level_domain(labels[-1].lower()) or len(numbers) >= _VERSION_PARTS:
        return False  # x@y.shape, lib@1.0.0.dev
    if _IMAGE_SCALE.search(value) or _PLACE_BEHIND.match(text, end):
        return False
    line = text[max(0, start - _COMMAND_CHARACTERS) : start].rpartition("\n")[2]
    if _COPY_BEHIND.match(text, end) and _COPIES.search(line):
        return False
    if _COMMANDS.search(line):
        return False
    if _USER_OF_URL.search(line[-_URL_CHARACTERS:]):
        return False
    return not _MESSAGE_ID.search(line[-_HEADER_CHARACTERS:])


@functools.cache
def _is_top_level_domain(label: str) -> bool:
    return label in top_level_domains() or (label.startswith("xn--") and len(label) > 4)
