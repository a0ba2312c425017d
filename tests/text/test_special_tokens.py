import types

import numpy as np
import pytest
import tensorflow as tf
from tokenizers import BertWordPieceTokenizer

from zoo.text.special_tokens import with_special_tokens

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
A, B = 5, 6
BERT = types.SimpleNamespace(cls_token_id=2, sep_token_id=3, double_separator=False)
ROBERTA = types.SimpleNamespace(cls_token_id=2, sep_token_id=3, double_separator=True)


def ragged(rows):
    return tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)


@pytest.mark.parametrize("max_length", [3, 4, 5, 8, 13, 50])
def test_texts_are_cut_as_hugging_face_does(max_length):
    reference = BertWordPieceTokenizer({piece: i for i, piece in enumerate(PIECES)})
    reference.enable_truncation(max_length)
    lengths = [(m, n) for m in range(9) for n in range(9)]
    pairs = [("a " * m, "b " * n) for m, n in lengths]
    expected = reference.encode_batch(pairs)
    first = ragged([[A] * m for m, _ in lengths])
    second = ragged([[B] * n for _, n in lengths])

    graph = tf.function(
        lambda *ids: with_special_tokens(*ids, tokenizer=BERT, max_length=max_length)
    )
    token_ids, segment_ids = graph(first, second)
    assert token_ids.to_list() == [encoding.ids for encoding in expected]
    assert segment_ids.to_list() == [encoding.type_ids for encoding in expected]

    token_ids, segment_ids = graph(first)
    expected = reference.encode_batch([text for text, _ in pairs])
    assert token_ids.to_list() == [encoding.ids for encoding in expected]
    assert not segment_ids.flat_values.numpy().any()


def test_roberta_has_two_separators_and_no_segments():
    first, second = ragged([[5, 6], []]), ragged([[7, 8, 9], []])
    token_ids, segment_ids = with_special_tokens(
        first, second, tokenizer=ROBERTA, max_length=7
    )
    assert token_ids.to_list() == [[2, 5, 3, 3, 7, 8, 3], [2, 3, 3, 3]]
    assert segment_ids.to_list() == [[0] * 7, [0] * 4]
    alone, _ = with_special_tokens(first, tokenizer=ROBERTA, max_length=7)
    assert alone.to_list() == [[2, 5, 6, 3], [2, 3]]


def test_no_texts_give_no_rows():
    token_ids, segment_ids = with_special_tokens(
        ragged([]), ragged([]), tokenizer=BERT, max_length=7
    )
    assert token_ids.to_list() == segment_ids.to_list() == []
    assert token_ids.dtype == segment_ids.dtype == tf.int32


def test_texts_that_a_function_made_with_int32_row_splits():
    first = ragged([[5, 6]]).with_row_splits_dtype(tf.int32)
    token_ids, _ = with_special_tokens(first, tokenizer=BERT, max_length=9)
    np.testing.assert_array_equal(token_ids.to_list(), [[2, 5, 6, 3]])


@pytest.mark.parametrize(
    ("tokenizer", "second", "num_special"), [(BERT, None, 2), (ROBERTA, [[1]], 4)]
)
def test_a_length_without_room_is_refused(tokenizer, second, num_special):
    with pytest.raises(
        ValueError, match=f"max_length is {num_special - 1}, but .* larger"
    ):
        with_special_tokens(
            ragged([[1]]),
            second and ragged(second),
            tokenizer=tokenizer,
            max_length=num_special - 1,
        )
