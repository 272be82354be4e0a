"""More attempts: sockets, processes, rights, and corners of the kernel (see escape_attempts)."""

from escape_attempts import (
    CALL,
    MACHINE,
    SAY,
    Attempt,
    Outside,
    Seen,
    brought_down,
    guards,
    heard,
    marker,
    token,
    victim_dead,
    victims_token,
)

SOCKET = "import socket\n"
REACHING = guards("network", "seccomp")
REACHING_TCP = guards("network", "seccomp", "landlock")
SOCKETS = (
    Attempt(
        "connect by IPv4",
        SOCKET + "socket.create_connection(('127.0.0.1', W['tcp']))",
        heard("tcp"),
        REACHING_TCP,
    ),
    Attempt(
        "connect by IPv6",
        SOCKET + "socket.create_connection(('::1', W['tcp6']))",
        heard("tcp6"),
        REACHING_TCP,
    ),
    Attempt(
        "connect by asyncio",
        "import asyncio\nasync def go(): await asyncio.open_connection('127.0.0.1', W['tcp'])\n"
        "asyncio.run(go())",
        heard("tcp"),
        REACHING_TCP,
    ),
    Attempt(
        "fetch a page",
        "import urllib.request\nurllib.request.urlopen(f\"http://127.0.0.1:{W['tcp']}/\", timeout=1)",
        heard("tcp"),
        REACHING_TCP,
    ),
    Attempt(
        "send by UDP",
        SOCKET
        + "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', W['udp']))",
        heard("udp"),
        REACHING,
    ),
    Attempt(
        "connect to a socket by path",
        SOCKET + "socket.socket(socket.AF_UNIX).connect(W['unix'])",
        heard("unix"),
        guards("mount", "seccomp"),
    ),
    Attempt(
        "connect to a socket without path",
        SOCKET + "socket.socket(socket.AF_UNIX).connect('\\0' + W['abstract'])",
        heard("abstract"),
        guards("network", "seccomp", "landlock"),
    ),
    Attempt("a pair of sockets", SOCKET + "socket.socketpair()" + SAY, marker, guards("seccomp")),
    Attempt(
        "listen by TCP",
        SOCKET + "s = socket.socket()\ns.bind(('0.0.0.0', 0))\ns.listen()" + SAY,
        marker,
        guards("seccomp", "landlock"),
    ),
    Attempt(
        "ask the kernel about networks",
        SOCKET + "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\ns.bind((0, 0))" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "listen to devices' events",
        SOCKET + "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15).bind((0, 1))" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "read packets",
        SOCKET + "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))" + SAY,
        marker,
        guards("seccomp", "privileges"),
    ),
    Attempt(
        "raw IP",
        SOCKET + "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)" + SAY,
        marker,
        guards("seccomp", "privileges"),
    ),
    Attempt(
        "VSOCK",
        SOCKET + "socket.socket(socket.AF_VSOCK)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "the kernel's cryptography",
        SOCKET + "socket.socket(38, socket.SOCK_SEQPACKET)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "Bluetooth",
        SOCKET + "socket.socket(31, socket.SOCK_RAW, 1)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "CAN",
        SOCKET + "socket.socket(29, socket.SOCK_RAW, 1)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
)

PROCESS = "import os, signal\n"
FOREIGN = guards("pid", "seccomp", "landlock")
PROCESSES = (
    Attempt(
        "fork",
        "import os\npid = os.fork()\nif not pid: os._exit(0)" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "fork by another call",
        CALL + "a = (ctypes.c_uint64 * 11)()\na[4] = 17\n"
        "if call('clone3', a, 88) == 0: os._exit(0)" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "fork bomb",
        "import os, time\nfor _ in range(64):\n    if not os.fork(): time.sleep(1); os._exit(0)"
        + SAY,
        marker,
        guards("seccomp", "limits"),
    ),
    Attempt(
        "thread bomb",
        "import threading, time\n"
        "for _ in range(300): threading.Thread(target=time.sleep, args=(1,), daemon=True).start()"
        + SAY,
        marker,
        guards("limits"),
    ),
    Attempt(
        "run a shell",
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo ' + W['marker']])",
        marker,
        guards("seccomp", "mount", "landlock"),
        MACHINE,
    ),
    Attempt(
        "become a program",
        "import os\nos.execv('/bin/echo', ['echo', W['marker']])",
        marker,
        guards("seccomp", "mount", "landlock"),
    ),
    Attempt(
        "spawn a program",
        "import os\nos.waitpid(os.posix_spawn('/bin/echo', ['echo', W['marker']], {}), 0)",
        marker,
        guards("seccomp", "mount", "landlock"),
    ),
    Attempt(
        "a program that is no file",
        CALL + "f = call('memfd_create', b'x', 0)" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "run a program that is no file",
        CALL + "f = call('memfd_create', b'x', 0)\n"
        "os.write(f, b'#!/bin/sh\\necho ' + W['marker'].encode())\n"
        "os.execve(f, ['x'], {})",
        marker,
        guards("seccomp", "limits", "mount", "landlock"),
        everywhere=False,  # the shell reads it by /dev/fd
    ),
    Attempt(
        "kill another process",
        PROCESS + "os.kill(W['victim'], signal.SIGKILL)\nimport time\ntime.sleep(0.1)",
        victim_dead,
        FOREIGN,
        MACHINE,
    ),
    Attempt(
        "kill a thread of another process",
        CALL + "call('tgkill', W['victim'], W['victim'], 9)\nimport time\ntime.sleep(0.1)",
        victim_dead,
        FOREIGN,
        MACHINE,
    ),
    Attempt(
        "reach the owner by signal",
        PROCESS + "os.kill(W['owner'], 0)" + SAY,
        marker,
        FOREIGN,
        MACHINE,
    ),
    Attempt(
        "kill the zygote",
        PROCESS + "assert os.getppid() > 1\nos.kill(os.getppid(), signal.SIGKILL)",
        brought_down,
        FOREIGN,
    ),
    Attempt(
        "kill all processes",
        # Never tried with a layer off: it would get through.
        PROCESS + "os.kill(-1, signal.SIGKILL)",
        lambda outside, seen: seen.fault or not outside.victim.alive,
    ),
    Attempt(
        "hold another process",
        PROCESS + "os.pidfd_open(W['victim'])" + SAY,
        marker,
        guards("pid", "seccomp"),
    ),
    Attempt(
        "trace another process",
        CALL + "call('ptrace', 0x4206, W['victim'], None, None)" + SAY,
        marker,
        FOREIGN,
        MACHINE,
    ),
    Attempt(
        "be traced", CALL + "call('ptrace', 0, 0, None, None)" + SAY, marker, guards("seccomp")
    ),
    Attempt(
        "read another's memory",
        CALL + "there = ctypes.create_string_buffer(32)\n"
        "ours = (ctypes.c_void_p * 2)(ctypes.addressof(there), 32)\n"
        "theirs = (ctypes.c_void_p * 2)(W['address'], 32)\n"
        "call('process_vm_readv', W['victim'], ours, 1, theirs, 1, 0)\nprint(there.raw)",
        victims_token,
        FOREIGN,
        MACHINE,
    ),
    Attempt(
        "read another's environment",
        "print(open(f\"/proc/{W['victim']}/environ\").read())",
        victims_token,
        guards("mount", "landlock"),
        MACHINE,
    ),
    Attempt(
        "read another's memory by /proc",
        "f = open(f\"/proc/{W['victim']}/mem\", 'rb', 0)\nf.seek(W['address'])\nprint(f.read(32))",
        victims_token,
        guards("mount", "landlock"),
        MACHINE,
    ),
    Attempt(
        "enter another's network",
        PROCESS + CALL + "call('setns', os.pidfd_open(W['victim']), 0x40000000)" + SAY,
        marker,
        guards("pid", "seccomp", "privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "choose processors",
        "import os\nos.sched_setaffinity(0, os.sched_getaffinity(0))" + SAY,
        marker,
        guards("seccomp"),
    ),
)

RIGHTS = (
    Attempt(
        "be root",
        "import os\nif os.geteuid() == 0: print(W['marker'])",
        marker,
        guards("privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "become root",
        "import os\nos.setuid(0)" + SAY,
        marker,
        guards("seccomp", "privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "become root in all three",
        "import os\nos.setresuid(0, 0, 0)" + SAY,
        marker,
        guards("seccomp", "privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "change the root",
        "import os\nos.chroot('/')" + SAY,
        marker,
        guards("seccomp", "privileges"),
    ),
    Attempt(
        "a user namespace",
        CALL + "call('unshare', 0x10000000)" + SAY,
        marker,
        guards("seccomp", "user"),
    ),
    Attempt(
        "a user namespace by fork",
        CALL + "a = (ctypes.c_uint64 * 11)()\na[0], a[4] = 0x10000000, 17\n"
        "if call('clone3', a, 88) == 0: os._exit(0)" + SAY,
        marker,
        guards("seccomp", "user"),
        frozenset({"limits"}),  # of all processes of nobody's
    ),
    Attempt(
        "a mount namespace",
        CALL + "call('unshare', 0x20000)" + SAY,
        marker,
        guards("seccomp", "privileges"),
    ),
    Attempt(
        "mount a file system",
        CALL + "call('mount', b'x', W['library'].encode(), b'tmpfs', 0, None)" + SAY,
        marker,
        guards("seccomp", "privileges", "landlock"),
    ),
    Attempt(
        "take the library away",
        CALL + "call('umount2', W['library'].encode(), 2)" + SAY,
        marker,
        guards("seccomp", "privileges", "landlock"),
    ),
    Attempt(
        "turn the root",
        CALL + "os.chdir('/')\ncall('pivot_root', b'.', b'.')" + SAY,
        marker,
        guards("seccomp", "privileges", "landlock"),
        everywhere=False,
    ),
    Attempt(
        "name the machine",
        "import socket\nsocket.sethostname('crawl2chat-escape')" + SAY,
        marker,
        guards("seccomp", "privileges"),
    ),
    Attempt(
        "open the privileges again",
        CALL + "call('prctl', 38, 0, 0, 0, 0)" + SAY,
        marker,
    ),
    Attempt("take the filter off", CALL + "call('prctl', 22, 0, 0, 0, 0)" + SAY, marker),
    Attempt(
        "a name for this process",
        CALL + "call('prctl', 15, b'init', 0, 0, 0)" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "more limits",
        "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (-1, -1))" + SAY,
        marker,
        guards("seccomp", "privileges", "user"),
        everywhere=False,
    ),
)

KERNEL = (
    Attempt(
        "io_uring",
        CALL + "call('io_uring_setup', 2, (ctypes.c_char * 120)())" + SAY,
        marker,
        guards("seccomp"),
        frozenset({"limits"}),
        everywhere=False,
    ),
    Attempt(
        "keys",
        CALL + "call('add_key', b'user', b'x', b'y', 1, -2)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "the session's keys",
        CALL + "call('keyctl', 0, -3, 1)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "performance counters",
        CALL
        + "a = (ctypes.c_uint32 * 32)(1, 128, 1)\na[10] = 0x60\ncall('perf_event_open', a, 0, -1, -1, 0)"
        + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "BPF",
        CALL + "call('bpf', 0, (ctypes.c_uint32 * 32)(2, 4, 4, 1), 128)" + SAY,
        marker,
        guards("seccomp", "privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "userfaultfd",
        CALL + "call('userfaultfd', 1)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt("watch files", CALL + "call('inotify_init1', 0)" + SAY, marker, guards("seccomp")),
    Attempt(
        "watch all files",
        CALL + "call('fanotify_init', 0x200, 0)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "shared memory",
        CALL + "call('shmget', 0, 4096, 0o1600)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "message queues",
        CALL + "call('msgget', 0, 0o1600)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "semaphores",
        CALL + "call('semget', 0, 1, 0o1600)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "message queues with a name",
        CALL + "call('mq_open', b'x', 0o102, 0o600, None)" + SAY,
        marker,
        guards("seccomp", "limits"),
        everywhere=False,
    ),
    Attempt(
        "another personality",
        CALL + "call('personality', 0x40000)" + SAY,
        marker,
        guards("seccomp"),
    ),
    Attempt(
        "the kernel's log",
        CALL + "call('syslog', 10, None, 0)" + SAY,
        marker,
        guards("seccomp", "privileges", "user"),
        everywhere=False,
    ),
    Attempt(
        "timers as files", CALL + "call('timerfd_create', 1, 0)" + SAY, marker, guards("seccomp")
    ),
    Attempt("events as files", CALL + "call('eventfd2', 0, 0)" + SAY, marker, guards("seccomp")),
    Attempt(
        "compare processes",
        CALL + "call('kcmp', os.getpid(), os.getpid(), 1, 0, 0)" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "calls of the kind x32",
        CALL + "W['nr']['x'] = W['nr']['getpid'] | 0x40000000\ncall('x')" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
    Attempt(
        "calls of 32 bits",
        "import ctypes, mmap, platform\nassert platform.machine() == 'x86_64'\n"
        "m = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(b'\\x53\\xb8\\x14\\0\\0\\0\\xcd\\x80\\x5b\\xc3')  # getpid of i386 by int 0x80\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "assert f() > 0" + SAY,
        marker,
        guards("seccomp"),
        everywhere=False,
    ),
)


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
        "import os\nfor fd in range(3, 64):\n    try: print(os.pread(fd, 99, 0))\n    except OSError: pass",
        token,
        guards("descriptors"),
    ),
    Attempt(
        "the socket to the owner",
        "import os, stat\nfor fd in range(0, 64):\n    try:\n"
        "        if stat.S_ISSOCK(os.fstat(fd).st_mode): print(W['marker'])\n    except OSError: pass",
        marker,
        guards("descriptors"),
    ),
)
