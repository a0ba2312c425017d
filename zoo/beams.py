"""What beam search keeps of its hypotheses, and how one step changes it.

`beams` is a dict of tensors `(batch, num_beams, ...)`, a hypothesis in each place:

    token_ids  int32    its last token
    log_probs  float32  of all its tokens; -inf in a place not in use
    lengths    int32    its number of tokens
    running    bool     whether it is unfinished
    answers    int32    (..., max_length), its tokens, then 0
    ancestors  int32    (..., max_length), the place it had at each step, then -1
"""

from keras import ops

from zoo.largest import largest


def start_beams(start_ids, limits, num_beams, max_length):
    """One hypothesis a row, without a token yet, in the first of its places.

    Args:
        start_ids: int32 `(batch,)`.
        limits: int32 `(batch,)`; a row with limit 0 is finished at once.
        num_beams, max_length: int.
    """
    batch_size = ops.shape(start_ids)[0]
    places = (batch_size, num_beams)
    first = ops.broadcast_to(ops.arange(num_beams) == 0, places)
    return {
        "token_ids": ops.repeat(start_ids[:, None], num_beams, axis=1),
        "log_probs": ops.where(first, 0.0, -float("inf")),
        "lengths": ops.zeros(places, "int32"),
        "running": ops.broadcast_to(limits[:, None] > 0, places),
        "answers": ops.zeros((*places, max_length), "int32"),
        "ancestors": ops.full((*places, max_length), -1, dtype="int32"),
    }


def enter_places(beams, index):
    """Notes in `ancestors` that step `index` finds the hypotheses where they are."""
    _, num_beams, max_length = ops.shape(beams["ancestors"])
    place = ops.arange(num_beams, dtype="int32")[:, None]
    now = ops.arange(max_length, dtype="int32") == index
    return {**beams, "ancestors": ops.where(now, place, beams["ancestors"])}


def visible_entries(beams):
    """Which entries of a shared cache each hypothesis descends from.

    Returns:
        bool `(batch, num_beams, max_length * num_beams)`, for a cache in which the
        beam in place `p` writes entry `index * num_beams + p` at step `index`.
    """
    batch_size, num_beams, max_length = ops.shape(beams["ancestors"])
    place = ops.arange(num_beams, dtype="int32")
    visible = beams["ancestors"][..., None] == place
    return ops.reshape(visible, (batch_size, num_beams, max_length * num_beams))


def extend_beams(beams, logits, index, end_id, limits):
    """Puts the best extensions by one token in the places that are running.

    Args:
        beams: dict, see the module.
        logits: `(batch, num_beams, vocabulary)`.
        index: int scalar, the step.
        end_id: int.
        limits: int32 `(batch,)`.

    Returns:
        `(beams, parents)`; parents int32 `(batch, num_beams)`, the places that the
        hypotheses come from.
    """
    running = beams["running"]
    log_probs, parents, token_ids = _best_extensions(beams, logits)
    answers = take_places(beams["answers"], parents)
    max_length = ops.shape(answers)[2]
    written = running[..., None] & (ops.arange(max_length, dtype="int32") == index)
    ended = (token_ids == end_id) & (log_probs > -float("inf"))
    extended = {
        "token_ids": token_ids,
        "log_probs": log_probs,
        "lengths": ops.where(running, index + 1, beams["lengths"]),
        "running": running & ~ended & (index + 1 < limits[:, None]),
        "answers": ops.where(written, token_ids[..., None], answers),
        "ancestors": take_places(beams["ancestors"], parents),
    }
    return extended, parents


def _best_extensions(beams, logits):
    """(log_probs, parents, token_ids), each (batch, num_beams)"""
    running = beams["running"]
    num_beams, vocabulary_size = logits.shape[1:]
    width = min(num_beams, vocabulary_size)
    # The best of a row are among the best of its beams, so that only these few
    # need to become log-probabilities.
    best, token_ids = largest_log_probs(logits, width)
    best = best + beams["log_probs"][..., None]
    best = ops.where(running[..., None], best, -float("inf"))
    best, order = ops.top_k(ops.reshape(best, (-1, num_beams * width)), num_beams)
    # The running place number n takes the extension of rank n.
    rank = ops.maximum(ops.cumsum(ops.cast(running, "int32"), axis=1) - 1, 0)
    order = ops.take_along_axis(ops.cast(order, "int32"), rank, axis=1)
    token_ids = ops.reshape(token_ids, (-1, num_beams * width))
    token_ids = ops.take_along_axis(token_ids, order, axis=1)
    best = ops.take_along_axis(best, rank, axis=1)
    place = ops.arange(num_beams, dtype="int32")
    return (
        ops.where(running, best, beams["log_probs"]),
        ops.where(running, order // width, place),
        ops.where(running, token_ids, 0),
    )


def largest_log_probs(logits, count):
    """The largest log-probabilities, float32 `(..., count)`, and their tokens."""
    logits = ops.cast(logits, "float32")
    values, token_ids = largest(logits, count)
    shifted = ops.exp(logits - values[..., :1])
    values = values - values[..., :1]
    return values - ops.log(ops.sum(shifted, axis=-1, keepdims=True)), token_ids


def stop_hopeless(beams, limits, length_penalty, num_results):
    """Ends the rows of which no running hypothesis can still be a wanted result.

    More tokens never raise a log-probability, and the penalty it is divided by is
    largest at the row's limit: together they bound the score it can reach.
    """
    running, log_probs = beams["running"], beams["log_probs"]
    finished = ops.where(running, -float("inf"), scores_of(beams, length_penalty))
    finished = -ops.sort(-finished, axis=1)
    to_beat = ops.take(finished, [num_results - 1], axis=1)
    reachable = log_probs / penalty(limits, length_penalty)[:, None]
    reachable = ops.where(running, reachable, -float("inf"))
    hopeless = ops.max(reachable, axis=1, keepdims=True) <= to_beat
    return {
        **beams,
        "log_probs": ops.where(running & hopeless, -float("inf"), log_probs),
        "running": running & ~hopeless,
    }


def best_answers(beams, length_penalty):
    """(answers, scores), best first; an empty answer where there are too few."""
    scores = scores_of(beams, length_penalty)
    scores, order = ops.top_k(scores, scores.shape[1])
    answers = take_places(beams["answers"], ops.cast(order, "int32"))
    return ops.where(scores[..., None] > -float("inf"), answers, 0), scores


def scores_of(beams, length_penalty):
    """The scores of the hypotheses as they are, float32 `(batch, num_beams)`."""
    return beams["log_probs"] / penalty(beams["lengths"], length_penalty)


def penalty(lengths, length_penalty):
    """Wu et al. 2016, equation 14: float32 like `lengths`."""
    lengths = ops.cast(lengths, "float32")
    return ops.power((5.0 + lengths) / 6.0, ops.cast(length_penalty, "float32"))


def take_places(x, places):
    """`x[b, places[b, i]]`: (batch, n, length), (batch, m) -> (batch, m, length)"""
    batch_size, count, length = ops.shape(x)
    first = ops.arange(batch_size, dtype="int32")[:, None] * count
    rows = ops.reshape(first + places, (-1,))
    taken = ops.take(ops.reshape(x, (-1, length)), rows, axis=0)
    return ops.reshape(taken, (batch_size, places.shape[1], length))
