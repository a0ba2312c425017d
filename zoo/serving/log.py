"""The server's log: one line for each event, whatever is in it."""

import logging


class OneLine(logging.Formatter):
    """Writes what could end a line, or move a cursor, as Python would in a string.

    Names and what an error says may come from outside, and end up in a terminal.
    """

    def format(self, record):
        text = super().format(record)
        return "".join(x if x.isprintable() else ascii(x)[1:-1] for x in text)


def set_up():
    """Sends what is logged to the standard error, where nothing else was set up."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
