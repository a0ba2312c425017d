"""The log has one line for each event, whatever is in it."""

import io
import logging

import pytest

from zoo.serving.log import OneLine, set_up


def line(message, *args, **options):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.error(message, *args, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a süß name 名", "a süß name 名"),
        ("a\nERROR b", r"a\nERROR b"),
        ("a\r\x1b[2Kb\0\x9b", r"a\r\x1b[2Kb\x00\x9b"),
        ("a\u2028b\u202ec", r"a\u2028b\u202ec"),  # ends a line; turns the rest around
        ("a\ud800", r"a\ud800"),
    ],
)
def test_what_ends_a_line_or_moves_a_cursor_is_written_out(text, expected):
    assert line("%s does not load", text) == f"ERROR {expected} does not load\n"


def test_an_exception_and_where_it_came_from_is_one_line():
    try:
        raise ValueError("a\nb")
    except ValueError:
        found = line("It failed.", exc_info=True)
    assert found.count("\n") == 1 and found.endswith("\n")
    assert r"It failed.\nTraceback" in found and r"ValueError: a\nb" in found


def test_the_whole_log_is_written_so(monkeypatch):
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", root)
    set_up()
    (handler,) = root.handlers
    assert isinstance(handler.formatter, OneLine) and root.level == logging.INFO
