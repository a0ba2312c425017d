"""Which weights are split where a model is too large for a device."""

import keras

# Megatron's way (Shoeybi et al., 2019, https://arxiv.org/abs/1909.08053): heads and
# inner units are split, so that devices meet once behind attention and once behind the
# feed-forward layer.
_SPLIT = {
    r".*(query|key|value|expand|gate)/kernel": (None, "model"),
    r".*(query|key|value|expand|gate)/bias": ("model",),
    r".*(attention/output|contract)/kernel": ("model", None),
    r".*embeddings": (None, "model"),
}


def model_parallel(devices, per_copy):
    """A `keras.distribution.ModelParallel` of copies that `per_copy` devices share."""
    mesh = keras.distribution.DeviceMesh(
        (len(devices) // per_copy, per_copy), ("batch", "model"), devices
    )
    layout = keras.distribution.LayoutMap(mesh)
    for path, axes in _SPLIT.items():
        layout[path] = axes
    return keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch", auto_shard_dataset=False
    )
