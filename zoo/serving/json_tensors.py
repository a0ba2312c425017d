"""JSON to the inputs of a signature and back, as TensorFlow Serving has it.

The forms are those of <https://www.tensorflow.org/tfx/serving/api_rest>: rows under
`instances`, columns under `inputs`, bytes as `{"b64": ...}`.
"""

import base64
import binascii
import json
import math

import numpy as np
import tensorflow as tf

_B64 = "b64"
_BYTES = "_bytes"  # how the name of a tensor ends whose strings are no text
_SHOWN = 60  # characters of a value in a message
# In a body. Each takes Python some 40 bytes and all others' time while it is read.
MOST_VALUES = 2**22
_ENCODER = json.JSONEncoder(default=str)


def parse(body):
    """The bytes of a request -> dict.

    Raises:
        ValueError: it is no JSON, no object, of too many values, or says one twice.
    """
    num_values = sum(body.count(mark) for mark in (b",", b"[", b"{"))
    if num_values > MOST_VALUES:
        raise ValueError(
            f"The body has about {num_values:,} values; at most {MOST_VALUES:,} are "
            "read. Send several."
        )
    try:
        request = json.loads(body, object_pairs_hook=_object)
    except ValueError as error:
        raise ValueError(f"The body is no JSON: {error}.") from error
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None
    if not isinstance(request, dict):
        raise ValueError(f"The body must be a JSON object, got {shown(request)}.")
    return request


def _object(pairs):
    """A dict of pairs; which of two of one name is meant, nobody knows."""
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"an object has {shown(name)} twice")
        found[name] = value
    return found


def tensors(request, specs):
    """The inputs of a signature from a request in row or column form.

    >>> tensors({"instances": ["a", "b"]}, {"text": tf.TensorSpec([None], tf.string)})
    {"text": array([b"a", b"b"], dtype=object)}

    Args:
        request: dict with `instances` or `inputs`.
        specs: dict of `tf.TensorSpec`s, what the signature takes.

    Returns:
        dict of arrays, named as `specs`.

    Raises:
        ValueError: something is missing, left over, of another type or shape; the
            message says what.
    """
    if ("instances" in request) == ("inputs" in request):
        raise ValueError(
            "A request has either 'instances' (rows) or 'inputs' (columns); got the "
            f"keys {shown(sorted(request))}."
        )
    is_row = "instances" in request
    columns = _columns(request["instances"], specs) if is_row else request["inputs"]
    if len(specs) == 1 and not _is_named(columns, specs):
        columns = {next(iter(specs)): columns}
    if not isinstance(columns, dict):
        raise ValueError(
            f"'inputs' must be an object of {sorted(specs)}, got {shown(columns)}."
        )
    if is_row or not set(columns) >= set(specs):  # more columns are let be
        _check_names(columns, specs, "The request")
    return {name: _array(name, columns[name], spec) for name, spec in specs.items()}


def response(outputs, is_row):
    """dict of arrays -> the object of an answer: `predictions` rows, or `outputs`.

    >>> response({"score": np.array([0.5, 1.0])}, is_row=True)
    {"predictions": [0.5, 1.0]}
    """
    counts = {array.shape[:1] for array in outputs.values()}
    if is_row and (len(counts) > 1 or () in counts):
        raise ValueError(
            "The outputs of this signature differ in their first dimension, or have "
            "none, so they make no rows. Ask with 'inputs' in place of 'instances'."
        )
    columns = {name: values(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        (column,) = columns.values()
        return {"predictions" if is_row else "outputs": column}
    if not is_row:
        return {"outputs": columns}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def _columns(instances, specs):
    """Rows -> dict of columns, or one column where rows are bare values."""
    if not isinstance(instances, list) or not instances:
        raise ValueError(
            f"'instances' must be a list of at least one, got {shown(instances)}."
        )
    if len(specs) == 1 and not _is_named(instances[0], specs):
        return instances
    for number, row in enumerate(instances):
        if not isinstance(row, dict):
            raise ValueError(
                f"instances[{number}] must be an object of {sorted(specs)}, got "
                f"{shown(row)}."
            )
        _check_names(row, specs, f"instances[{number}]")
    return {name: [row[name] for row in instances] for name in specs}


def _is_named(value, specs):
    """Whether an object names inputs, and is no bytes."""
    return isinstance(value, dict) and not (set(value) == {_B64} and _B64 not in specs)


def _check_names(found, specs, where):
    if set(found) != set(specs):
        raise ValueError(
            f"{where} has {shown(sorted(found))}, and this signature takes "
            f"{sorted(specs)}."
        )


def _array(name, value, spec):
    """Nested lists as an array of the type and shape of `spec`."""
    rank = _depth(value) if spec.shape.rank is None else spec.shape.rank
    shape, leaves = _flattened(name, value, rank)
    if not spec.shape.is_compatible_with(shape):
        raise ValueError(
            f"{name!r} must be of shape {tuple(spec.shape)}, got {tuple(shape)}."
        )
    read = _reader(spec.dtype)
    array = np.empty(len(leaves), spec.dtype.as_numpy_dtype)
    for place, leaf in enumerate(leaves):
        try:
            array[place] = read(leaf)
        except (TypeError, ValueError, OverflowError) as error:
            why = f" ({error})" * isinstance(error, binascii.Error)
            raise ValueError(
                f"{name!r} must hold {spec.dtype.name}, got {shown(leaf)}{why}."
            ) from error
    return array.reshape(shape)


def _depth(value):
    """How deep lists are nested."""
    depth = 0
    while isinstance(value, list):
        depth, value = depth + 1, value[0] if value else None
    return depth


def _flattened(name, value, rank):
    """Lists nested `rank` deep -> their shape and all that is in them."""
    level, shape = [value], []
    for _ in range(rank):
        if not all(isinstance(each, list) for each in level):
            wrong = next(each for each in level if not isinstance(each, list))
            raise ValueError(
                f"{name!r} must be a list nested {rank} deep, got {shown(wrong)}."
            )
        lengths = {len(each) for each in level}
        if len(lengths) > 1:
            raise ValueError(
                f"The lists of {name!r} differ in length: "
                f"{shown(sorted(lengths))}. Make them alike."
            )
        shape.append(lengths.pop() if lengths else 0)
        level = [x for each in level for x in each]
    return shape, level


def _reader(dtype):
    """A function from a JSON value to what an array of `dtype` holds."""
    if dtype == tf.string:
        return _bytes
    if dtype == tf.bool:
        return lambda value: _of_type(value, bool)
    if dtype.is_integer:
        return lambda value: _of_type(value, int)
    if dtype.is_floating:
        return lambda value: _float(value, dtype)
    raise ValueError(f"Tensors of {dtype.name} cannot be given in JSON.")


def _of_type(value, *types):
    # True is an int to Python, and none to JSON.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise TypeError
    return value


def _float(value, dtype):
    value = float(_of_type(value, int, float))
    if float(dtype.max) < abs(value) < math.inf:  # it would become infinite
        raise OverflowError
    return value


def _bytes(value):
    if isinstance(value, str):
        return value.encode()  # UnicodeEncodeError of half a character is a ValueError
    if not isinstance(value, dict) or set(value) != {_B64}:
        raise TypeError
    # In lines or without padding, as programs write it.
    text = "".join(_of_type(value[_B64], str).split())
    # What it raises is a ValueError that says what is wrong.
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def values(name, array):
    """An array as lists of what JSON can say."""
    if array.dtype.kind == "c":
        raise ValueError(f"{name!r} holds {array.dtype.name}, which JSON cannot say.")
    if array.dtype == np.float32:  # 0.1, not what a double has in its place
        array = array.astype("U").astype(float)
    if array.dtype != object:
        return array.tolist()
    if name.endswith(_BYTES):
        read = [{_B64: base64.b64encode(value).decode()} for value in array.flat]
    else:
        read = [value.decode("utf-8", "replace") for value in array.flat]
    boxes = np.empty(array.size, object)
    boxes[:] = read
    return boxes.reshape(array.shape).tolist()


def shown(value):
    """The beginning of a value as JSON: it comes from outside, and may be large."""
    text = ""
    for part in _ENCODER.iterencode(value):
        text += part
        if len(text) > _SHOWN:
            return f"{text[:_SHOWN]}..."
    return text
