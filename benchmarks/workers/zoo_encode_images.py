"""Worker: the encoder of `zoo.CaptioningModel`, arrays to vectors, as a plain graph."""

import tensorflow as tf

from benchmarks.worker import serve
from benchmarks.workers.forced_captioner import random_images
from benchmarks.workers.keras_fit import facts
from zoo import presets


def build(options):
    """Options: `size`, `vocabulary_size`, `batch`."""
    model = presets.captioning_model(options["size"], options["vocabulary_size"])
    images = tf.constant(random_images(options["batch"], *model.image_size))
    encode = tf.function(model.image_encoder, autograph=False)

    def repeat():
        return encode(images).shape[0]

    return repeat, facts(model.image_encoder)


if __name__ == "__main__":
    serve(build)
