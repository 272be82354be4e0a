"""Attempts at sockets and at other processes (see escape_attempts)."""

from escape_attempts import (
    CALL,
    MACHINE,
    SAY,
    Attempt,
    brought_down,
    guards,
    heard,
    marker,
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
        "from urllib.request import urlopen\nurlopen(f\"http://127.0.0.1:{W['tcp']}/\", timeout=1)",
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
