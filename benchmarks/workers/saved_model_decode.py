"""Worker: the exported translator, loaded by TensorFlow alone."""

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)

from benchmarks.worker import serve


def build(options):
    """Options: `saved_model` (a folder with a version), `texts`."""
    model = tf.saved_model.load(options["saved_model"])
    texts = tf.constant(options["texts"])

    def repeat():
        answers = model.signatures["serving_default"](text=texts)["translation"]
        return sum(len(answer.split()) for answer in answers.numpy())

    return repeat, {"versions": f"tensorflow {tf.__version__}"}


if __name__ == "__main__":
    serve(build)
