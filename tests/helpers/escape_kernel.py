"""Attempts at rights, and at corners of the kernel (see escape_attempts)."""

from escape_attempts import (
    CALL,
    SAY,
    Attempt,
    guards,
    marker,
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
        CALL + "a = (ctypes.c_uint32 * 32)(1, 128, 1)\na[10] = 0x60\n"
        "call('perf_event_open', a, 0, -1, -1, 0)" + SAY,
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
