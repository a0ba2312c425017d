"""The matrix products of one training step, as shapes and how often."""

from benchmarks.batches import sentence_lengths


def products(size, vocabulary_size, batch):
    """List of `((batch, rows, inner, columns), count)` for a batch of real tokens.

    No padding: the tokens of all sentences stand in one matrix, and attention
    goes over the mean length. Forward, and the gradients for both operands.
    """
    source, target = sentence_lengths(batch)
    source_tokens, target_tokens = int(source.sum()), int(target.sum())
    dim, inner = size.hidden_dim, size.intermediate_dim
    heads, head_dim = size.num_heads, dim // size.num_heads
    rows = len(source) * heads
    mean_source = max(1, round(source_tokens / len(source)))
    mean_target = max(1, round(target_tokens / len(target)))
    layers = size.num_layers
    dense = [
        ((source_tokens, dim, dim), 6 * layers),  # encoder 4, cross keys and values
        ((target_tokens, dim, dim), 6 * layers),  # decoder 4, cross query and output
        ((source_tokens, dim, inner), layers),
        ((source_tokens, inner, dim), layers),
        ((target_tokens, dim, inner), layers),
        ((target_tokens, inner, dim), layers),
        ((target_tokens, dim, vocabulary_size), 1),
    ]
    shapes = [((1, *shape), count) for shape, count in dense]
    for queries, keys in (
        (mean_source, mean_source),
        (mean_target, mean_target),
        (mean_target, mean_source),
    ):
        shapes.append(((rows, queries, head_dim, keys), layers))
        shapes.append(((rows, queries, keys, head_dim), layers))
    return [each for shape, count in shapes for each in _with_gradients(shape, count)]


def product_flops(shapes):
    """Multiplications and additions of what `products` returned."""
    return sum(2 * b * m * k * n * count for (b, m, k, n), count in shapes)


def _with_gradients(shape, count):
    batch, rows, inner, columns = shape
    return [
        (shape, count),
        ((batch, rows, columns, inner), count),
        ((batch, inner, rows, columns), count),
    ]
