"""Weights of the reference checkpoints, made again from their names.

`tensors.json` in a reference's folder has, for each of its files of weights, the names,
types and shapes of the tensors; the numbers follow from the names. So none are kept.
"""

import json
import math
import zlib

import numpy as np


def write_weights(folder, name):
    """Writes the files of weights of the reference `name` into a copy of its folder."""
    files = json.loads((folder / "tensors.json").read_text())
    for file_name, tensors in files.items():
        header, parts, end = {}, [], 0
        for tensor, (dtype, shape) in tensors.items():
            parts.append(_bytes(_numbers(f"{name}/{tensor}", shape), dtype))
            begin, end = end, end + len(parts[-1])
            header[tensor] = {
                "dtype": dtype,
                "shape": shape,
                "data_offsets": [begin, end],
            }
        header = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
        size = len(header).to_bytes(8, "little")
        (folder / file_name).write_bytes(b"".join([size, header, *parts]))


def _numbers(path, shape):
    """float32, the same on every machine; scales of norms lie around 1."""
    # Unlike the generators that came later, this one may never change.
    generator = np.random.RandomState(zlib.crc32(path.encode()))
    numbers = 0.3 * generator.standard_normal(math.prod(shape))
    is_scale = path.endswith("orm.weight")
    return (numbers + is_scale).astype("<f4").reshape(shape)


def _bytes(numbers, dtype):
    if dtype == "BF16":  # the upper halves of the float32
        return (numbers.view("<u4") >> 16).astype("<u2").tobytes()
    return numbers.tobytes()
