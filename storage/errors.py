"""The error for a user's mistake: one line that says what, where and what to do; exit code 2."""


class UserError(ValueError):
    """Wrong usage or bad input. Its message is one line, shown to the user without a traceback."""
