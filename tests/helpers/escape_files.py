"""Attempts at files: to read, to see, to write (see escape_attempts)."""

from escape_attempts import (
    CALL,
    MACHINE,
    SAY,
    Attempt,
    disk_filled,
    file_changed,
    guards,
    marker,
    mode_changed,
    passwd_read,
    something_made,
    time_changed,
    token,
)

READING = guards("mount", "landlock")
WRITING = guards("mount", "landlock", "seccomp")
FILES = (
    Attempt("read a file", "print(open(W['secret']).read())", token, READING),
    Attempt(
        "read a file by descriptor",
        "import os\nprint(os.pread(os.open(W['secret'], os.O_RDONLY), 99, 0))",
        token,
        READING,
    ),
    Attempt(
        "read a file by path from pathlib",
        "from pathlib import Path\nprint(Path(W['secret']).read_text())",
        token,
        READING,
    ),
    Attempt(
        "map a file into memory",
        "import mmap\nf = open(W['secret'])\n"
        "print(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])",
        token,
        READING,
        MACHINE,  # the library may lie in root's home
    ),
    Attempt("read /etc/passwd", "print(open('/etc/passwd').read())", passwd_read, READING),
    Attempt(
        "read a key of ssh",
        "import os\nos.environ['HOME'] = W['home']\n"
        "print(open(os.path.expanduser('~/.ssh/id_ed25519')).read())",
        token,
        READING,
    ),
    Attempt(
        "climb out of the folder",
        "print(open('../' * 30 + W['secret'][1:]).read())",
        token,
        READING,
        MACHINE,  # the library may lie in root's home
    ),
    Attempt(
        "climb out of the library",
        "print(open(W['library'] + '/../' * 30 + W['secret'][1:]).read())",
        token,
        READING,
        MACHINE,  # the library may lie in root's home
    ),
    Attempt(
        "another root by /proc",
        "print(open('/proc/self/root' + W['secret']).read())",
        token,
        READING,
    ),
    Attempt(
        "the owner's root by /proc",
        "print(open(f\"/proc/{W['owner']}/root{W['secret']}\").read())",
        token,
        READING,
        MACHINE,
    ),
    Attempt(
        "open2 a file",
        CALL + "how = (ctypes.c_uint64 * 3)()\n"
        "print(os.read(call('openat2', -100, W['secret'].encode(), how, 24), 99))",
        token,
        guards("mount", "landlock", "seccomp"),
    ),
    Attempt(
        "list a folder",
        "import os\nprint(W['marker'] if 'secret' in os.listdir(W['secret'][:-7]) else '')",
        marker,
        READING,
    ),
    Attempt(
        "list the root",
        "import os\nprint(W['marker'] if 'etc' in os.listdir('/') else '')",
        marker,
        READING,
    ),
    Attempt(
        "see whether a file is there",
        "import os\nos.stat(W['secret'])" + SAY,
        marker,
        guards("mount"),
    ),
    Attempt(
        "change into a folder",
        "import os\nos.chdir(W['open'])" + SAY,
        marker,
        guards("seccomp", "mount"),
    ),
    Attempt("read /proc/version", "open('/proc/version').read()[5]" + SAY, marker, READING),
    Attempt("list processes", "import os\nos.listdir('/proc')[0]" + SAY, marker, READING),
    Attempt("list /sys", "import os\nos.listdir('/sys')[0]" + SAY, marker, READING),
    Attempt("read /dev/zero", "open('/dev/zero', 'rb').read(8)[7]" + SAY, marker, READING),
    Attempt("write to a terminal", "open('/dev/tty', 'w').write('x')" + SAY, marker),
    Attempt("read memory of the machine", "open('/dev/mem', 'rb').read(1)" + SAY, marker),
    Attempt(
        "set what the kernel runs at a crash",
        # Only opened: where it could be written, the machine would not be ours to change.
        "open('/proc/sys/kernel/core_pattern', 'r+')" + SAY,
        marker,
        WRITING,
        MACHINE,
        everywhere=False,
    ),
    Attempt("make a file", "open(W['open'] + '/new', 'w')", something_made, WRITING),
    Attempt("make a file in /dev/shm", "open(W['shared'], 'w')", something_made, WRITING),
    Attempt("make a folder", "import os\nos.mkdir(W['open'] + '/new')", something_made, WRITING),
    Attempt(
        "make a symbolic link",
        "import os\nos.symlink('/etc/passwd', W['open'] + '/new')",
        something_made,
        WRITING,
    ),
    Attempt(
        "make a hard link",
        "import os\nos.link(W['file'], W['open'] + '/new')",
        something_made,
        WRITING,
        MACHINE,  # protected_hardlinks: of one's own files only
    ),
    Attempt(
        "make a pipe with a name",
        "import os\nos.mkfifo(W['open'] + '/new')",
        something_made,
        WRITING,
    ),
    Attempt(
        "make a file without a name",
        "import os\nos.open(W['open'], os.O_TMPFILE | os.O_RDWR)" + SAY,
        marker,
        WRITING,
    ),
    Attempt(
        "write over a file",
        "open(W['file'], 'r+').write('HERE WE ARE')",
        file_changed,
        (*WRITING, *guards("limits")),
    ),
    Attempt(
        "append to a file",
        "open(W['file'], 'a').write('!')",
        file_changed,
        (*WRITING, *guards("limits")),
    ),
    Attempt("cut a file", "import os\nos.truncate(W['file'], 0)", file_changed, WRITING),
    Attempt("remove a file", "import os\nos.unlink(W['file'])", file_changed, WRITING),
    Attempt(
        "rename a file", "import os\nos.rename(W['file'], W['file'] + '2')", file_changed, WRITING
    ),
    Attempt(
        "change a file's mode",
        "import os\nos.chmod(W['file'], 0o4777)",
        mode_changed,
        guards("mount", "seccomp"),
        MACHINE,
    ),
    Attempt(
        "change a file's time",
        "import os\nos.utime(W['file'])",
        time_changed,
        guards("mount", "seccomp"),
    ),
    Attempt(
        "fill the disk",
        "f = open(W['open'] + '/big', 'wb')\nfor _ in range(8): f.write(bytes(1 << 20))\nf.flush()",
        disk_filled,
        (*WRITING, *guards("limits")),
    ),
    Attempt(
        "poison the library", "open(W['library'] + '/crawl2chat_poison.py', 'w')" + SAY, marker
    ),
    Attempt(
        "open a file by its handle",
        CALL + "handle = (ctypes.c_uint32 * 34)(128)\nmount = ctypes.c_int()\n"
        "call('name_to_handle_at', -100, W['library'].encode(), handle, ctypes.byref(mount), 0)"
        + SAY,
        marker,
        guards("seccomp"),
    ),
)
