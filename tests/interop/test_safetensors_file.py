import json

import numpy as np
import pytest

from zoo.interop.safetensors_file import read_safetensors, write_safetensors

TENSORS = {
    "b": np.arange(6, dtype="float32").reshape(2, 3),
    "a": np.array([1.5, -2.0], "float32"),
    "scalar": np.array(7.0, "float32"),
    "empty": np.zeros((0, 3), "float32"),
}


def raw(header, data=b"", length=None):
    """The bytes of a file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    return length.to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def written(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, TENSORS)
    found = read_safetensors(path)
    assert set(found) == set(TENSORS)
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.float32


def test_the_file_is_laid_out_as_the_format_says(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, {"t": np.array([[1.0, 2.0]], "float32").T})
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == {
        "__metadata__": {"format": "pt"},
        "t": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
    }
    assert content[8 + length :] == np.array([1, 2], "<f4").tobytes()


def test_half_precision_becomes_float32_of_the_same_value(tmp_path):
    half = np.array([1.5, -0.1], "float16")
    upper = np.array([1.5, -0.1], "float32").view("uint32") >> 16
    header = {"f": entry("F16", offsets=(0, 4)), "b": entry("BF16", offsets=(4, 8))}
    data = half.tobytes() + upper.astype("uint16").tobytes()
    found = read_safetensors(written(tmp_path, raw(header, data)))
    np.testing.assert_array_equal(found["f"], half.astype("float32"))
    np.testing.assert_array_equal(found["b"], (upper << 16).view("float32"))
    assert {array.dtype.name for array in found.values()} == {"float32"}


def test_a_file_without_tensors(tmp_path):
    assert read_safetensors(written(tmp_path, raw({}))) == {}


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write_safetensors(path, TENSORS)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match="is cut short, or is no safetensors file"):
            read_safetensors(path)


BROKEN = {
    "too long": (raw({"t": entry()}, bytes(9)), "goes on for 1 bytes behind"),
    "a huge header": (raw({}, length=1 << 60), "describes a header of 1,152,921,504"),
    "no JSON": (raw(b"{"), "no valid safetensors header"),
    "no UTF-8": (raw(b"\xff\xfe"), "no valid safetensors header"),
    "no object": (raw([]), "no valid safetensors header"),
    "deeply nested": (raw(b"[" * 100_000), "no valid safetensors header"),
    "a name twice": (raw(b'{"a": 1, "a": 2}'), "a name occurs twice"),
    "an entry of another kind": (raw({"t": 5}), "'t' is 5"),
    "an unknown type": (
        raw({"t": entry("F8_E4M3")}, bytes(8)),
        "'t' is of the type 'F8_E4M3'; known are F32, F16, BF16",
    ),
    "a negative size": (raw({"t": entry(shape=(-1, -2))}, bytes(8)), "has the sizes"),
    "a size that is vast": (
        raw({"t": {**entry(shape=(0, 2**70)), "data_offsets": [0, 0]}}, b""),
        "has the sizes",
    ),
    "a shape of many axes": (
        raw({"t": entry(shape=(1,) * 70)}, bytes(8)),
        "has the sizes",
    ),
    "a shape that is true": (raw({"t": entry(shape=(True, 2))}, bytes(8)), "the sizes"),
    "a shape of other size": (
        raw({"t": entry(shape=(3,))}, bytes(8)),
        r"'t' has 8 bytes for the shape \[3\]",
    ),
    "a gap": (
        raw({"t": entry(offsets=(4, 12))}, bytes(12)),
        "begins at 4 instead of 0",
    ),
    "an overlap": (
        raw({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
        "'b' begins at 4 instead of 8",
    ),
    "more than there is": (
        raw({"t": entry(shape=(1 << 50,), offsets=(0, 1 << 52))}, bytes(8)),
        "describes 4,503,599,627,370,496 of numbers",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(case, tmp_path):
    content, match = BROKEN[case]
    with pytest.raises(ValueError, match=match):
        read_safetensors(written(tmp_path, content))
