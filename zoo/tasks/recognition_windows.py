"""Long sounds in windows that overlap, and their transcripts joined again."""

import tensorflow as tf

OVERLAP = 0.2  # of a window
_QUIET_PLACES = 5  # of 40 ms, over which loudness is averaged


def windows_of(lengths, window, overlap):
    """Windows that overlap, as many as sounds longer than one need.

    Args:
        lengths: int64 `(n,)`. Samples of each sound.
        window, overlap: int. Samples.

    Returns:
        int64 `(m,)` each: the sound of each window, where in it the window begins, and
        where it ends. A sound of no samples has none.
    """
    step = window - overlap
    counts = 1 + (tf.maximum(lengths - window, 0) + step - 1) // step
    counts = tf.where(lengths > 0, counts, 0)
    owner = tf.repeat(tf.range(tf.size(lengths, tf.int64)), counts)
    starts = tf.ragged.range(counts).flat_values * step
    ends = tf.minimum(starts + window, tf.gather(lengths, owner))
    return owner, starts, ends


def parts_of(sounds, owner, starts, ends):
    """Parts of sounds, as a RaggedTensor float32 `(m, None)`.

    Args:
        sounds: RaggedTensor float32 `(n, None)`.
        owner, starts, ends: int64 `(m,)`. The sound of each part, and from where to
            where in it the part is.
    """
    offsets = tf.gather(sounds.row_starts(), owner)
    return tf.gather(
        sounds.flat_values, tf.ragged.range(offsets + starts, offsets + ends)
    )


def borders(sounds, owner, starts, ends, overlap, samples_per_place):
    """From where to where in its sound each window has the word, int64 `(m,)` each.

    Two windows meet where their overlap is most quiet, so that no word is cut in two.

    Args:
        sounds, owner, starts, ends: as `parts_of` takes them.
        overlap: int. Samples.
        samples_per_place: int.
    """
    count = tf.size(owner)
    is_followed = tf.concat([owner[1:] == owner[:-1], [False]], axis=0)
    is_followed = is_followed[:count]
    # Of a window that another follows, the overlap is its end.
    num_places = overlap // samples_per_place
    owners, tails_end = owner[is_followed], ends[is_followed]
    tails = parts_of(
        sounds, owners, tails_end - num_places * samples_per_place, tails_end
    )
    power = tf.reduce_mean(
        tf.square(tf.reshape(tails.flat_values, [-1, num_places, samples_per_place])),
        axis=-1,
    )
    power = tf.nn.avg_pool1d(power[:, :, tf.newaxis], _QUIET_PLACES, 1, "VALID")
    quietest = tf.argmin(power[:, :, 0], axis=1) + _QUIET_PLACES // 2
    behind = (num_places - quietest) * samples_per_place
    # The last window has all that is said to its end, and places may lie behind it.
    until = tf.tensor_scatter_nd_update(
        tf.fill([count], ends.dtype.max), tf.where(is_followed), tails_end - behind
    )
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
