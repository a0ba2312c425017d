"""The matrix products of one training step: shapes and how often, and doing them."""

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


def masked_lm_products(size, vocabulary_size, batch):
    """As `products`, of an encoder and the prediction of its masked tokens alone."""
    lengths = (batch["token_ids"] != 0).sum(axis=1)
    tokens, masks = int(lengths.sum()), int((batch["sample_weight"] > 0).sum())
    mean = round(tokens / len(lengths))
    dim, inner, layers = size.hidden_dim, size.intermediate_dim, size.num_layers
    heads, head_dim = len(lengths) * size.num_heads, dim // size.num_heads
    shapes = [
        ((1, tokens, dim, dim), 4 * layers),
        ((1, tokens, dim, inner), layers),
        ((1, tokens, inner, dim), layers),
        ((heads, mean, head_dim, mean), layers),
        ((heads, mean, mean, head_dim), layers),
        ((1, masks, dim, dim), 1),
        ((1, masks, dim, vocabulary_size), 1),
    ]
    return [each for shape, count in shapes for each in _with_gradients(shape, count)]


def multiplications(options, make_operands, multiply):
    """Makes `repeat()`: every product of every batch once, as often as it counts.

    Args:
        options: dict. `products`, a list of what `products` gives, and `tokens`.
        make_operands: callable. `(batch, rows, inner, columns)` -> operands.
        multiply: callable of the operands.
    """
    shapes = [
        (tuple(shape), count) for each in options["products"] for shape, count in each
    ]
    operands = {shape: make_operands(*shape) for shape, _ in shapes}

    def repeat():
        for shape, count in shapes:
            for _ in range(count):
                multiply(*operands[shape])
        return options["tokens"]

    return repeat


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
