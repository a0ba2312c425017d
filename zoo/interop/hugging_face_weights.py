"""Arrays of a checkpoint into a model, and a model's weights into arrays."""

import re

import keras
import numpy as np

# Names of the first PyTorch ports of TensorFlow checkpoints.
_LEGACY = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def modern_names(tensors, file):
    """The tensors with the names that are written today.

    >>> modern_names({"embeddings.LayerNorm.gamma": array}, "model.safetensors")
    {"embeddings.LayerNorm.weight": array}
    """
    modern = {}
    for name, array in tensors.items():
        for old, new in _LEGACY.items():
            if name.endswith(old):
                name = name.removesuffix(old) + new
        if name in modern:
            raise ValueError(
                f"{file} has {name!r} twice, the second time as a gamma "
                "or beta. Keep one of them."
            )
        modern[name] = array
    return modern


def assign_weights(places, tensors, file, left_out=()):
    """Puts every tensor into its weight; refuses any that is too much or too few.

    Args:
        places: list of `Place`, of all weights of a model.
        tensors: `{name: array}`.
        file: str or path, for messages.
        left_out: patterns of regular expressions: tensors that may be there although
            the model has no place for them.

    Returns:
        list of the names that were left out.
    """
    rest = dict(tensors)
    values = [_take(place, rest, file) for place in places]
    missing = [p.name for p, v in zip(places, values, strict=True) if v is None]
    unused = [name for name in rest if any(re.fullmatch(p, name) for p in left_out)]
    unexpected = sorted(set(rest) - set(unused))
    if missing or unexpected:
        parts = [("lacks", missing), ("has the unexpected", unexpected)]
        said = " and ".join(f"{verb} {_some(names)}" for verb, names in parts if names)
        raise ValueError(
            f"{file} {said}. It does not fit its config.json: see that model_type and "
            "architectures there are right, and that the file is whole."
        )
    for place, value in zip(places, values, strict=True):
        place.variable.assign(value.T if place.transposed else value)
    return sorted(unused)


def weight_arrays(places):
    """`{name: float32 array}` of a model's weights, shaped as in a checkpoint."""
    arrays = {}
    for place in places:
        if place.variable is None:  # softmax cancels a bias of keys, whatever it is
            arrays[place.name] = np.zeros(place.shape, "float32")
            continue
        if not keras.backend.is_float_dtype(place.variable.dtype):
            raise ValueError(
                f"The weight for {place.name!r} is {place.variable.dtype}: a quantized "
                "model cannot be written. Write it before `quantize`."
            )
        array = keras.ops.convert_to_numpy(keras.ops.cast(place.variable, "float32"))
        arrays[place.name] = array.T if place.transposed else array
    return arrays


def _take(place, rest, file):
    """Takes a place's array, under any of its names, out of `rest`; None if missing."""
    value = None
    for name in (place.name, *place.copies):
        array = rest.pop(name, None)
        if array is None:
            continue
        if array.shape != place.shape or array.dtype != np.float32:
            raise ValueError(
                f"{file} has {name!r} of shape {array.shape} and type {array.dtype}, "
                f"but its config.json asks for {place.shape} and a float."
            )
        if value is not None and not np.array_equal(value, array):
            raise ValueError(
                f"{file} has {name!r} that differs from {place.name!r}. Models whose "
                "output is not tied to the embeddings are not supported."
            )
        value = array
    return value


def _some(names):
    """The first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more
