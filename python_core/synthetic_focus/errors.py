"""The root of every error that the project raises on purpose."""


class SyntheticFocusError(Exception):
    """Something the user can mend; the message says what was wrong, where, and what to do."""
