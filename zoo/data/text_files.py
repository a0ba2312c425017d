"""Text files, gzipped or not, and errors that name the line."""

import contextlib
import gzip
import pathlib
import zlib

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_text(path):
    """The text of a UTF-8 file, unpacked if its name ends in .gz.

    A byte order mark at its beginning is left out.

    Raises:
        ValueError: the file is empty, a broken gzip file or not UTF-8.
    """
    path = pathlib.Path(path)
    with _opened(path) as file:
        data = file.read().removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        raise _empty(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_utf8(path, line, data[error.start]) from error


def lines_of(path):
    """Yields the lines of a text file; they end in LF or CRLF and in nothing else.

    U+2028, U+0085 and the like are part of a line, so that line numbers agree with
    those of the other languages' files.

    Raises:
        ValueError: as `read_text` does, once the line is reached.
    """
    for line in lines_with_ends(path):
        yield line.removesuffix("\n").removesuffix("\r")


def lines_with_ends(path):
    """As `lines_of`, each line with what ends it."""
    path = pathlib.Path(path)
    is_empty = True
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            is_empty = is_empty and not line.strip()
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _not_utf8(path, number, line[error.start]) from error
    if is_empty:
        raise _empty(path)


def read_lines(path):
    """List of what `lines_of` yields."""
    return list(lines_of(path))


@contextlib.contextmanager
def _opened(path):
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is no complete gzip file ({error}): it may be cut short. Fetch or "
            "make it again."
        ) from error


def _empty(path):
    return ValueError(f"{path} is empty. Text, one sentence a line, is expected.")


def _not_utf8(path, line, byte):
    return ValueError(
        f"{path}, line {line}: not UTF-8 (byte 0x{byte:02x}). Convert the file, for "
        f"example: iconv -f latin1 -t utf-8 {path.name}"
    )
