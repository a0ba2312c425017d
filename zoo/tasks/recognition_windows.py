"""Long sounds in windows that overlap, and their transcripts joined again."""

import math

import tensorflow as tf

OVERLAP = 0.2  # of a window
_QUIET_PLACES = 5  # of 40 ms, over which loudness is averaged
# Places that two windows may differ by in a token, and those beside a border in which
# they shall agree. A token that the border spoils and what is loud weigh as much as so
# many in which they do not.
_TOLERANCE, _BESIDE = 6, 8
_SPOILT = 6
_LOUD = 5.0


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


def loudness(sounds, owner, starts, ends, overlap, samples_per_place):
    """How loud each place is of the overlap with the next window.

    Args:
        sounds, owner, starts, ends: as `parts_of` takes them.
        overlap: int. Samples.
        samples_per_place: int.

    Returns:
        float32 `(m, places)` from 0, as quiet as the most quiet one, to 1, louder by
        30 dB or more; of a window that none follows 0.
    """
    is_followed, num_places = _is_followed(owner), overlap // samples_per_place
    # Of a window that another follows, the overlap is its end.
    owners, tails_end = owner[is_followed], ends[is_followed]
    tails = parts_of(
        sounds, owners, tails_end - num_places * samples_per_place, tails_end
    )
    power = tf.reduce_mean(
        tf.square(tf.reshape(tails.flat_values, [-1, num_places, samples_per_place])),
        axis=-1,
    )
    power = tf.nn.avg_pool1d(power[:, :, tf.newaxis], _QUIET_PLACES, 1, "SAME")
    bels = tf.math.log(power[:, :, 0] + 1e-12) / math.log(10.0)
    bels -= tf.reduce_min(bels, axis=1, keepdims=True)
    return tf.scatter_nd(
        tf.where(is_followed),
        tf.minimum(bels / 3.0, 1.0),
        tf.stack([tf.size(owner, tf.int64), num_places]),
    )


def _is_followed(owner):
    """bool `(m,)`: whether the next window is one of the same sound."""
    return tf.concat([owner[1:] == owner[:-1], [False]], axis=0)[: tf.size(owner)]


def borders(token_ids, places, owner, starts, loudness, samples_per_place):
    """Where two windows meet: where it is quiet and they agree in what is said.

    At its ends a window hears words that are cut in two, and says some tokens earlier
    or later than the other: at a border between those one is lost or comes twice.

    Args:
        token_ids, places: int32 `(m, width, T)`, 0 after the last; in places of the
            window.
        owner, starts: int64 `(m,)`, of `windows_of`.
        loudness: float32 `(m, places)`.
        samples_per_place: int.

    Returns:
        int64 `(m, width)` each: from where to where each window has the word.
    """
    num_places = loudness.shape[1]
    is_followed = _is_followed(owner)[:, None]
    begins = tf.roll(starts, -1, axis=0)[:, None]  # of the overlaps
    at = _samples_of(places, starts, samples_per_place)
    ends_with = _by_place(
        token_ids, (at - begins[:, :, None]) // samples_per_place, num_places
    )
    begins_with = _by_place(
        tf.roll(token_ids, -1, axis=0), tf.roll(places, -1, axis=0), num_places
    )
    *alone, spoilt = _compared(ends_with, begins_with)
    (kept, lost), (lost_too, kept_too) = (_beside_cuts(x) for x in alone)
    cost = kept + kept_too + 2 * (lost + lost_too) + _SPOILT * spoilt
    # Of equal ones that with the most before and behind it.
    aside = tf.abs(tf.linspace(-0.5, 0.5, num_places + 1))
    loud = tf.pad(loudness, [[0, 0], [0, 1]], "SYMMETRIC")
    cost = tf.cast(cost, tf.float32) + (_LOUD * loud + aside)[:, None, :]
    cuts = begins + samples_per_place * tf.argmin(cost, axis=2)
    # The last window has all that is said to its end, and places may lie behind it.
    until = tf.where(is_followed, cuts, cuts.dtype.max)
    is_follower = tf.roll(is_followed, 1, axis=0)
    since = tf.where(is_follower, tf.roll(until, 1, axis=0), starts[:, None])
    return since, until


def _by_place(token_ids, places, num_places):
    """int `(m, width, T)` -> `(m, width, P)`, the token that begins at a place or 0."""
    shape = tf.shape(token_ids)[:2]
    row = tf.reshape(tf.range(tf.reduce_prod(shape)), tf.concat([shape, [1]], axis=0))
    is_within = (token_ids > 0) & (places >= 0) & (places < num_places)
    tokens = tf.math.unsorted_segment_max(
        token_ids,
        tf.where(is_within, tf.cast(places, tf.int32) + row * num_places, -1),
        tf.reduce_prod(shape) * num_places,
    )
    return tf.reshape(tf.maximum(tokens, 0), tf.concat([shape, [num_places]], axis=0))


def _compared(tokens, others):
    """Pairs the tokens of two windows, the nearest first, at most `_TOLERANCE` apart.

    Args:
        tokens, others: int `(m, width, P)`.

    Returns:
        int `(m, width, P)` twice, 1 where one has no pair; int `(m, width, P + 1)`, how
        many pairs have the begin of a place between them: cut there, they come twice or
        not at all.
    """
    num_places = tokens.shape[2]
    spoilt = tf.pad(tf.zeros_like(tokens), [[0, 0], [0, 0], [0, 1]])
    most = min(_TOLERANCE, num_places - 1)
    for late in sorted(range(-most, most + 1), key=abs):
        before, behind = max(-late, 0), max(late, 0)
        first = tokens[:, :, before : num_places - behind]
        second = others[:, :, behind : num_places - before]
        is_pair = (first > 0) & (first == second)
        count = tf.cast(is_pair, tokens.dtype)
        for after in range(1, abs(late) + 1):
            spoilt += tf.pad(count, [[0, 0], [0, 0], [after, abs(late) + 1 - after]])
        at = [[0, 0], [0, 0]]
        tokens = tf.where(tf.pad(is_pair, [*at, [before, behind]]), 0, tokens)
        others = tf.where(tf.pad(is_pair, [*at, [behind, before]]), 0, others)
    return tf.cast(tokens > 0, tf.int32), tf.cast(others > 0, tf.int32), spoilt


def _beside_cuts(counts):
    """int `(m, width, P)` -> `(m, width, P + 1)` twice, sums before and after cuts."""
    sums = tf.cumsum(tf.pad(counts, [[0, 0], [0, 0], [_BESIDE + 1, _BESIDE]]), axis=2)
    here = sums[:, :, _BESIDE:-_BESIDE]
    return here - sums[:, :, : -2 * _BESIDE], sums[:, :, 2 * _BESIDE :] - here


def _samples_of(places, starts, samples_per_place):
    """Places of windows, `(m, width, T)` -> samples of their sounds, int64."""
    return tf.cast(places, tf.int64) * samples_per_place + starts[:, None, None]


def joined(token_ids, places, owner, starts, since, until, count, samples_per_place):
    """The tokens of windows -> those of their sounds.

    Args:
        token_ids, places: int32 `(m, width, T)`, 0 after the last; in places of the
            window.
        owner, starts: int64 `(m,)`.
        since, until: int64 `(m, width)`.
        count: int. Number of sounds.
        samples_per_place: int.

    Returns:
        RaggedTensor int32 `(count * width, None)`, and the place of each token in its
        sound, of the same shape.
    """
    width = token_ids.shape[1]
    at = _samples_of(places, starts, samples_per_place)
    is_own = (at >= since[:, :, None]) & (at < until[:, :, None])
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
