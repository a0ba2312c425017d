"""Which examples share a batch: bucket shapes, token budgets, packing.

Plain NumPy over lengths, for any task whose examples have a source and a target.
"""

import dataclasses

import numpy as np

_MOST_STEPS = 64  # lengths are rounded up until at most this many remain
_MOST_CANDIDATES = 512
# How many pairs a packed row chooses its next pair from.
_POOL_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class Batch:
    """Where the pairs of one batch go.

    Attributes:
        shape: (rows, source length, target length).
        pairs: int `(n,)`. Which pairs.
        rows: int `(n,)`. The row of each.
        source_starts, target_starts: int `(n,)`. Its first place in that row.
        segments: int `(n,)`. 1 for the first pair of a row, 2 for the second, ...
    """

    shape: tuple
    pairs: np.ndarray
    rows: np.ndarray
    source_starts: np.ndarray
    target_starts: np.ndarray
    segments: np.ndarray


def bucket_shapes(source_lengths, target_lengths, num_buckets):
    """Chooses the (source, target) lengths that waste the fewest places.

    Every pair goes to the cheapest shape it fits. Shapes are added one by one where
    they save most, and after each all are moved while that saves more.

    >>> bucket_shapes(np.array([3, 3, 9]), np.array([4, 4, 8]), num_buckets=2)
    [(3, 4), (9, 8)]

    Returns:
        list of at most `num_buckets` (source, target) lengths, shortest first; the
        last one fits every pair.
    """
    step = -(-max(source_lengths.max(), target_lengths.max()) // _MOST_STEPS)
    cells, counts = np.unique(
        -(-np.stack([source_lengths, target_lengths], axis=1) // step),
        axis=0,
        return_counts=True,
    )
    shapes = [cells.max(axis=0)]
    while len(shapes) < min(num_buckets, len(cells)):
        price = _prices(shapes, cells).min(axis=0)
        stride = -(-len(cells) // _MOST_CANDIDATES)
        shapes.append(_best_shape(cells[::stride], price, cells, counts))
        shapes = _moved(shapes, cells, counts)
    found = {tuple(int(length * step) for length in shape) for shape in shapes}
    return sorted(found, key=lambda shape: (sum(shape), shape))


def _prices(shapes, cells):
    """(shapes, cells): the places a pair of each cell takes in each shape."""
    shapes = np.asarray(shapes)
    fits = (shapes[:, np.newaxis] >= cells).all(axis=-1)
    return np.where(fits, shapes.sum(axis=1)[:, np.newaxis], 1 << 30)


def _best_shape(candidates, price, cells, counts):
    """The candidate that saves most, where `price` is what the cells pay now."""
    totals = np.minimum(_prices(candidates, cells), price) @ counts
    return candidates[totals.argmin()]


def _moved(shapes, cells, counts):
    """Moves shapes, one at a time and a little, while that saves places.

    The first shape stays where it is: it has to fit every pair.
    """
    near = np.stack(np.meshgrid(range(-3, 4), range(-3, 4)), axis=-1).reshape(-1, 2)
    near = near[np.abs(near).sum(axis=1).argsort(kind="stable")]  # itself first
    moved = True
    while moved:
        moved = False
        for i in range(1, len(shapes)):
            others = _prices(shapes[:i] + shapes[i + 1 :], cells).min(axis=0)
            best = _best_shape(shapes[i] + near, others, cells, counts)
            moved = moved or (best != shapes[i]).any()
            shapes[i] = best
    return shapes


def bucketed_batches(
    source_lengths,
    target_lengths,
    shapes,
    batch_tokens,
    generator=None,
    most_rows=None,
):
    """Plans an epoch of batches with one pair a row.

    What is left over of a shape goes to the cheapest longer one, so that only the last
    batch made can have empty rows.

    Args:
        source_lengths, target_lengths: int `(pairs,)`.
        shapes: as `bucket_shapes` gives them.
        batch_tokens: int. The most source and target places of a batch.
        generator: `numpy.random.Generator` that mixes pairs and batches; None keeps
            their order.
        most_rows: int. The most rows of a batch.

    Returns:
        list of `Batch`.
    """
    lengths = np.stack([source_lengths, target_lengths], axis=1)
    order = np.arange(len(lengths))
    if generator is not None:
        order = generator.permutation(order)
    home = _prices(shapes, lengths).argmin(axis=0)
    waiting = [order[home[order] == i] for i in range(len(shapes))]
    batches = []
    for i, shape in enumerate(shapes):
        rows = rows_of_batch(shape, batch_tokens, most_rows or len(lengths))
        rows = min(rows, len(lengths))
        is_last = i == len(shapes) - 1
        full = len(waiting[i]) // rows * rows
        chunks = [waiting[i][start : start + rows] for start in range(0, full, rows)]
        rest = waiting[i][full:]
        if is_last and len(rest):
            chunks.append(rest)
        elif len(rest):
            longer = _prices(shapes[i + 1 :], np.asarray([shape])).argmin() + i + 1
            # In front: who was left over here is not left over again.
            waiting[longer] = np.concatenate([rest, waiting[longer]])
        batches += [_one_pair_a_row(chunk, (rows, *shape)) for chunk in chunks]
    return _mixed(batches, generator)


def rows_of_batch(shape, batch_tokens, num_pairs):
    """Rows of a batch of (source, target) lengths within the budget."""
    return min(batch_tokens // sum(shape), num_pairs)


def _one_pair_a_row(pairs, shape):
    rows = np.arange(len(pairs))
    starts = np.zeros_like(rows)
    return Batch(shape, pairs, rows, starts, starts, starts + 1)


def _mixed(batches, generator):
    if generator is None:
        return batches
    return [batches[i] for i in generator.permutation(len(batches))]


def packed_batches(
    source_lengths, target_lengths, shapes, batch_tokens, generator=None
):
    """Plans an epoch of batches with several pairs a row.

    A row is filled from a pool of pairs: first the longest, then, while one fits, the
    one that fills most and keeps the room left on both sides alike.

    Args:
        shapes: list of one (source, target), the lengths of a row.
        Others: as in `bucketed_batches`.

    Returns:
        list of `Batch`.
    """
    (shape,) = shapes
    order = np.arange(len(source_lengths))
    if generator is not None:
        order = generator.permutation(order)
    packed_rows = _packed_rows(source_lengths, target_lengths, shape, order)
    if generator is not None:
        packed_rows = [packed_rows[i] for i in generator.permutation(len(packed_rows))]
    rows = rows_of_batch(shape, batch_tokens, len(packed_rows))
    batches = []
    for start in range(0, len(packed_rows), rows):
        chunk = packed_rows[start : start + rows]
        batches.append(
            _several_pairs_a_row(chunk, (rows, *shape), source_lengths, target_lengths)
        )
    return batches


def _packed_rows(source_lengths, target_lengths, shape, order):
    """Lists of pairs that fit one row together."""
    pool, rest = order[:_POOL_SIZE], order[_POOL_SIZE:]
    source, target = source_lengths[pool], target_lengths[pool]
    rows, next_pair = [], 0
    while (source > 0).any():
        row = []
        source_room, target_room = shape
        while True:
            fits = (source > 0) & (source <= source_room) & (target <= target_room)
            if not fits.any():
                break
            imbalance = np.abs((source_room - source) - (target_room - target))
            i = int(
                np.where(fits, source + target - 4 * imbalance, -(1 << 30)).argmax()
            )
            row.append(int(pool[i]))
            source_room -= source[i]
            target_room -= target[i]
            if next_pair < len(rest):
                pool[i] = rest[next_pair]
                source[i] = source_lengths[pool[i]]
                target[i] = target_lengths[pool[i]]
                next_pair += 1
            else:
                source[i] = 0
        rows.append(row)
    return rows


def _several_pairs_a_row(packed_rows, shape, source_lengths, target_lengths):
    pairs = np.concatenate([np.asarray(row) for row in packed_rows])
    counts = np.asarray([len(row) for row in packed_rows])
    firsts = np.repeat(np.cumsum(counts) - counts, counts)

    def starts(lengths):
        ends = np.cumsum(lengths)
        begins = ends - lengths
        return begins - begins[firsts]

    return Batch(
        shape,
        pairs,
        np.repeat(np.arange(len(counts)), counts),
        starts(source_lengths[pairs]),
        starts(target_lengths[pairs]),
        np.arange(len(pairs)) - firsts + 1,
    )


def with_length(batches, num_batches):
    """Makes a plan longer, by splitting its fullest batches in two, or shorter.

    A batch of one row is split between its pairs, so the plan can become as long as
    there are pairs.

    >>> [len(batch.pairs) for batch in with_length([of_32, of_16], 3)]
    [16, 16, 16]
    """
    batches = list(batches[:num_batches])
    while len(batches) < num_batches:
        fullness = [(batch.rows[-1], len(batch.pairs)) for batch in batches]
        i = fullness.index(max(fullness))
        batches[i : i + 1] = _halves(batches[i])
    return batches


def _halves(batch):
    middle = len(batch.pairs) // 2
    if batch.rows[-1] > 0:
        middle = int(np.searchsorted(batch.rows, (batch.rows[-1] + 1) // 2))
    return [_part(batch, slice(middle)), _part(batch, slice(middle, None))]


def _part(batch, part):
    """Some consecutive pairs of a batch: whole rows, or some of the one row."""
    return Batch(
        batch.shape,
        batch.pairs[part],
        batch.rows[part] - batch.rows[part][0],
        batch.source_starts[part] - batch.source_starts[part][0],
        batch.target_starts[part] - batch.target_starts[part][0],
        batch.segments[part] - batch.segments[part][0] + 1,
    )
