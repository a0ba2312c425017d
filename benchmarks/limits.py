"""The rows of a report that only multiply the matrices that a model needs."""

from benchmarks.driver import Configuration
from benchmarks.workers.products import product_flops

LIMITS = ["limit PyTorch", "limit TensorFlow"]


def limit_configurations(shapes, tokens, peers_python):
    """PyTorch and TensorFlow, of which the faster one in a round is that round's limit.

    Args:
        shapes: list of what `benchmarks.workers.products` gives for a batch.
        tokens: int. The real tokens of all these batches.
        peers_python: str or None. The interpreter that has PyTorch.
    """
    flops = sum(product_flops(each) for each in shapes) / tokens
    options = {"products": shapes, "tokens": tokens}
    pytorch, tensorflow = (
        Configuration(
            name,
            f"benchmarks.workers.{module}",
            options,
            useful_flops_per_token=flops,
            as_recipes=True,
        )
        for name, module in zip(
            LIMITS, ("limit_torch", "limit_tensorflow"), strict=True
        )
    )
    return [pytorch._replace(python=peers_python or ""), tensorflow]
