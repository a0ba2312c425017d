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

from zoo.beams import (
    best_answers,
    enter_places,
    extend_beams,
    largest_log_probs,
    penalty,
    start_beams,
    stop_hopeless,
    visible_entries,
)
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
        log_probs, token_ids = largest_log_probs(logits, 1)
        return log_probs[:, 0], token_ids[:, 0]

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
        token_ids = draw(
            logits, seed, index, temperature=temperature, top_k=top_k, top_p=top_p
        )
        chosen = ops.take_along_axis(logits, token_ids[:, None], axis=1)[:, 0]
        return chosen - ops.logsumexp(logits, axis=-1), token_ids

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
    share_cache=False,
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
            beside each other. They are moved when beams change places.
        num_beams: int; may be larger than the vocabulary.
        length_penalty: float >= 0; how much longer answers are favoured.
        num_results: int or scalar tensor, the number of answers wanted, `num_beams`
            unless given. A row stops as soon as it has this many that nothing
            unfinished can beat; they are the same as without it.
        share_cache: bool. The beams of a row share its cache, `(batch, ...)`, with
            room for `max_length * num_beams` entries, of which the beam in place
            `p` writes entry `index * num_beams + p`. `step` gets as fourth
            argument the entries that each beam may see, bool
            `(batch, num_beams, max_length * num_beams)`. Quicker for attention,
            as nothing is ever moved.

    Returns:
        `(token_ids, scores)`, best first: int32 `(batch, num_beams, max_length)`,
        0 after the end, and float32 `(batch, num_beams)`. Where a row has fewer
        answers, the rest is empty with score -inf.
    """
    _check_options(max_length, length_penalty)
    if num_beams < 1:
        raise ValueError(
            f"`num_beams` must be at least 1. Received: num_beams={num_beams}. "
            "One beam is greedy search."
        )
    num_results = num_beams if num_results is None else num_results
    if isinstance(num_results, int) and not 1 <= num_results <= num_beams:
        raise ValueError(
            "`num_results` must lie between 1 and `num_beams`. Received: "
            f"num_results={num_results}, num_beams={num_beams}. Search with at "
            "least as many beams as you want answers."
        )
    start_ids = ops.cast(start_ids, "int32")
    batch_size = ops.shape(start_ids)[0]
    _check_cache(cache, batch_size, 1 if share_cache else num_beams)
    limits = _row_limits(limits, batch_size, max_length)

    def go_on(index, beams, cache):
        return ops.any(beams["running"])

    def extend(index, beams, cache):
        token_ids = ops.reshape(beams["token_ids"], (-1,))
        if share_cache:
            beams = enter_places(beams, index)
            logits, cache = step(token_ids, index, cache, visible_entries(beams))
        else:
            logits, cache = step(token_ids, index, cache)
        logits = ops.reshape(logits, (batch_size, num_beams, logits.shape[-1]))
        beams, parents = extend_beams(beams, logits, index, end_id, limits)
        if not share_cache:
            cache = _follow(cache, parents)
        beams = stop_hopeless(beams, limits, length_penalty, num_results)
        return index + 1, beams, cache

    beams = start_beams(start_ids, limits, num_beams, max_length)
    state = (ops.cast(0, "int32"), beams, cache)
    _, beams, _ = ops.while_loop(go_on, extend, state, maximum_iterations=max_length)
    return best_answers(beams, length_penalty)


def _follow(cache, parents):
    """Moves the rows of a cache to where their hypotheses have gone."""
    batch_size, num_beams = ops.shape(parents)
    first = ops.arange(batch_size, dtype="int32")[:, None] * num_beams
    rows = ops.reshape(first + parents, (-1,))
    return keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), cache)


def _generate(
    step, cache, start_ids, choose, max_length, end_id, limits, length_penalty
):
    """One answer a row.

    `choose` takes float32 logits `(batch, vocabulary)` and the index, and gives the
    chosen tokens' log-probabilities and the tokens, each `(batch,)`.
    """
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
        chosen, token_ids = choose(ops.cast(logits, "float32"), index)
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
    return answers, log_probs / penalty(lengths, length_penalty)


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
            "`length_penalty` must not be negative: the search would stop before the "
            f"best answer is known. Received: length_penalty={length_penalty}. Use 0 "
            "to rank by plain probability."
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
                    f"{expected} in all. Received one of shape {tuple(tensor.shape)}. "
                    "Start the cache with batch * num_beams rows."
                )
