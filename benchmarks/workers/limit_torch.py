"""Worker: only the matrix products of the model, by PyTorch (MKL)."""

import torch

from benchmarks.worker import serve
from benchmarks.workers.products import multiplications


def build(options):
    """Options: `products`, `tokens`, as `benchmarks.limits` gives them."""

    def multiply(left, right, out):
        torch.matmul(left, right, out=out)

    repeat = multiplications(options, _operands, multiply)
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
