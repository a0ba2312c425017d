"""The one error that lets a split be held out of another."""


class MissingSplitError(ValueError):
    """A corpus could be read, but has no split of the name that was asked for."""
