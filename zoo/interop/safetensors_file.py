"""The safetensors format, read and written with NumPy alone.

Eight bytes with the length of a header, the header, the numbers. The header is JSON,
`{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}`. See
https://github.com/huggingface/safetensors#format. Nothing in such a file is ever
executed, and every size it names is compared with the file before it is believed.
"""

import json
import math
from pathlib import Path

import numpy as np

MAX_HEADER_BYTES = 100_000_000  # the limit of the format's own library
_LARGEST, _MOST_AXES = 2**53, 8  # of a shape, its zeros aside; NumPy has bounds too
_DTYPES = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # which NumPy does not know: the upper half of a float32
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
}


def read_safetensors(path):
    """`{name: array}`; float16 and bfloat16 come as the float32 of the same value.

    What is float32 in the file is not read before it is used.

    >>> read_safetensors("checkpoint/model.safetensors")["pooler.dense.bias"].shape
    (384,)
    """
    path = Path(path)
    header, start = _read_header(path)
    if not header:
        return {}
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=start)
    return {
        name: _array(data[begin:end], dtype, shape)
        for name, (dtype, shape, begin, end) in header.items()
    }


def write_safetensors(path, tensors):
    """Writes `{name: float32 array}`, sorted by name.

    >>> write_safetensors("model.safetensors", {"bias": np.zeros(3, "float32")})
    """
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        begin, end = end, end + 4 * tensors[name].size
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # the numbers begin at a multiple of 8
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in sorted(tensors):
            file.write(np.ascontiguousarray(tensors[name], _DTYPES["F32"]).data)


def _array(data, dtype, shape):
    """bytes `(n,)` -> array of `shape`"""
    array = data.view(_DTYPES[dtype]).reshape(shape)
    if dtype == "BF16":
        return (array.astype("<u4") << 16).view(_DTYPES["F32"])
    if dtype == "F16":
        return array.astype(_DTYPES["F32"])
    return array


def _read_header(path):
    """-> ({name: (dtype, shape, begin, end)}, where the numbers start)"""
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise _cut_short(path, size, f"a header of {length:,}")
        text = file.read(length)
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_repeats)
        header.pop("__metadata__", None)
        entries = {name: _entry(name, entry) for name, entry in header.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path} has no valid safetensors header ({error}). It may be another "
            "kind of file, or damaged: download it again."
        ) from error
    _check_offsets(path, entries, size - 8 - length)
    return entries, 8 + length


def _without_repeats(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name occurs twice")
    return values


def _entry(name, entry):
    """One entry of a header, checked -> (dtype, shape, begin, end)"""
    try:
        dtype, shape, (begin, end) = (
            entry[key] for key in ("dtype", "shape", "data_offsets")
        )
        sizes = [*shape, begin, end]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{name!r} is {entry!r:.100}") from None
    if dtype not in _DTYPES:
        raise ValueError(
            f"{name!r} is of the type {dtype!r:.40}; known are {', '.join(_DTYPES)}"
        )
    is_odd = any(type(number) is not int or number < 0 for number in sizes)
    if is_odd or len(shape) > _MOST_AXES or math.prod(filter(None, shape)) > _LARGEST:
        raise ValueError(f"{name!r} has the sizes {sizes!r:.100}")
    if end - begin != math.prod(shape) * _DTYPES[dtype].itemsize:
        raise ValueError(f"{name!r} has {end - begin:,} bytes for the shape {shape}")
    return dtype, tuple(shape), begin, end


def _check_offsets(path, entries, size):
    """Each tensor begins where another ends, and the last ends with the file."""
    expected = 0
    for name, (*_, begin, end) in sorted(
        entries.items(), key=lambda item: (item[1][2], item[1][3])
    ):
        if begin != expected:
            raise ValueError(
                f"{path} has no valid safetensors header ({name!r} begins at {begin:,} "
                f"instead of {expected:,}). Download it again."
            )
        expected = end
    if expected > size:
        raise _cut_short(path, size, f"{expected:,} of numbers")
    if expected < size:
        raise ValueError(
            f"{path} goes on for {size - expected:,} bytes behind its last tensor. "
            "It is damaged: download it again."
        )


def _cut_short(path, size, described):
    return ValueError(
        f"{path} is cut short, or is no safetensors file: it has {size:,} bytes, but "
        f"describes {described}. Download it again."
    )
