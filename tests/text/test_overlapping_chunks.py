import numpy as np
import pytest
import tensorflow as tf

from zoo.text.overlapping_chunks import overlapping_chunks


def ragged(rows):
    return tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)


def test_chunks_and_their_texts():
    chunks, owner = overlapping_chunks(ragged([[1, 2, 3, 4, 5, 6, 7], [], [8]]), 4, 2)
    assert chunks.to_list() == [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7], [], [8]]
    assert owner.numpy().tolist() == [0, 0, 0, 1, 2]
    assert owner.dtype == tf.int32


@pytest.mark.parametrize(
    ("length", "overlap"), [(1, 0), (5, 0), (5, 2), (5, 4), (9, 3)]
)
def test_every_chunk_begins_with_the_end_of_the_one_before(length, overlap):
    rows = [list(range(n)) for n in range(30)]
    graph = tf.function(lambda ids: overlapping_chunks(ids, length, overlap))
    chunks, owner = graph(ragged(rows))
    of_row = [[] for _ in rows]
    for chunk, row in zip(chunks.to_list(), owner.numpy(), strict=True):
        of_row[row].append(chunk)
    assert np.all(np.diff(owner) >= 0)
    for row, found in zip(rows, of_row, strict=True):
        assert all(len(chunk) == length for chunk in found[:-1])
        assert len(found) == 1 or overlap < len(found[-1]) <= length
        joined = found[0]
        for before, chunk in zip(found, found[1:], strict=False):
            assert chunk[:overlap] == before[length - overlap :]
            joined = joined + chunk[overlap:]
        assert joined == row


def test_no_texts_give_no_chunks():
    chunks, owner = overlapping_chunks(ragged([]), 4, 2)
    assert (chunks.to_list(), owner.numpy().tolist()) == ([], [])


@pytest.mark.parametrize("overlap", [-1, 4, 5])
def test_an_overlap_that_leaves_no_step_is_refused(overlap):
    with pytest.raises(
        ValueError, match=f"overlap is {overlap}, but .* from 0 to 3 in"
    ):
        overlapping_chunks(ragged([[1]]), 4, overlap)
