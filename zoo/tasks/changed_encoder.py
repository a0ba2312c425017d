"""A trained encoder with other options and the same weights."""

from zoo.models import TextEncoder

# Others of these would read the same weights as another function.
_TRAINED = ("num_heads", "positions", "norm_first", "activation")


def changed_encoder(encoder, changes):
    """An encoder with the same weights and other options.

    A pooler that was not there begins at random; one that is not wanted is left out.
    What would leave out other weights, or read them otherwise, is refused.

    Args:
        encoder: `TextEncoder`.
        changes: dict, such as `{"dropout": 0.0, "pooler": None}`.
    """
    config = encoder.get_config()
    changes = {key: x for key, x in changes.items() if config.get(key) != x}
    said = ", ".join(f"{key}={value!r}" for key, value in changes.items())
    if fixed := [key for key in _TRAINED if key in changes]:
        raise ValueError(
            f"The trained encoder has {fixed[0]}={config[fixed[0]]!r}, which its "
            f"weights were trained for, but {said} came. Leave it out, or begin anew "
            "from a named size."
        )
    config |= changes
    changed = TextEncoder(**{k: v for k, v in config.items() if k != "name"})
    changed.build()
    weights = _weights_by_path(encoder)
    for path, weight in _weights_by_path(changed).items():
        if path.startswith("pooler/") and path not in weights:
            continue
        if path not in weights or weights[path].shape != weight.shape:
            raise ValueError(
                f"The trained encoder has no weights for {path} as {said} would have "
                "it. Leave out what changes its size, or begin anew from a named size."
            )
        weight.assign(weights.pop(path))
    if lost := [path for path in weights if not path.startswith("pooler/")]:
        raise ValueError(
            f"The trained encoder has weights for {lost[0]}, which {said} would leave "
            "out. Leave out what changes its size, or begin anew from a named size."
        )
    return changed


def _weights_by_path(encoder):
    """`{path within it: weight}`, without random states, which begin anew."""
    return {
        weight.path.partition(f"{encoder.name}/")[2]: weight
        for weight in encoder.weights
        if weight.dtype != "uint32"
    }
