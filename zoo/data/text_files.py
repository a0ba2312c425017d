"""Text files, gzipped or not, and errors that name the line."""

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
    data = path.read_bytes()
    if path.suffix == ".gz" and data:
        data = _unpacked(path, data)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        raise ValueError(f"{path} is empty. Text, one sentence a line, is expected.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}). Convert "
            f"the file, for example: iconv -f latin1 -t utf-8 {path.name}"
        ) from error


def _unpacked(path, data):
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is no complete gzip file ({error}): it may be cut short. Fetch or "
            "make it again."
        ) from error


def read_lines(path):
    """The lines of a text file; they end in LF or CRLF and in nothing else.

    U+2028, U+0085 and the like are part of a line, so that line numbers agree with
    those of the other languages' files.
    """
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
