import numpy as np
import pytest
import tensorflow as tf

from zoo.tasks.encoding import encode_in_pieces, encoding_function


def rows(*lengths):
    values = [[10 * i + j + 1 for j in range(n)] for i, n in enumerate(lengths)]
    return {"token_ids": tf.ragged.constant(values, dtype=tf.int32)}


def each_token(piece):
    return tf.cast(piece["token_ids"], tf.float32)[..., tf.newaxis] * [1.0, -1.0]


def sum_of_tokens(piece):
    return tf.reduce_sum(each_token(piece), axis=1)


LENGTHS = [(3, 1, 5, 2, 2, 4), (7,), (1, 1, 1, 1, 1, 1, 1)]


@pytest.mark.parametrize("places", [1, 6, 100])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_the_order_and_the_size_of_pieces_do_not_show(lengths, places):
    given = rows(*lengths)
    tokens = given["token_ids"].flat_values.numpy().astype("float32")
    np.testing.assert_array_equal(
        encode_in_pieces(each_token, given, 2, per_place=True, places=places),
        np.stack([tokens, -tokens], 1),
    )
    sums = tf.reduce_sum(given["token_ids"], axis=1).numpy().astype("float32")
    np.testing.assert_array_equal(
        encode_in_pieces(sum_of_tokens, given, 2, places=places),
        np.stack([sums, -sums], 1),
    )


def test_a_piece_holds_no_more_places_than_asked_and_little_padding():
    seen = []

    def encode(piece):
        seen.append(piece["padding_mask"].numpy())
        return each_token(piece)

    encode_in_pieces(encode, rows(9, 2, 2, 1, 2, 9, 1, 1), 2, per_place=True, places=10)
    shapes = [mask.shape for mask in seen]
    assert shapes == [(5, 2), (1, 2), (1, 9), (1, 9)]
    assert sum(mask.sum() for mask in seen) == 27


def test_no_rows_give_no_vectors():
    nothing = {"token_ids": tf.RaggedTensor.from_row_lengths([0][:0], [0][:0])}
    nothing = {k: tf.cast(v, tf.int32) for k, v in nothing.items()}
    assert encode_in_pieces(each_token, nothing, 2, per_place=True).shape == (0, 2)
    assert encode_in_pieces(sum_of_tokens, nothing, 2).shape == (0, 2)


def test_one_graph_serves_all_sizes():
    traces = []

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def run(token_ids):
        traces.append(1)
        return encode_in_pieces(sum_of_tokens, {"token_ids": token_ids}, 2, places=6)

    for lengths in LENGTHS:
        given = rows(*lengths)
        np.testing.assert_array_equal(
            run(given["token_ids"]), encode_in_pieces(sum_of_tokens, given, 2)
        )
    assert len(traces) == 1


def test_the_loop_calls_the_model_as_a_graph_of_its_own():
    encode = encoding_function(sum_of_tokens, model=None, max_length=8)
    ids = tf.RaggedTensorSpec([None, None], tf.int32)
    looping = tf.function(lambda ids: encode_in_pieces(encode, {"token_ids": ids}, 2))
    graph = looping.get_concrete_function(ids).graph.as_graph_def()
    own = [each for each in graph.library.function if each.attr["_noinline"].b]
    assert len(own) == 1
    given = rows(3, 1, 5)["token_ids"]
    expected = encode_in_pieces(sum_of_tokens, {"token_ids": given}, 2)
    np.testing.assert_array_equal(looping(given), expected)
