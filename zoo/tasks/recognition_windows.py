"""Long sounds in windows that overlap, and their transcripts joined again."""

import tensorflow as tf

OVERLAP = 0.2  # of a window
_QUIET_PLACES = 5  # of 40 ms, over which loudness is averaged


def windows_of(sounds, window, overlap):
    """Cuts sounds longer than a window into windows that overlap.

    Args:
        sounds: RaggedTensor float32 `(n, None)`.
        window, overlap: int. Samples.

    Returns:
        RaggedTensor float32 `(m, None)`; the sound of each window, int64 `(m,)`, and
        where in it the window begins, int64 `(m,)`. A sound of no samples has none.
    """
    step = window - overlap
    lengths = sounds.row_lengths()
    counts = 1 + (tf.maximum(lengths - window, 0) + step - 1) // step
    counts = tf.where(lengths > 0, counts, 0)
    owner = tf.repeat(tf.range(sounds.nrows()), counts)
    starts = tf.ragged.range(counts).flat_values * step
    ends = tf.minimum(starts + window, tf.gather(lengths, owner))
    offsets = tf.gather(sounds.row_starts(), owner)
    places = tf.ragged.range(offsets + starts, offsets + ends)
    return tf.gather(sounds.flat_values, places), owner, starts


def borders(windows, owner, starts, overlap, samples_per_place):
    """From where to where in its sound each window has the word, int64 `(m,)` each.

    Two windows meet where their overlap is most quiet, so that no word is cut in two.

    Args:
        windows, owner, starts: as `windows_of` gives them.
        overlap: int. Samples.
        samples_per_place: int.
    """
    count = tf.size(owner)
    is_followed = tf.concat([owner[1:] == owner[:-1], [False]], axis=0)
    is_followed = is_followed[:count]
    ends = starts + windows.row_lengths()
    # Of a window that another follows, the overlap is its end.
    num_places = overlap // samples_per_place
    tails = tf.gather(windows, tf.where(is_followed)[:, 0])[
        :, -num_places * samples_per_place :
    ].to_tensor(shape=[None, num_places * samples_per_place])
    power = tf.reduce_mean(
        tf.square(tf.reshape(tails, [-1, num_places, samples_per_place])), axis=-1
    )
    power = tf.nn.avg_pool1d(power[:, :, tf.newaxis], _QUIET_PLACES, 1, "VALID")
    quietest = tf.argmin(power[:, :, 0], axis=1) + _QUIET_PLACES // 2
    behind = (num_places - quietest) * samples_per_place
    cuts = tf.boolean_mask(ends, is_followed) - behind
    until = tf.tensor_scatter_nd_update(ends, tf.where(is_followed), cuts)
    is_follower = tf.concat([[False], is_followed[:-1]], axis=0)[:count]
    since = tf.where(is_follower, tf.roll(until, 1, axis=0), starts)
    return since, until


def joined(token_ids, places, owner, starts, since, until, count, samples_per_place):
    """The tokens of windows -> those of their sounds.

    Args:
        token_ids, places: int32 `(m, width, T)`, 0 after the last; in places of the
            window.
        owner, starts, since, until: int64 `(m,)`.
        count: int. Number of sounds.
        samples_per_place: int.

    Returns:
        RaggedTensor int32 `(count * width, None)`, and the place of each token in its
        sound, of the same shape.
    """
    width = token_ids.shape[1]
    at = tf.cast(places, tf.int64) * samples_per_place + starts[:, None, None]
    is_own = (at >= since[:, None, None]) & (at < until[:, None, None])
    # Of the last window all that is said, of the first one too.
    is_kept = (token_ids > 0) & is_own
    answer = owner[:, None] * width + tf.range(width, dtype=tf.int64)
    answer = tf.broadcast_to(answer[:, :, None], tf.shape(token_ids))
    # By answer; windows of one sound stay in their order.
    answer = tf.boolean_mask(answer, is_kept)
    order = tf.argsort(answer, stable=True)
    answer = tf.gather(answer, order)

    def ragged(values):
        values = tf.gather(tf.boolean_mask(values, is_kept), order)
        return tf.RaggedTensor.from_value_rowids(values, answer, count * width)

    return ragged(token_ids), ragged(tf.cast(at // samples_per_place, tf.int32))
