"""Whether an exception is a failure of the network, which may work again a moment later."""

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
    """Whether it is a failure of the network or of the object store, so that a retry may help."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if not isinstance(error, OSError):
        return False
    return error.errno in NETWORK_ERRNOS or any(
        part in str(error).lower() for part in NETWORK_TEXTS
    )
