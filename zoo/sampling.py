"""Random tokens from logits, without any state.

A token is a pure function of its logits, its row's seed and its position, on
every backend: what a row draws depends neither on the rows beside it nor on what
was drawn before.
"""

from keras import ops


def row_seeds(seed, rows):
    """int32 `(batch,)`: one seed for each of the rows `rows` of a request.

    Args:
        seed: int, the request's seed.
        rows: int `(batch,)`, the places of these rows in the request.
    """
    return _mix(_mix(_int32(seed)) + ops.cast(rows, "int32"))


def draw(logits, seed, index, *, temperature=1.0, top_k=0, top_p=1.0):
    """Draws one token a row: int32 `(batch,)`.

    Args:
        logits: float32 `(batch, vocabulary)`.
        seed: int, or int `(batch,)`, one for each row.
        index: int, the position in the answer.
        temperature, top_k, top_p: numbers or `(batch,)`, as in
            `zoo.decoding.sample`. Tokens as likely as the last one kept by `top_k`
            or `top_p` are kept too.
    """
    batch_size, vocabulary_size = ops.shape(logits)
    seed = _int32(seed)
    if seed.ndim == 0:
        seed = row_seeds(seed, ops.arange(batch_size, dtype="int32"))
    likeliest = ops.cast(ops.argmax(logits, axis=-1), "int32")
    temperature = _column(temperature, "float32")
    # The likeliest token has logit 0 and so survives any division.
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    logits = logits / ops.maximum(temperature, 1e-10)
    if not _is_number(top_k, 0):
        logits = keep_top_k(logits, _column(top_k, "int32"))
    if not _is_number(top_p, 1):
        logits = keep_top_p(logits, _column(top_p, "float32"))
    # The smallest of exponential times with rates p belongs to token i with
    # probability p_i.
    key = _mix(seed + _mix(ops.cast(index, "int32")))
    tokens = _mix(ops.arange(vocabulary_size, dtype="int32"))
    times = _exponential(_mix(key[:, None] ^ tokens))
    token_ids = ops.cast(ops.argmax(logits - ops.log(times), axis=-1), "int32")
    # Among equally likely tokens greedy search takes the first.
    greedy = (temperature <= 0) | (_column(top_k, "int32") == 1)
    return ops.where(greedy[:, 0], likeliest, token_ids)


def keep_top_k(logits, top_k):
    """-inf for all but the `top_k` largest logits, and those equal to the last.

    Args:
        logits: float32 `(batch, vocabulary)`.
        top_k: int32 `(batch or 1, 1)`; below 1 all are kept.
    """

    def enough(keep):
        return ops.sum(ops.cast(keep, "int32"), axis=-1, keepdims=True) >= top_k

    return _keep(logits, enough, everything=top_k < 1)


def keep_top_p(logits, top_p):
    """-inf for all but the fewest likeliest tokens of at least this probability.

    The nucleus of Holtzman et al. 2019; the likeliest token is always in it.

    Args:
        logits: float32 `(batch, vocabulary)`.
        top_p: float32 `(batch or 1, 1)`; from 1 on all are kept.
    """
    probability = ops.softmax(logits, axis=-1)

    def enough(keep):
        kept = ops.where(keep, probability, 0.0)
        return ops.sum(kept, axis=-1, keepdims=True) >= top_p

    return _keep(logits, enough, everything=top_p >= 1)


def _keep(logits, enough, everything):
    """Sets logits below the highest threshold that keeps `enough` to -inf.

    Bisects the threshold over the floats' bits. XLA on a CPU sorts a vocabulary of
    32,000 in 5 ms a row; these 32 passes over it take a tenth of that.
    """
    bits = ops.view(logits, "int32")
    order = ops.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # sorts as the floats do

    def halve(_, bounds):
        low, high = bounds
        # The mean, rounded up so that low can rise, without overflow.
        middle = (low | high) - ops.right_shift(low ^ high, 1)
        fits = enough(order >= middle)
        return ops.where(fits, middle, low), ops.where(fits, high, middle - 1)

    shape = (ops.shape(logits)[0], 1)
    low = ops.full(shape, -(2**31), dtype="int32")
    high = ops.full(shape, 2**31 - 1, dtype="int32")
    low, _ = ops.fori_loop(0, 32, halve, (low, high))
    low = ops.minimum(low, ops.max(order, axis=-1, keepdims=True))
    return ops.where(everything | (order >= low), logits, -float("inf"))


def _exponential(bits):
    """Exponential variates from random int32 bits."""
    bits = ops.right_shift(bits, 9) & 0x7FFFFF  # as many as a float32 holds exactly
    return -ops.log1p(-(ops.cast(bits, "float32") + 0.5) * 2.0**-23)


def _mix(bits):
    """murmur3's finaliser on int32: every bit of the result hangs on every bit."""
    bits = bits ^ (ops.right_shift(bits, 16) & 0xFFFF)
    bits = bits * -2048144789  # 0x85EBCA6B
    bits = bits ^ (ops.right_shift(bits, 13) & 0x7FFFF)
    bits = bits * -1028477387  # 0xC2B2AE35
    return bits ^ (ops.right_shift(bits, 16) & 0xFFFF)


def _int32(seed):
    if isinstance(seed, int):
        seed = (seed + 2**31) % 2**32 - 2**31  # any number will do
    return ops.cast(seed, "int32")


def _column(value, dtype):
    return ops.reshape(ops.cast(value, dtype), (-1, 1))


def _is_number(value, number):
    return isinstance(value, int | float) and value == number
