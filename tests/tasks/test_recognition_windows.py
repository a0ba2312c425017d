"""Windows of long sounds: nothing is lost between them and nothing comes twice."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.tasks.recognition_windows import (
    borders,
    joined,
    loudness,
    parts_of,
    windows_of,
)

PLACE = 4  # samples
WINDOW, OVERLAP = 20 * PLACE, 8 * PLACE
LENGTHS = [0, 1, 79, 80, 81, 130, 300, 5]


def sounds(lengths=LENGTHS, seed=0):
    """Loud, with a quiet stretch of 6 places every 13."""
    generator = np.random.default_rng(seed)
    rows = []
    for length in lengths:
        quiet = np.arange(length) // PLACE % 13 < 6
        rows.append(generator.normal(size=length) * np.where(quiet, 0.01, 1.0))
    return tf.ragged.constant([x.astype("float32") for x in rows], ragged_rank=1)


def windows_in(ragged):
    return windows_of(ragged.row_lengths(), WINDOW, OVERLAP)


def test_windows_cover_their_sounds():
    ragged = sounds()
    owner, starts, ends = windows_in(ragged)
    windows = parts_of(ragged, owner, starts, ends)
    owner, starts = owner.numpy(), starts.numpy()
    for i, sound in enumerate(ragged.to_list()):
        own = np.flatnonzero(owner == i)
        assert len(own) == (len(sound) > 0) + max(0, -(-(len(sound) - 80) // 48))
        heard = set()
        for k in own:
            window = windows[k].numpy()
            assert len(window) <= WINDOW
            np.testing.assert_array_equal(window, sound[starts[k] :][: len(window)])
            heard |= set(range(starts[k], starts[k] + len(window)))
        assert heard == set(range(len(sound)))


def test_windows_meet_in_their_overlap_where_it_is_quiet():
    ragged = sounds()
    windows = windows_in(ragged)
    loud = loudness(ragged, *windows, OVERLAP, PLACE)
    nothing = tf.zeros([len(loud), 1, 5], tf.int32)
    owner, starts, ends = windows
    since, until = borders(nothing, nothing, owner, starts, loud, PLACE)
    since, until = since.numpy()[:, 0], until.numpy()[:, 0]
    owner, starts, ends = (x.numpy() for x in windows)
    num_borders = 0
    for k in range(len(owner)):
        follows = k > 0 and owner[k - 1] == owner[k]
        followed = k + 1 < len(owner) and owner[k + 1] == owner[k]
        assert since[k] == (until[k - 1] if follows else starts[k])
        if followed:
            num_borders += 1
            assert starts[k + 1] <= until[k] <= ends[k]
            assert until[k] // PLACE % 13 < 6
        else:
            assert until[k] == np.iinfo(np.int64).max
    assert num_borders == 1 + 2 + 5


@pytest.mark.parametrize("width", [1, 2])
def test_each_token_is_kept_once(width):
    ragged = sounds()
    owner, starts, ends = windows_in(ragged)
    loud = loudness(ragged, owner, starts, ends, OVERLAP, PLACE)
    # Every third place of a sound says its own number; a window hears what is in it.
    num_windows, longest = len(owner), 30
    token_ids, places = np.zeros((2, num_windows, width, longest), "int32")
    for k in range(num_windows):
        begin = int(starts[k]) // PLACE
        end = -(-int(ends[k]) // PLACE)
        said = [place for place in range(begin, end) if place % 3 == 1]
        for b in range(width):
            token_ids[k, b, : len(said)] = np.array(said) + 1 + 1000 * b
            places[k, b, : len(said)] = np.array(said) - begin
    token_ids, places = tf.constant(token_ids), tf.constant(places)
    since, until = borders(token_ids, places, owner, starts, loud, PLACE)
    found, where = joined(
        token_ids,
        places,
        *(owner, starts, since, until, len(LENGTHS), PLACE),
    )
    for i, length in enumerate(LENGTHS):
        said = [place for place in range(-(-length // PLACE)) if place % 3 == 1]
        for b in range(width):
            ids = found[i * width + b].numpy()
            assert ids.tolist() == [place + 1 + 1000 * b for place in said]
            assert where[i * width + b].numpy().tolist() == said


def meet(first, second, quiet=range(12, 20)):
    """Tokens of two windows, `{place of the sound: token}`, that share 12 to 20."""
    starts = tf.constant([0, 12 * PLACE], tf.int64)
    loud = np.ones((2, 8), "float32")
    loud[0, np.array(quiet) - 12] = 0.0
    token_ids, places = np.zeros((2, 2, 1, 9), "int32")
    for k, said in enumerate((first, second)):
        token_ids[k, 0, : len(said)] = list(said.values())
        places[k, 0, : len(said)] = np.array(list(said)) - 12 * k
    owner = tf.zeros(2, tf.int64)
    token_ids, places = tf.constant(token_ids), tf.constant(places)
    since, until = borders(token_ids, places, owner, starts, loud, PLACE)
    found, _ = joined(token_ids, places, owner, starts, since, until, 1, PLACE)
    return found.to_list()[0]


def test_windows_meet_where_both_say_the_same():
    # One window says the first token late: in the middle of the overlap the token would
    # come twice, or not at all.
    for first, second in ((14, 16), (16, 14)):
        said = meet({5: 9, first: 1, 19: 2}, {second: 1, 19: 2, 25: 3})
        assert said == [9, 1, 2, 3]
    # At its begin the second window says what nobody said.
    assert meet({5: 9, 14: 1}, {12: 7, 15: 1, 19: 2}, quiet=(17, 18)) == [9, 1, 2]


def test_an_overlap_of_few_places():
    token_ids = tf.constant([[[5, 6]], [[6, 7]]])
    places = tf.constant([[[1, 8]], [[0, 3]]])
    owner, starts = tf.zeros(2, tf.int64), tf.constant([0, 8 * PLACE], tf.int64)
    loud = tf.zeros([2, 2])
    since, until = borders(token_ids, places, owner, starts, loud, PLACE)
    found, _ = joined(token_ids, places, owner, starts, since, until, 1, PLACE)
    assert found.to_list() == [[5, 6, 7]]


def test_no_sound_has_no_windows():
    ragged = sounds([0, 0])
    owner, starts, ends = windows_in(ragged)
    assert len(owner) == 0
    loud = loudness(ragged, owner, starts, ends, OVERLAP, PLACE)
    nothing = tf.zeros([0, 1, 5], tf.int32)
    since, until = borders(nothing, nothing, owner, starts, loud, PLACE)
    assert since.shape == until.shape == (0, 1)
    found, _ = joined(nothing, nothing, owner, starts, since, until, 2, PLACE)
    assert found.to_list() == [[], []]


def test_what_no_path_can_say_is_kept_in_the_last_window():
    ragged = sounds([WINDOW])
    owner, starts, ends = windows_in(ragged)
    loud = loudness(ragged, owner, starts, ends, OVERLAP, PLACE)
    token_ids = tf.constant([[[5, 6, 0]]])
    behind = WINDOW // PLACE + 3  # as of the padding
    places = tf.constant([[[behind, behind, 0]]])
    since, until = borders(token_ids, places, owner, starts, loud, PLACE)
    found, _ = joined(token_ids, places, owner, starts, since, until, 1, PLACE)
    assert found.to_list() == [[5, 6]]
