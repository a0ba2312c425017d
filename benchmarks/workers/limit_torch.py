"""Worker: only the matrix products of the model, by PyTorch (MKL)."""

import torch

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
                left, right, out = operands[shape]
                for _ in range(count):
                    torch.matmul(left, right, out=out)
            done += tokens[position]
            position = (position + 1) % len(batches)
        return done

    return repeat, {"versions": f"torch {torch.__version__}"}


def _operands(batch, rows, inner, columns):
    lead = () if batch == 1 else (batch,)
    return (
        torch.randn(*lead, rows, inner),
        torch.randn(*lead, inner, columns),
        torch.empty(*lead, rows, columns),
    )


if __name__ == "__main__":
    serve(build)
