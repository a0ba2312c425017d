"""Worker: only the matrix products of the model, by TensorFlow (oneDNN)."""

import tensorflow as tf

from benchmarks.batches import load_batches, real_tokens
from benchmarks.sizes import SIZES
from benchmarks.worker import serve
from benchmarks.workers.products import products


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`."""
    size, vocabulary_size = SIZES[options["size"]], options["vocabulary_size"]
    batches = load_batches(options["batches"])
    tokens = [real_tokens(batch) for batch in batches]
    shapes = [products(size, vocabulary_size, batch) for batch in batches]
    operands = {shape: _operands(*shape) for each in shapes for shape, _ in each}
    position = 0

    def repeat():
        nonlocal position
        done = 0
        for _ in range(options["steps"]):
            for shape, count in shapes[position]:
                left, right = operands[shape]
                for _ in range(count):
                    tf.matmul(left, right)
            done += tokens[position]
            position = (position + 1) % len(batches)
        return done

    return repeat, {"versions": f"tensorflow {tf.__version__}"}


def _operands(batch, rows, inner, columns):
    lead = () if batch == 1 else (batch,)
    return (
        tf.random.normal((*lead, rows, inner)),
        tf.random.normal((*lead, inner, columns)),
    )


if __name__ == "__main__":
    serve(build)
