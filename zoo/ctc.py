"""Connectionist temporal classification: what was said, and where each token was.

[Graves et al., 2006](https://www.cs.toronto.edu/~graves/icml_2006.pdf). Token 0 is the
blank. With `B` batch, `S` places, `T` tokens, `V` vocabulary size.
"""

from keras import ops

BLANK = 0
_NEVER = -1e9  # as a score, a probability of 0


def best_path(logits):
    """The tokens of the most probable path, section 3.2 of the paper.

    Args:
        logits: float `(B, S, V)`.

    Returns:
        token_ids int32 `(B, S)`, 0 after the last; places int32 `(B, S)`, where each
        token begins; scores float32 `(B,)`, the log-probability of the path.
    """
    logits = ops.cast(logits, "float32")
    token_ids = ops.cast(ops.argmax(logits, axis=-1), "int32")
    scores = ops.sum(ops.max(logits, axis=-1) - ops.logsumexp(logits, axis=-1), axis=-1)
    before = ops.pad(token_ids[:, :-1], ((0, 0), (1, 0)))
    begins = ops.logical_and(token_ids != BLANK, token_ids != before)
    places = ops.broadcast_to(
        ops.arange(ops.shape(token_ids)[1], dtype="int32"), ops.shape(token_ids)
    )
    # Places that begin a token first, in their order.
    order = ops.argsort(ops.where(begins, places, places + ops.shape(token_ids)[1]))
    token_ids = ops.where(begins, token_ids, BLANK)
    token_ids = ops.take_along_axis(token_ids, order, axis=1)
    order = ops.cast(order, "int32")
    return token_ids, ops.where(token_ids != BLANK, order, 0), scores


def align(logits, token_ids):
    """The place where each of the given tokens begins, on the most probable path.

    The path goes through 2 T + 1 states, section 4.1 of the paper: a blank, the first
    token, a blank, ... That of a row which no path can say is of no meaning.

    Args:
        logits: float `(B, S, 1 + T)`, of the blank and of each token. What is
            added to all of a place changes nothing: they need not be normalised.
        token_ids: int `(B, T)`, 0 after the last.

    Returns:
        int32 `(B, T)`, 0 after the last.
    """
    token_ids = ops.cast(token_ids, "int32")
    num_places, num_tokens = ops.shape(logits)[1], ops.shape(token_ids)[1]
    num_states = 2 * num_tokens + 1
    states = ops.arange(num_states)
    is_token = states % 2 == 1
    says = ops.take(ops.pad(token_ids, ((0, 0), (0, 1))), states // 2, axis=1)
    says = ops.where(is_token, says, BLANK)  # (B, states)
    logits = ops.cast(logits, "float32")
    # Sums over places stay small, and so exact.
    logits = logits - ops.max(logits, axis=-1, keepdims=True)
    emitted = ops.take(logits, ops.where(is_token, states // 2 + 1, 0), axis=2)
    emitted = ops.transpose(emitted, (1, 0, 2))
    # The blank between two tokens may be left out where they are not equal.
    skips = ops.logical_and(
        says != BLANK, says != ops.pad(says[:, :-2], ((0, 0), (2, 0)))
    )
    start = ops.where(states <= 1, emitted[0], _NEVER)

    def forward(scores, emitted):
        stay = scores
        step = ops.pad(scores[:, :-1], ((0, 0), (1, 0)), constant_values=_NEVER)
        skip = ops.pad(scores[:, :-2], ((0, 0), (2, 0)), constant_values=_NEVER)
        ways = ops.stack([stay, step, ops.where(skips, skip, _NEVER)])
        best = ops.max(ways, axis=0) + emitted
        # Keras's scan on TensorFlow gives results of the state's type only.
        return best, ops.cast(ops.argmax(ways, axis=0), best.dtype)

    scores, came_by = ops.scan(forward, start, emitted[1:])
    came_by = ops.cast(came_by, "int32")
    # The last state is the last token, or the blank after it.
    last = 2 * ops.sum(ops.cast(token_ids != BLANK, "int32"), axis=1, keepdims=True)
    ends = ops.take_along_axis(
        scores, ops.concatenate([last, ops.maximum(last - 1, 0)], axis=1), axis=1
    )
    state = ops.where(ends[:, :1] >= ends[:, 1:], last, ops.maximum(last - 1, 0))

    def backward(state, came_by):
        before = state - ops.take_along_axis(came_by, state, axis=1)
        return before, before

    _, path = ops.scan(backward, state, came_by, reverse=True)
    path = ops.concatenate([path, state[None]], axis=0)[:, :, 0]  # (S, B)
    places = ops.arange(num_places, dtype="int32")[:, None, None]
    is_here = ops.transpose(path)[:, :, None] == 2 * ops.arange(num_tokens) + 1
    is_here = ops.transpose(is_here, (1, 0, 2))  # (S, B, T)
    first = ops.min(ops.where(is_here, places, num_places), axis=0)
    return ops.where(token_ids != BLANK, ops.minimum(first, num_places - 1), 0)
