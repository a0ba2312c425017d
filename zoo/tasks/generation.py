"""Requests for decoded answers: their options, and few static shapes."""

import secrets

import tensorflow as tf

from zoo.tasks.requests import check_generation_options, decoded, item_seeds

BATCH_SIZES = (1, 4, 8, 16, 64)


def request_answers(
    answer,
    model,
    inputs,
    items,
    *,
    num_beams=4,
    max_length=None,
    length_penalty=0.6,
    num_return_sequences=1,
    temperature=None,
    top_k=None,
    top_p=None,
    seed=None,
    seen=None,
):
    """Checks the options of `generate` and asks for answers with them.

    Args:
        answer: callable. Whether tokens are drawn and the number of answers to each
            item -> a callable of the inputs, seeds int32 `(n,)` and a dict of options,
            which gives answers string and scores float32, both `(n, any)`, and others.
        model: has `max_length`.
        inputs: list of tensors with `n` rows.
        items: list of `n` bytes, on which the seeds hang.
        seen: as in `zoo.tasks.requests.item_seeds`.
        **options: as in `zoo.Translator.generate`.

    Returns:
        answers and scores, lists of `n` str and float, of lists of these if
        `num_return_sequences` is above 1; then the others as they came.
    """
    check_generation_options(
        num_beams=num_beams,
        max_length=max_length,
        length_penalty=length_penalty,
        num_return_sequences=num_return_sequences,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    sampling = any(option is not None for option in (temperature, top_k, top_p))
    if not sampling and num_return_sequences > num_beams:
        raise ValueError(
            f"num_return_sequences={num_return_sequences} must lie between 1 and "
            f"num_beams={num_beams}. Raise num_beams, or pass temperature= to "
            "draw any number of answers."
        )
    options = search_options(model, max_length, length_penalty, num_return_sequences)
    if sampling:
        options |= sampling_options(temperature, top_k, top_p)
    seed = secrets.randbits(31) if seed is None else seed
    run = answer(sampling, num_return_sequences if sampling else num_beams)
    answers, scores, *others = run(*inputs, item_seeds(items, seed, seen), options)
    answers = [decoded(row[:num_return_sequences]) for row in answers]
    scores = scores.numpy()[:, :num_return_sequences].tolist()
    if num_return_sequences == 1:
        answers, scores = [row[0] for row in answers], [row[0] for row in scores]
    return answers, scores, *others


def check_one_answer(options):
    """Raises if options of `generate` ask for more than the answer that is scored."""
    if options.get("num_return_sequences", 1) != 1 or options.get("return_scores"):
        raise ValueError(
            "One answer to each is scored, the best. Leave out num_return_sequences "
            "and return_scores."
        )


def as_asked(answers, scores, single, return_scores):
    """Lists as `generate` returns them."""
    if single:
        answers, scores = answers[0], scores[0]
    return (answers, scores) if return_scores else answers


def search_options(model, max_length=None, length_penalty=0.6, num_results=1):
    """The options of a search as tensors, so that another value traces nothing."""
    max_length = min(max_length or model.max_length, model.max_length)
    return {
        "max_length": tf.constant(max_length, tf.int32),
        "length_penalty": tf.constant(length_penalty, tf.float32),
        "num_results": tf.constant(num_results, tf.int32),
    }


def sampling_options(temperature, top_k, top_p):
    """The further options when tokens are drawn; None leaves one out."""
    top_k = min(top_k or 0, tf.int32.max)
    return {
        "temperature": tf.constant(
            1 if temperature is None else temperature, tf.float32
        ),
        "top_k": tf.constant(top_k, tf.int32),
        "top_p": tf.constant(1 if top_p is None else top_p, tf.float32),
    }


def answer_signature(model, sampling):
    """Specs of strings, seeds and options, so that any number is one graph's."""
    options = search_options(model)
    if sampling:
        options |= sampling_options(None, None, None)
    return (
        tf.TensorSpec([None], tf.string),
        tf.TensorSpec([None], tf.int32),
        tf.nest.map_structure(tf.TensorSpec.from_tensor, options),
    )


def length_buckets(max_length):
    """The lengths that rows are padded to: 16, 32, ... and `max_length`.

    >>> length_buckets(100)
    [16, 32, 64, 100]
    """
    buckets = [16]
    while buckets[-1] < max_length:
        buckets.append(2 * buckets[-1])
    return [*buckets[:-1], max_length]


def decode_in_pieces(decode, rows, seeds, *, max_length, num_results):
    """Sorts rows by length and decodes them in batches of a few fixed shapes.

    Whatever the number of rows and their lengths, `decode` sees at most
    `len(BATCH_SIZES) * len(length_buckets(max_length))` shapes, so a compiled one
    compiles at most that often.

    Args:
        decode: callable. ids int32 `(batch, length)`, 0 is padding, and seeds
            int32 `(batch,)` -> ids int32 `(batch, num_results, any)` and scores
            float32 `(batch, num_results)`.
        rows: RaggedTensor int32 `(m, None)`, none longer than `max_length`.
        seeds: int32 `(m,)`, handed to `decode` with each row.
        max_length: int. Longest row, and longest decoded row.
        num_results: int. Answers a row.

    Returns:
        ids int32 `(m, num_results, max_length)`, scores float32
        `(m, num_results)`, in the order of `rows`.
    """
    order = tf.argsort(rows.row_lengths())
    ordered, ordered_seeds = tf.gather(rows, order), tf.gather(seeds, order)
    buckets = tf.constant(length_buckets(max_length))

    def decode_piece(here):
        piece = ordered[here].to_tensor()
        count = tf.shape(piece)[0]
        more = missing_rows(count)
        longer = smallest_at_least(buckets, tf.shape(piece)[1]) - tf.shape(piece)[1]
        ids, scores = decode(
            tf.pad(piece, [[0, more], [0, longer]]),
            tf.pad(ordered_seeds[here], [[0, more]]),
        )
        unused = max_length - tf.shape(ids)[2]
        return tf.pad(ids[:count], [[0, 0], [0, 0], [0, unused]]), scores[:count]

    ids, scores = in_pieces(
        decode_piece,
        tf.size(order),
        [
            tf.TensorSpec([None, num_results, max_length], tf.int32),
            tf.TensorSpec([None, num_results], tf.float32),
        ],
    )
    back = tf.argsort(order)
    return tf.gather(ids, back), tf.gather(scores, back)


def in_pieces(run, total, specs, most=BATCH_SIZES[-1]):
    """Runs pieces of rows, one after the other.

    Args:
        run: callable. The slice of the rows of a piece -> tensors of as many rows.
        total: int32 scalar. Number of rows.
        specs: TensorSpecs of the results, the first axis None.
        most: int, or int32 scalar. Rows of a piece; one of `BATCH_SIZES` where it is
            compiled.

    Returns:
        list of the results, all rows of each.
    """

    def run_piece(begin, *before):
        new = run(slice(begin, begin + most))
        together = [
            tf.concat([old, tf.ensure_shape(some, spec.shape)], axis=0)
            for old, some, spec in zip(before, new, specs, strict=True)
        ]
        return begin + most, *together

    _, *results = tf.while_loop(
        lambda begin, *_: begin < total,
        run_piece,
        [
            tf.constant(0),
            *(tf.zeros([0, *spec.shape[1:]], spec.dtype) for spec in specs),
        ],
        shape_invariants=[tf.TensorShape([]), *(spec.shape for spec in specs)],
        parallel_iterations=1,
    )
    return results


def missing_rows(count):
    """How many rows a piece of `count` lacks to the next of `BATCH_SIZES`."""
    return smallest_at_least(tf.constant(BATCH_SIZES), count) - count


def smallest_at_least(sizes, value):
    """The first of ascending `sizes` that is not below `value`."""
    return tf.reduce_min(tf.boolean_mask(sizes, sizes >= value))
