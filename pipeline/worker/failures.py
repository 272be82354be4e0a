"""Whether an exception says that the network is at fault, which may be back in a moment."""

import errno

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


def is_network_error(error: BaseException) -> bool:
    """A failure of the network or of the object store, which may well be gone a moment later."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if not isinstance(error, OSError):
        return False
    return error.errno in NETWORK_ERRNOS or any(
        part in str(error).lower() for part in NETWORK_TEXTS
    )
