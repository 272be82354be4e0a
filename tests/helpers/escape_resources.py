"""Attempts to take more than is given, and at the owner's secrets (see escape_attempts)."""

from escape_attempts import (
    SAY,
    Attempt,
    Seen,
    brought_down,
    guards,
    marker,
    token,
)
from escape_outside import Outside


def _huge(outside: Outside, seen: Seen) -> bool:
    return len(seen.text.encode()) > 8_192


RESOURCES = (
    Attempt(
        "memory",
        "b = bytearray(300 << 20)\nb[::4096] = b'x' * len(b[::4096])" + SAY,
        marker,
        guards("limits"),
    ),
    Attempt(
        "memory in small pieces",
        "x = []\nfor _ in range(150): x.append(b'%d' % len(x) * (1 << 20))" + SAY,
        marker,
        guards("limits"),
    ),
    Attempt(
        "mapped memory",
        "import mmap\nm = [mmap.mmap(-1, 64 << 20) for _ in range(40)]" + SAY,
        marker,
        guards("limits"),
    ),
    Attempt(
        "descriptors without end",
        "import os\nfor _ in range(200): os.dup(1)" + SAY,
        marker,
        guards("limits"),
    ),
    Attempt("a huge number", "x = 9 ** 9 ** 9" + SAY, marker),
    Attempt("a flood", "while True: print('flood' * 1000)", _huge),
    Attempt("a flood by descriptor", "import os\nwhile True: os.write(1, b'flood' * 1000)", _huge),
    Attempt("a flood as a value", "'flood' * 10_000_000", _huge),
    Attempt("a flood as an error", "raise ValueError('flood' * 10_000_000)", _huge),
    Attempt(
        "a flood as an outcome",
        "import os\nwhile True: os.write(3, b'v' * 1000)",
        _huge,
    ),
    Attempt("a busy loop", "while True: pass", lambda outside, seen: seen.seconds > 15),
    Attempt(
        "a busy loop that catches all",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        lambda outside, seen: seen.seconds > 15,
    ),
    Attempt("sleep", "import time\ntime.sleep(60)", lambda outside, seen: seen.seconds > 15),
    Attempt(
        "sleep with closed streams",
        "import os, time\nos.closerange(0, 10)\ntime.sleep(60)",
        lambda outside, seen: seen.seconds > 15,
    ),
    Attempt(
        "no end at the interpreter's end",
        "import atexit, threading, time\natexit.register(time.sleep, 60)\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()",
        lambda outside, seen: seen.seconds > 15,
    ),
    Attempt(
        "bring the interpreter down",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()",
        brought_down,
    ),
    Attempt("bring it down by a pointer", "import ctypes\nctypes.string_at(1)", brought_down),
    Attempt("a program too deep", "(" * 5_000 + ")" * 5_000, brought_down),
    Attempt("a program too long a sum", "+".join(["1"] * 7_000), brought_down),
    Attempt(
        "lie to the owner",
        "import os\nos.write(3, b'f the sandbox is broken')\nos._exit(0)",
        lambda outside, seen: False,  # its text is its own, whatever it says: see the next program
    ),
)

SECRETS = (
    Attempt(
        "the owner's environment", "import os\nprint(os.environ)", token, guards("environment")
    ),
    Attempt(
        "its own beginning",
        "print(open('/proc/self/environ').read())",
        token,
        guards("environment", "mount", "landlock"),
    ),
    Attempt(
        "a descriptor of the owner's",
        "import os\nfor fd in range(3, 1_024):\n"
        "    try: print(os.pread(fd, 99, 0))\n    except OSError: pass",
        token,
        guards("descriptors"),
    ),
    Attempt(
        "the socket to the owner",
        "import os, stat\nfor fd in range(1_024):\n    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode): print(W['marker'])\n"
        "    except OSError: pass",
        marker,
        guards("descriptors"),
    ),
)
