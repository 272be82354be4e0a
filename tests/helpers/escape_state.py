"""Attempts to leave something for the next program, or to find what the last one left.

Each is two programs; what the second says counts. As one program they do get through, which shows
that the second looks in the right place.
"""

from escape_attempts import Attempt, marker


def left(name: str, code: str, found: str) -> Attempt:
    """The second program says the marker if its expression is true."""
    return Attempt(name, code, marker, then=f"if {found}: print(W['marker'])")


STATE = (
    left("a global", "left_here = 1", "'left_here' in globals()"),
    left("a builtin", "import builtins\nbuiltins.len = lambda x: 77", "len('abc') == 77"),
    left(
        "a new builtin",
        "import builtins\nbuiltins.left_here = 1",
        "'left_here' in dir(__builtins__)",
    ),
    left(
        "a module",
        "import json\njson.dumps = lambda x: 'left'",
        "__import__('json').dumps(1) == 'left'",
    ),
    left("a constant", "import math\nmath.pi = 4", "__import__('math').pi == 4"),
    left(
        "a module of its own",
        "import sys, types\nsys.modules['left'] = types.ModuleType('left')",
        "'left' in __import__('sys').modules",
    ),
    left("a path", "import sys\nsys.path.append('/left')", "'/left' in __import__('sys').path"),
    left(
        "a way of import",
        "import sys\nsys.meta_path.insert(0, None)",
        "None in __import__('sys').meta_path",
    ),
    left(
        "the environment",
        "import os\nos.environ['LEFT'] = '1'",
        "'LEFT' in __import__('os').environ",
    ),
    left(
        "the folder it is in",
        "import os\nos.chdir(W['library'])",
        "__import__('os').getcwd() == W['library']",
    ),
    left("a file", "open('left', 'w').write('1')", "__import__('os').path.exists('left')"),
    left(
        "a file in /tmp",
        "open('/tmp/left', 'w').write('1')",
        "__import__('os').path.exists('/tmp/left')",
    ),
    left(
        "chance",
        "import random\nrandom.seed(99)",
        "__import__('random').random() == __import__('random').Random(99).random()",
    ),
    left(
        "a limit",
        "import sys\nsys.setrecursionlimit(77)",
        "__import__('sys').getrecursionlimit() == 77",
    ),
    left(
        "a thread",
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(3,), daemon=True, name='left').start()",
        "any(t.name == 'left' for t in __import__('threading').enumerate())",
    ),
    left(
        "a handler of signals",
        "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "__import__('signal').getsignal(10) == 1",
    ),
    left(
        "a tracer",
        "import sys\nsys.setprofile(lambda *a: None)",
        "__import__('sys').getprofile() is not None",
    ),
    left(
        "a mask",
        "import os\nos.umask(0o123)",
        "__import__('os').umask(0) == 0o123",
    ),
    left(
        "a memory of what was run",
        "left_here = 'left' + 'here' * 5",
        "any(isinstance(o, dict) and o.get('left_here') for o in __import__('gc').get_objects())",
    ),
    Attempt(
        "the last program's text",
        "# the answer is Zx81QvTe",
        marker,
        # Read from its own memory: half of the word, so that this text isn't what is found.
        then="n = 0\n"
        "with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as m:\n"
        "    for line in maps:\n"
        "        if ' rw' not in line: continue\n"
        "        a, b = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "        try:\n"
        "            m.seek(a)\n"
        "            n += m.read(b - a).count(b'Zx81' + bytes([81, 118, 84, 101]))\n"
        "        except (OSError, OverflowError): pass\n"
        "if n > 0: print(W['marker'])",
    ),
)
