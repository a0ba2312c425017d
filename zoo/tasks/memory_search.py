"""Finds what a decoder writes from a memory: by beam search, or by drawing."""

from keras import ops

from zoo.decoding import beam_search, sample
from zoo.sampling import row_seeds


def search_memory(
    model,
    memory,
    seeds,
    options,
    *,
    memory_mask=None,
    limits,
    max_length,
    start_id,
    end_id,
    sampling,
    width,
):
    """Writes tokens: beam search of that width, or that many samples a row.

    Args:
        model: `zoo.models.DecoderModel`.
        memory: float `(batch, S, D)`; `memory_mask` bool `(batch, S)`.
        seeds: int32 `(batch,)`. Used in sampling only.
        options: dict of scalar tensors: `length_penalty` and `num_results`, or for
            sampling `temperature`, `top_k` and `top_p`.
        limits: int32 `(batch,)`. The most tokens of each row; 0 gives an empty answer.
        max_length: int. The most tokens of any row.
        start_id, end_id: int.

    Returns:
        ids int32 `(batch, width, T)` and scores float32 `(batch, width)`. A search
        may leave those after the first `num_results` empty, with score -inf.
    """
    batch_size = ops.shape(memory)[0]
    crosses = model.project_memory(memory)

    def step(token_ids, index, cache, visible=None):
        return model.step(
            token_ids,
            index,
            cache,
            crosses,
            memory_mask=memory_mask,
            self_attention_mask=visible,
        )

    shared = {
        "max_length": max_length,
        "end_id": end_id,
        "length_penalty": options["length_penalty"],
    }
    start_ids = ops.full((batch_size,), start_id, dtype="int32")
    if not sampling:
        return beam_search(
            step,
            model.start_cache(batch_size, max_length * width),
            start_ids,
            limits=limits,
            num_beams=width,
            num_results=options["num_results"],
            share_cache=True,
            **shared,
        )

    def repeat(x):
        return ops.repeat(x, width, axis=0)

    number = ops.tile(ops.arange(width, dtype="int32"), [batch_size])
    token_ids, scores = sample(
        step,
        model.start_cache(batch_size * width, max_length),
        repeat(start_ids),
        limits=repeat(limits),
        seed=row_seeds(repeat(seeds), number),
        temperature=options["temperature"],
        top_k=options["top_k"],
        top_p=options["top_p"],
        **shared,
    )
    return (
        ops.reshape(token_ids, (batch_size, width, -1)),
        ops.reshape(scores, (batch_size, width)),
    )
