"""Strings to translated strings, in the graph: what `generate` and the export run."""

import tensorflow as tf
from keras import ops

from zoo.tasks.generation import decode_in_pieces
from zoo.tasks.memory_search import search_memory
from zoo.text.chunking import cut_long


def longest_answer(source_length):
    """The most tokens an answer may have, for sources of that many tokens."""
    return 2 * source_length + 16


def search(model, source_ids, seeds, options, *, start_id, end_id, sampling, width):
    """Translates ids: beam search of that width, or that many samples a row.

    Args:
        model: `zoo.TranslationModel`.
        source_ids: int32 `(batch, S)`, 0 is padding; a row of it alone gives an
            empty answer.
        seeds: int32 `(batch,)`. Used in sampling only.
        options: dict of scalar tensors, as `zoo.tasks.generation` makes them.
        start_id, end_id: int. Of the target tokenizer.

    Returns:
        ids int32 `(batch, width, T)` and scores float32 `(batch, width)`. A search
        may leave those after the first `num_results` empty, with score -inf.
    """
    source_length = ops.shape(source_ids)[1]
    memory, memory_mask = model.encode(source_ids)
    lengths = ops.sum(ops.cast(memory_mask, "int32"), axis=-1)
    limits = ops.minimum(longest_answer(lengths), options["max_length"])
    limits = ops.where(lengths > 0, limits, 0)
    max_length = ops.minimum(longest_answer(source_length), model.max_length)
    if isinstance(source_length, int):
        max_length = min(longest_answer(source_length), model.max_length)

    return search_memory(
        model,
        memory,
        seeds,
        options,
        memory_mask=memory_mask,
        limits=limits,
        max_length=max_length,
        start_id=start_id,
        end_id=end_id,
        sampling=sampling,
        width=width,
    )


def source_pieces(texts, tokenizer, tables, max_length):
    """Tokenizes texts and cuts those that are longer than the model.

    Args:
        texts: string `(n,)`.
        tokenizer: of the source.
        tables: of `zoo.text.chunking.cut_tables`.
        max_length: int. Longest piece, in tokens, the end token included.

    Returns:
        RaggedTensor int32 `(m, None)`, each piece with its end token, and the text
        that each came from, int64 `(m,)`. An empty text has no piece.
    """
    pieces, owner = cut_long(tokenizer.tokenize(texts), max_length - 1, *tables)
    end = tf.fill([tf.size(owner), 1], tokenizer.end_token_id)
    return tf.concat([pieces, end], axis=1), owner


def search_texts(texts, seeds, decode, task, num_results):
    """Translates the pieces of texts.

    Args:
        texts: string `(n,)`.
        seeds: int32 `(n,)`.
        decode: callable as `zoo.tasks.generation.decode_in_pieces` takes it.
        task: `zoo.Translator`.
        num_results: int.

    Returns:
        the pieces and their owners, as `source_pieces` gives them; their
        translations, int32 `(m, num_results, length)`; scores `(m, num_results)`.
    """
    max_length = task.model.max_length
    rows, owner = source_pieces(
        texts, task.source_tokenizer, task.cut_tables, max_length
    )
    # Pieces of one text draw differently.
    seeds = tf.gather(seeds, owner) + tf.range(tf.size(owner))
    seeds -= tf.cast(tf.searchsorted(owner, owner), tf.int32)
    token_ids, scores = decode_in_pieces(
        decode, rows, seeds, max_length=max_length, num_results=num_results
    )
    return rows, owner, token_ids, scores


def join_pieces(owner, token_ids, scores, count, tokenizer):
    """The pieces' translations and scores -> those of `count` texts.

    Returns:
        translations, string, and scores, float32, both `(count, num_results)`, best
        first; an empty text has an empty translation of score 0. A piece whose
        translation is empty leaves no space.
    """
    _, num_results, length = token_ids.shape
    translated = tokenizer.detokenize(tf.reshape(token_ids, [-1, length]))
    answer = owner[:, None] * num_results + tf.range(num_results, dtype=owner.dtype)
    answer = tf.reshape(answer, [-1])
    said = translated != ""
    joined = tf.strings.unsorted_segment_join(
        translated[said], answer[said], count * num_results, separator=" "
    )
    joined = tf.reshape(joined, [-1, num_results])
    scores = tf.math.unsorted_segment_mean(scores, owner, count)
    # Samples come as they were drawn.
    order = tf.argsort(scores, direction="DESCENDING", stable=True)
    return (
        tf.gather(joined, order, batch_dims=1),
        tf.gather(scores, order, batch_dims=1),
    )
