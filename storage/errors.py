"""The one exception for a user's mistake: a line that says what, where and what to do; the command line exits 2."""


class UserError(ValueError):
    """Wrong usage or bad input. Its message is one line, shown to the user without a traceback."""
