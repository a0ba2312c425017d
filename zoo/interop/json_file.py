"""JSON from outside: bounded in size, each value checked where it is read."""

import json
import sys
from pathlib import Path

MAX_BYTES = 1 << 26  # 64 MiB; the largest published tokenizer.json are a third of it


class JsonFile:
    """An object in a JSON file, whose values are checked as they are asked for.

    >>> config = JsonFile("checkpoint/config.json")
    >>> config.integer("hidden_size", lowest=1, highest=65_536)
    384

    Args:
        path: str or path. A missing file is an error.

    Attributes:
        path: where it lies, for messages.
        values: dict.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.values = read_json(self.path)
        if not isinstance(self.values, dict):
            raise ValueError(
                f"{self.path} holds a {type(self.values).__name__}, but an object, "
                '{"name": value, ...}, is needed. Download the folder again.'
            )

    @classmethod
    def of_nothing(cls, path):
        """What stands for a file that may be missing and is: an empty object."""
        file = cls.__new__(cls)
        file.path, file.values = Path(path), {}
        return file

    def get(self, name, default=None):
        """The value as it is; null counts as missing."""
        value = self.values.get(name)
        return default if value is None else value

    def integer(self, name, *, lowest=0, highest, default=None):
        value = self._required(name, default)
        if type(value) is not int or not lowest <= value <= highest:
            raise self._wrong(name, value, f"an int from {lowest} to {highest:,}")
        return value

    def number(self, name, *, lowest=0.0, highest=1.0, default=None):
        value = self._required(name, default)
        if type(value) not in (int, float) or not lowest <= value <= highest:
            raise self._wrong(name, value, f"a number from {lowest:g} to {highest:g}")
        return float(min(value, sys.float_info.max))

    def flag(self, name, default=None):
        value = self._required(name, default)
        if type(value) is not bool:
            raise self._wrong(name, value, "true or false")
        return value

    def text(self, name, default=None):
        value = self._required(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a string")
        return value

    def object(self, name):
        """An object; an empty one where the value is missing."""
        value = self.get(name, {})
        if not isinstance(value, dict):
            raise self._wrong(name, value, 'an object, {"name": value, ...},')
        return value

    def objects(self, name):
        """A list of objects; an empty one where the value is missing."""
        value = self.get(name, [])
        if not isinstance(value, list) or not all(isinstance(x, dict) for x in value):
            raise self._wrong(name, value, "a list of objects")
        return value

    def _required(self, name, default):
        value = self.get(name, default)
        if value is None:
            raise ValueError(
                f"{self.path} has no {name!r}, which is needed. Download the file "
                "again, or add it."
            )
        return value

    def _wrong(self, name, value, expected):
        return ValueError(
            f"{self.path} has {name} = {value!r:.80}, but {expected} is needed."
        )


def read_json(path):
    """What a JSON file holds."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}). It may be cut short: download it "
            "again."
        ) from error


def read_text(path):
    """The text of a UTF-8 file of bounded size."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} has no file {path.name}.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{path} has {size:,} bytes, but no such file has more than {MAX_BYTES:,}."
        )
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 (byte 0x{error.object[error.start]:02x} at "
            f"{error.start}). Download it again."
        ) from error
