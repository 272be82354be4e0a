"""What an exception says of its cause: a full disk, or a network that may be back in a moment."""

import errno

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Libraries in Rust and C++ pass the errno on only as text.
DISK_FULL_TEXTS = ("no space left on device", "disk quota exceeded", "file too large")
NETWORK_ERRNOS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ENETDOWN,
    }
)
NETWORK_TEXTS = ("network_connection", "slow_down", "service unavailable", "timed out")


def is_disk_full(error: BaseException) -> bool:
    """No space, no quota, or a file beyond the size limit."""
    if isinstance(error, OSError) and error.errno in DISK_FULL_ERRNOS:
        return True
    text = str(error).lower()
    return any(part in text for part in DISK_FULL_TEXTS)


def is_network_error(error: BaseException) -> bool:
    """A failure of the network or of the object store, which may well be gone a moment later."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if not isinstance(error, OSError):
        return False
    return error.errno in NETWORK_ERRNOS or any(
        part in str(error).lower() for part in NETWORK_TEXTS
    )
