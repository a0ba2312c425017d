"""Worker: KerasHub's ViTBackbone of a preset's shape, arrays to vectors, as ours."""

import keras_hub
import tensorflow as tf

from benchmarks.worker import serve
from benchmarks.workers.forced_captioner import random_images
from benchmarks.workers.keras_fit import facts
from zoo import presets


def build(options):
    """Options: `size`, `vocabulary_size`, `batch`."""
    ours = presets.captioning_model(options["size"], options["vocabulary_size"])
    encoder = ours.image_encoder
    model = keras_hub.models.ViTBackbone(
        image_shape=(*encoder.image_size, 3),
        patch_size=encoder.patch_size,
        num_layers=encoder.num_layers,
        num_heads=encoder.num_heads,
        hidden_dim=encoder.hidden_dim,
        mlp_dim=encoder.intermediate_dim,
    )
    images = tf.constant(random_images(options["batch"], *encoder.image_size))
    encode = tf.function(
        lambda images: model(tf.cast(images, tf.float32) / 127.5 - 1.0, training=False),
        autograph=False,
    )

    def repeat():
        return encode(images).shape[0]

    known = facts(model)
    versions = f"keras_hub {keras_hub.__version__}, {known['versions']}"
    return repeat, {**known, "versions": versions}


if __name__ == "__main__":
    serve(build)
