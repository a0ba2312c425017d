"""Low-rank changes of a trained encoder: few weights learn, all of them count."""

import functools
import tempfile

import keras


def enable_lora(encoder, rank):
    """Freezes a built encoder but for a change of low rank to each of its matrices.

    A dense layer's kernel `W` becomes `W + A B`, with `A` of `rank` columns and `B` of
    zeros to begin with ([Hu et al., 2021](https://arxiv.org/abs/2106.09685)). Call it
    before `compile`. Heads learn as before, and so does the encoder's pooler, which is
    the first layer of a classifier's and may be new. What is saved or exported holds
    the sum alone.

    >>> enable_lora(classifier.model.encoder, rank=8)

    Args:
        encoder: keras.Layer or keras.Model, built.
        rank: int, 1 or more.
    """
    if rank < 1:
        raise ValueError(f"rank must be 1 or more, got {rank}. Usual ones are 4 to 16.")
    if has_lora(encoder):
        raise ValueError(
            "The encoder has changes of low rank already. Save the task and read it "
            "again, which adds them up, to begin with new ones."
        )
    pooler = getattr(encoder, "pooler", None)
    heads = [] if pooler is None else [pooler]
    own = {id(weight) for head in heads for weight in head.weights}
    for weight in encoder.trainable_variables:
        weight.trainable = id(weight) in own
    for layer in encoder._flatten_layers():
        if isinstance(layer, keras.layers.Dense) and layer not in heads:
            layer.enable_lora(rank)


def has_lora(model):
    """Whether some layer's kernel is a sum that is made anew at each call."""
    return any(getattr(x, "lora_enabled", False) for x in model._flatten_layers())


def merges_lora(write):
    """Lets a method of a task that writes files write the sums alone."""

    @functools.wraps(write)
    def write_merged(task, *arguments, **options):
        is_quantized = any(
            layer.quantization_mode is not None
            for layer in task.model._flatten_layers()
            if hasattr(layer, "quantization_mode")
        )
        if is_quantized or not has_lora(task.model):
            return write(task, *arguments, **options)
        with tempfile.TemporaryDirectory() as folder:
            task.save_to_preset(folder)  # this adds them up
            merged = type(task).from_preset(folder)
        return write(merged, *arguments, **options)

    return write_merged
