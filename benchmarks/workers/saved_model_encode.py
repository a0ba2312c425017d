"""Worker: the exported embedder, loaded by TensorFlow alone."""

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)

from benchmarks.worker import serve
from benchmarks.workers.encoding import encodings


def build(options):
    """Options: `saved_model` (a folder with a version), and those of `encodings`."""
    model = tf.saved_model.load(options["saved_model"])
    encode = model.signatures["serving_default"]

    def embed(texts):
        return encode(text=tf.constant(texts))["embedding"].numpy()

    return encodings(embed, options), {"versions": f"tensorflow {tf.__version__}"}


if __name__ == "__main__":
    serve(build)
