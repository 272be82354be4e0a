"""What the user's folder and environment may not do to a run and to the processes it starts.

A `queue.py` or `pipeline.py` in the current directory is the user's own, and no part of this
program; settings of their interpreter and of their proxy are meant for other things than our
loopback server and our workers.
"""

import os
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # a checkout, or site-packages
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")
# Of the user's interpreter: warnings as errors, asserts left out, a prompt at the end, …
NOT_FOR_CHILDREN = (
    "PYTHONWARNINGS",
    "PYTHONOPTIMIZE",
    "PYTHONINSPECT",
    "PYTHONSTARTUP",
    "PYTHONIOENCODING",
)


def command(module: str, *arguments: str) -> list[str]:
    """`python -m`, by this very interpreter, the current directory out of its search path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """The environment for a process of our own, which finds these packages from anywhere."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
    paths = [] if str(ROOT) == sysconfig.get_path("purelib") else [str(ROOT)]
    paths += [path for path in _python_path() if path not in _current_directory()]
    if paths:
        kept["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    else:
        kept.pop("PYTHONPATH", None)
    # Processes that our processes start in their own ways (torchrun, Ray) see only these.
    return {**kept, "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}


def reach_loopback_directly() -> None:
    """No proxy for servers of this machine; what else the user keeps from it is kept from it."""
    proxies = [name for name in os.environ if name.lower() in PROXIES]
    if not proxies:
        return
    for name in proxies:  # as desktops write it; libraries know the number alone
        if os.environ[name].startswith("socks://"):
            os.environ[name] = os.environ[name].replace("socks://", "socks5://", 1)
    given = ",".join(os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY"))
    hosts = dict.fromkeys(host.strip() for host in given.split(",") if host.strip())
    if "*" not in hosts:
        direct = ",".join({**hosts, **dict.fromkeys(LOOPBACK)})
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = direct


def _python_path() -> list[str]:
    """The user's PYTHONPATH without what only leads somewhere from the current directory."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [path for path in given if os.path.isabs(path)]  # noqa: PTH117


def _current_directory() -> tuple[str, ...]:
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError:  # deleted
        return ()
    return () if here == str(ROOT) else (here, os.environ.get("PWD", here))
