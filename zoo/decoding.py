"""Greedy search, sampling and beam search over one step function.

All three run inside one compiled function: one `ops.while_loop` over buffers of
a fixed size, which ends as soon as every row is done. They know nothing of a
model but

    step(token_ids (rows,), index, cache) -> logits (rows, vocabulary), cache

where `index` is the position of `token_ids` (0 for the start token) and `cache`
any nested structure of tensors whose leading axis is `rows`.

Scores are normalised log-probabilities (Wu et al. 2016, equation 14): with `n`
the number of generated tokens, the end token included,

    score = log P(tokens) / ((5 + n) / 6) ** length_penalty

An answer is finished by the end token or by its row's limit. One that the limit
has cut competes like any other, with the probability of the tokens it has.
No row looks at another one, so an answer does not depend on its batch.
"""

import keras
from keras import ops

from zoo.sampling import draw


def greedy(
    step, cache, start_ids, *, max_length, end_id, limits=None, length_penalty=0.6
):
    """Takes the likeliest token, step by step: beam search with one beam.

    Args:
        step: function, see the module's docstring.
        cache: nested tensors `(batch, ...)`.
        start_ids: int `(batch,)`, the first token to feed, not part of the answer.
        max_length: int or scalar tensor, the largest number of generated tokens.
        end_id: int, the token that ends an answer; it is part of the answer.
        limits: int `(batch,)`, each row's own largest number of tokens, at most
            `max_length`; a row with limit 0 gets an empty answer of score 0.
        length_penalty: float >= 0; how much longer answers are favoured.

    Returns:
        `(token_ids, scores)`: int32 `(batch, max_length)`, 0 after the end, and
        float32 `(batch,)`.
    """

    def choose(logits, index):
        return ops.argmax(logits, axis=-1)

    return _generate(
        step, cache, start_ids, choose, max_length, end_id, limits, length_penalty
    )


def sample(
    step,
    cache,
    start_ids,
    *,
    max_length,
    end_id,
    seed,
    limits=None,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    length_penalty=0.6,
):
    """Draws every token from the model's distribution.

    Args:
        step, cache, start_ids, max_length, end_id, limits, length_penalty: as in
            `greedy`.
        seed: int, or int `(batch,)` with one seed a row. A row's answer depends
            on its own seed only; `zoo.sampling.row_seeds(seed, rows)` gives the
            seeds that the rows of a larger request have.
        temperature: float >= 0 or `(batch,)`; logits are divided by it. 0 is greedy.
        top_k: int or `(batch,)`; only the `top_k` likeliest tokens, 0 for all.
        top_p: float or `(batch,)`; only the likeliest tokens that together have
            at least this probability (Holtzman et al. 2019), 1 for all.

    Any of the last four may be a tensor; changing its value traces nothing anew.

    Returns:
        as `greedy`. Scores use the model's own probabilities, those before
        temperature, `top_k` and `top_p`.
    """

    def choose(logits, index):
        return draw(
            logits, seed, index, temperature=temperature, top_k=top_k, top_p=top_p
        )

    return _generate(
        step, cache, start_ids, choose, max_length, end_id, limits, length_penalty
    )


def beam_search(
    step,
    cache,
    start_ids,
    *,
    num_beams,
    max_length,
    end_id,
    limits=None,
    length_penalty=0.6,
    num_results=None,
):
    """Searches the answers with the best scores, `num_beams` places wide.

    In every step the unfinished hypotheses of a row are extended by one token and
    the likeliest extensions take their places. A hypothesis that finishes keeps
    its place and its score for good, and the search goes on in the places left
    (Sutskever et al. 2014, section 3.2), so one beam is greedy search, and with
    as many beams as there are answers the search is exhaustive.

    Args:
        step, start_ids, max_length, end_id, limits: as in `greedy`.
        cache: nested tensors `(batch * num_beams, ...)`, the beams of a row
            beside each other.
        num_beams: int; may be larger than the vocabulary.
        length_penalty: float >= 0; a row stops when the best score that its
            unfinished hypotheses can still reach, which is the present
            log-probability at the full length, beats none of the results.
        num_results: int, how many answers a row shall give, `num_beams` unless
            given. Fewer let rows stop earlier.

    Returns:
        `(token_ids, scores)`, best first: int32 `(batch, num_results, max_length)`,
        0 after the end, and float32 `(batch, num_results)`. Where there are fewer
        possible answers, the rest is empty with score -inf.
    """
    _check_options(max_length, length_penalty)
    num_results = num_beams if num_results is None else num_results
    if not 1 <= num_results <= num_beams:
        raise ValueError(
            "`num_results` must lie between 1 and `num_beams`. Received: "
            f"num_results={num_results}, num_beams={num_beams}. Search with at "
            "least as many beams as you want answers."
        )
    start_ids = ops.cast(start_ids, "int32")
    batch_size = ops.shape(start_ids)[0]
    _check_cache(cache, batch_size, num_beams)
    limits = _row_limits(limits, batch_size, max_length)[:, None]
    places = (batch_size, num_beams)
    first_row = ops.arange(batch_size, dtype="int32")[:, None] * num_beams
    positions = ops.arange(max_length, dtype="int32")

    def go_on(index, token_ids, answers, log_probs, lengths, running, cache):
        return ops.any(running)

    def extend(index, token_ids, answers, log_probs, lengths, running, cache):
        logits, cache = step(ops.reshape(token_ids, (-1,)), index, cache)
        log_probs, parents, token_ids = _best_extensions(
            ops.reshape(logits, (*places, logits.shape[-1])), log_probs, running
        )
        rows = ops.reshape(first_row + parents, (-1,))
        cache = keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), cache)
        answers = ops.reshape(answers, (-1, max_length))
        answers = ops.reshape(ops.take(answers, rows, axis=0), (*places, max_length))
        answers = ops.where(
            ops.expand_dims(running, -1) & (positions == index),
            ops.expand_dims(token_ids, -1),
            answers,
        )
        lengths = ops.where(running, index + 1, lengths)
        ended = (token_ids == end_id) & (log_probs > -float("inf"))
        running = running & ~ended & (index + 1 < limits)
        scores = log_probs / _penalty(lengths, length_penalty)
        finished = ops.where(running, -float("inf"), scores)
        to_beat = ops.top_k(finished, num_results)[0][:, -1:]
        reachable = ops.where(
            running, log_probs / _penalty(limits, length_penalty), -float("inf")
        )
        hopeless = ops.max(reachable, axis=1, keepdims=True) <= to_beat
        log_probs = ops.where(running & hopeless, -float("inf"), log_probs)
        return (
            index + 1,
            token_ids,
            answers,
            log_probs,
            lengths,
            running & ~hopeless,
            cache,
        )

    first = ops.broadcast_to(ops.arange(num_beams) == 0, places)
    state = (
        ops.cast(0, "int32"),
        ops.repeat(start_ids[:, None], num_beams, axis=1),
        ops.zeros((*places, max_length), "int32"),
        ops.where(first, 0.0, -float("inf")),
        ops.zeros(places, "int32"),
        ops.broadcast_to(limits > 0, places),
        cache,
    )
    _, _, answers, log_probs, lengths, _, _ = ops.while_loop(
        go_on, extend, state, maximum_iterations=max_length
    )
    scores = log_probs / _penalty(lengths, length_penalty)
    scores, order = ops.top_k(scores, num_results)
    rows = ops.reshape(first_row + ops.cast(order, "int32"), (-1,))
    answers = ops.take(ops.reshape(answers, (-1, max_length)), rows, axis=0)
    answers = ops.reshape(answers, (batch_size, num_results, max_length))
    possible = ops.expand_dims(scores > -float("inf"), -1)
    return ops.where(possible, answers, 0), scores


def _best_extensions(logits, log_probs, running):
    """The next hypothesis in every place: the best extensions of those running.

    Args:
        logits: `(batch, beams, vocabulary)`.
        log_probs: float32 `(batch, beams)`, -inf in a place not yet in use.
        running: bool `(batch, beams)`; the other places stay as they are.

    Returns:
        `(log_probs, parents, token_ids)`, each `(batch, beams)`; `parents` are
        the beams that the hypotheses come from.
    """
    num_beams, vocabulary_size = logits.shape[1:]
    width = min(num_beams, vocabulary_size)
    logits = ops.cast(logits, "float32")
    # The best of a row are among the best of its beams, so that only these few
    # need to become log-probabilities.
    best, token_ids = ops.top_k(logits, width)
    best = best - ops.logsumexp(logits, axis=-1, keepdims=True)
    best = best + ops.expand_dims(log_probs, -1)
    best = ops.where(ops.expand_dims(running, -1), best, -float("inf"))
    best, order = ops.top_k(ops.reshape(best, (-1, num_beams * width)), num_beams)
    token_ids = ops.reshape(token_ids, (-1, num_beams * width))
    # The running place number n takes the extension of rank n.
    rank = ops.maximum(ops.cumsum(ops.cast(running, "int32"), axis=1) - 1, 0)
    order = ops.take_along_axis(ops.cast(order, "int32"), rank, axis=1)
    return (
        ops.where(running, ops.take_along_axis(best, rank, axis=1), log_probs),
        ops.where(running, order // width, ops.arange(num_beams, dtype="int32")),
        ops.where(
            running,
            ops.cast(ops.take_along_axis(token_ids, order, axis=1), "int32"),
            0,
        ),
    )


def _generate(
    step, cache, start_ids, choose, max_length, end_id, limits, length_penalty
):
    """One answer a row; `choose(logits (batch, vocabulary), index)` its tokens."""
    _check_options(max_length, length_penalty)
    start_ids = ops.cast(start_ids, "int32")
    batch_size = ops.shape(start_ids)[0]
    _check_cache(cache, batch_size, 1)
    limits = _row_limits(limits, batch_size, max_length)
    positions = ops.arange(max_length, dtype="int32")

    def go_on(index, token_ids, answers, log_probs, lengths, running, cache):
        return ops.any(running)

    def extend(index, token_ids, answers, log_probs, lengths, running, cache):
        logits, cache = step(token_ids, index, cache)
        logits = ops.cast(logits, "float32")
        token_ids = ops.cast(choose(logits, index), "int32")
        chosen = ops.take_along_axis(logits, token_ids[:, None], axis=1)[:, 0]
        chosen = chosen - ops.logsumexp(logits, axis=-1)
        log_probs = ops.where(running, log_probs + chosen, log_probs)
        token_ids = ops.where(running, token_ids, 0)
        answers = ops.where(positions == index, token_ids[:, None], answers)
        lengths = ops.where(running, index + 1, lengths)
        running = running & (token_ids != end_id) & (index + 1 < limits)
        return index + 1, token_ids, answers, log_probs, lengths, running, cache

    state = (
        ops.cast(0, "int32"),
        start_ids,
        ops.zeros((batch_size, max_length), "int32"),
        ops.zeros((batch_size,), "float32"),
        ops.zeros((batch_size,), "int32"),
        limits > 0,
        cache,
    )
    _, _, answers, log_probs, lengths, _, _ = ops.while_loop(
        go_on, extend, state, maximum_iterations=max_length
    )
    return answers, log_probs / _penalty(lengths, length_penalty)


def _penalty(lengths, length_penalty):
    lengths = ops.cast(lengths, "float32")
    return ops.power((5.0 + lengths) / 6.0, ops.cast(length_penalty, "float32"))


def _row_limits(limits, batch_size, max_length):
    if limits is None:
        return ops.full((batch_size,), max_length, dtype="int32")
    return ops.minimum(ops.cast(limits, "int32"), max_length)


def _check_options(max_length, length_penalty):
    if isinstance(max_length, int) and max_length < 1:
        raise ValueError(
            f"`max_length` must be at least 1. Received: max_length={max_length}."
        )
    if isinstance(length_penalty, int | float) and length_penalty < 0:
        raise ValueError(
            "`length_penalty` must not be negative: a longer answer could then win "
            "after the search has stopped. Received: "
            f"length_penalty={length_penalty}. Use 0 to rank by plain probability."
        )


def _check_cache(cache, batch_size, num_beams):
    for tensor in keras.tree.flatten(cache):
        rows = tensor.shape[0]
        if isinstance(rows, int) and isinstance(batch_size, int):
            expected = batch_size * num_beams
            if rows != expected:
                raise ValueError(
                    "Every tensor of `cache` needs one row for each of the "
                    f"{batch_size} rows of `start_ids` and {num_beams} beams, "
                    f"{expected} in all. Received one of shape {tensor.shape}. "
                    "Start the cache with batch * num_beams rows."
                )
