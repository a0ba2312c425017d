import numpy as np
import pytest

from zoo.data import batching


def some_lengths(num_pairs=3000, seed=0):
    generator = np.random.default_rng(seed)
    source = generator.gamma(6.0, 2.5, size=num_pairs).astype(int) + 2
    target = np.maximum(2, source + generator.normal(0, 2.7, num_pairs).astype(int))
    return source, target


def places(batches):
    return sum(rows * (source + target) for rows, source, target in shapes_of(batches))


def shapes_of(batches):
    return [batch.shape for batch in batches]


def pairs_of(batches):
    return np.concatenate([batch.pairs for batch in batches])


def assert_fits(batch, source, target):
    """No pair leaves its row, no two pairs of a row overlap."""
    for starts, lengths, width in (
        (batch.source_starts, source, batch.shape[1]),
        (batch.target_starts, target, batch.shape[2]),
    ):
        taken = np.zeros((batch.shape[0], width), int)
        for row, start, pair in zip(batch.rows, starts, batch.pairs, strict=True):
            assert start + lengths[pair] <= width
            taken[row, start : start + lengths[pair]] += 1
        assert taken.max() <= 1


def test_two_lengths_two_shapes():
    source, target = np.array([3, 3, 9]), np.array([4, 4, 8])
    assert batching.bucket_shapes(source, target, 2) == [(3, 4), (9, 8)]
    assert batching.bucket_shapes(source, target, 8) == [(3, 4), (9, 8)]
    assert batching.bucket_shapes(source, target, 1) == [(9, 8)]


def test_shapes_are_as_good_as_the_best_of_all():
    source, target = some_lengths(60, seed=3)
    source, target = np.minimum(source, 9), np.minimum(target, 9)
    lengths = np.stack([source, target], axis=1)
    largest = (int(source.max()), int(target.max()))

    def cost(shapes):
        fits = (np.asarray(shapes)[:, None] >= lengths).all(axis=2)
        sums = np.asarray(shapes).sum(axis=1)[:, None]
        return np.where(fits, sums, 10**9).min(axis=0).sum()

    grid = [(i, j) for i in range(2, 10) for j in range(2, 10)]
    best = min(cost([a, b, largest]) for a in grid for b in grid)
    assert cost(batching.bucket_shapes(source, target, 3)) <= 1.02 * best


@pytest.mark.parametrize("num_buckets", [1, 3, 8, 20])
def test_shapes_fit_every_pair(num_buckets):
    source, target = some_lengths()
    shapes = batching.bucket_shapes(source, target, num_buckets)
    assert len(shapes) == num_buckets
    assert shapes[-1] == (source.max(), target.max())
    assert shapes == sorted(shapes, key=sum)


def test_long_corpora_get_rounded_shapes_quickly():
    generator = np.random.default_rng(0)
    source, target = generator.integers(1, 4001, size=(2, 50_000))
    shapes = batching.bucket_shapes(source, target, 8)
    assert shapes[-1][0] >= source.max()
    assert all(length % 63 == 0 for shape in shapes for length in shape)


@pytest.mark.parametrize("seed", [None, 0])
def test_every_pair_once_in_a_bucket_it_fits(seed):
    source, target = some_lengths()
    shapes = batching.bucket_shapes(source, target, 6)
    generator = None if seed is None else np.random.default_rng(seed)
    batches = batching.bucketed_batches(source, target, shapes, 1024, generator)
    assert sorted(pairs_of(batches)) == list(range(len(source)))
    assert {shape[1:] for shape in shapes_of(batches)} <= set(shapes)
    assert len(set(shapes_of(batches))) <= 6
    for batch in batches:
        assert batch.shape[0] * (batch.shape[1] + batch.shape[2]) <= 1024
        assert_fits(batch, source, target)


def test_at_most_one_bucketed_batch_has_empty_rows():
    for num_pairs in (1, 7, 100, 999, 1000):
        source, target = some_lengths(num_pairs)
        shapes = batching.bucket_shapes(source, target, 6)
        batches = batching.bucketed_batches(source, target, shapes, 256)
        not_full = [len(batch.pairs) < batch.shape[0] for batch in batches]
        assert sum(not_full) <= 1


def test_one_pair_makes_one_row():
    (batch,) = batching.bucketed_batches(np.array([5]), np.array([6]), [(5, 6)], 4096)
    assert batch.shape == (1, 5, 6)


def test_epochs_mix_pairs_and_batches():
    source, target = some_lengths()
    shapes = batching.bucket_shapes(source, target, 4)

    def plan(seed):
        generator = np.random.default_rng(seed)
        return batching.bucketed_batches(source, target, shapes, 1024, generator)

    first, second = plan(0), plan(1)
    # The order of the shapes differs, and who is in a batch with pair 0.
    assert [batch.shape for batch in first] != [batch.shape for batch in second]
    (with_0,) = [set(batch.pairs) for batch in first if 0 in batch.pairs]
    (with_0_later,) = [set(batch.pairs) for batch in second if 0 in batch.pairs]
    assert len(with_0 & with_0_later) < len(with_0) / 2
    assert shapes_of(plan(0)) == shapes_of(first)
    np.testing.assert_array_equal(pairs_of(plan(0)), pairs_of(first))


@pytest.mark.parametrize("seed", [None, 0])
def test_packed_rows_hold_every_pair_once(seed):
    source, target = some_lengths()
    generator = None if seed is None else np.random.default_rng(seed)
    batches = batching.packed_batches(source, target, [(96, 100)], 1024, generator)
    assert sorted(pairs_of(batches)) == list(range(len(source)))
    assert set(shapes_of(batches)) == {(1024 // 196, 96, 100)}
    for batch in batches:
        assert_fits(batch, source, target)
        for row in range(batch.shape[0]):
            segments = batch.segments[batch.rows == row]
            assert segments.tolist() == list(range(1, len(segments) + 1))
    assert (source.sum() + target.sum()) / places(batches) > 0.95


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("ratio", [1.0, 1.4])
def test_packed_rows_of_a_skewed_corpus_are_nearly_full(seed, ratio):
    # Most texts are short, a few are long; targets vary and may be longer.
    draws = np.random.default_rng(0)
    source = np.clip(draws.lognormal(2.5, 0.6, 8000).astype(int), 2, 70)
    shape = (80, round(80 * ratio))
    target = (source * ratio * draws.normal(1, 0.15, 8000)).astype(int)
    target = np.clip(target, 2, shape[1])
    generator = None if seed is None else np.random.default_rng(seed)
    batches = batching.packed_batches(source, target, [shape], 2048, generator)
    assert sorted(pairs_of(batches)) == list(range(len(source)))
    assert (source.sum() + target.sum()) / places(batches) >= 0.96


def test_a_pair_as_long_as_the_row_packs():
    source, target = np.array([10, 1, 10, 3]), np.array([10, 1, 2, 8])
    batches = batching.packed_batches(source, target, [(10, 10)], 40)
    assert sorted(pairs_of(batches)) == [0, 1, 2, 3]


def test_with_length_splits_the_fullest():
    source = target = np.full(48, 4)
    batches = batching.bucketed_batches(source, target, [(4, 4)], 256)
    assert [len(batch.pairs) for batch in batches] == [32, 16]
    longer = batching.with_length(batches, 4)
    assert sorted(len(batch.pairs) for batch in longer) == [8, 8, 16, 16]
    assert shapes_of(longer) == [(32, 4, 4)] * 4
    assert sorted(pairs_of(longer)) == list(range(48))
    assert len(batching.with_length(batches, 1)) == 1


@pytest.mark.parametrize("num_batches", [1, 4, 5, 11, 30])
def test_with_length_splits_up_to_single_pairs(num_batches):
    source, target = some_lengths(30)
    batches = batching.packed_batches(source, target, [(100, 100)], 400)
    longer = batching.with_length(batches, num_batches)
    assert len(longer) == num_batches
    if num_batches > len(batches):
        assert sorted(pairs_of(longer)) == list(range(30))
    for batch in longer:
        assert_fits(batch, source, target)
        assert batch.rows[0] == batch.source_starts[0] == batch.target_starts[0] == 0
        assert batch.segments[0] == 1
