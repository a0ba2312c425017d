"""Worker: only the matrix products of the model, by TensorFlow (oneDNN)."""

import tensorflow as tf

from benchmarks.worker import serve
from benchmarks.workers.products import multiplications


def build(options):
    """Options: `products`, `tokens`, as `benchmarks.limits` gives them."""
    repeat = multiplications(options, _operands, tf.matmul)
    return repeat, {"versions": f"tensorflow {tf.__version__}"}


def _operands(batch, rows, inner, columns):
    lead = () if batch == 1 else (batch,)
    return (
        tf.random.normal((*lead, rows, inner)),
        tf.random.normal((*lead, inner, columns)),
    )


if __name__ == "__main__":
    serve(build)
