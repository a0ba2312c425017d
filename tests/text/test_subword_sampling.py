import pytest
import tensorflow as tf

from zoo.text import SubwordSampler, learn_tokenizer
from zoo.text.subword_sampling import merge_table

TEXTS = ["the unbelievable cat", "", "  two  spaces", "😀 <s> <0x41>", "the cat"] * 20


@pytest.fixture(scope="module")
def tokenizer():
    words = "the unbelievable believers believe in cats and able cats two spaces"
    return learn_tokenizer([words] * 3, 300)


def sampled(tokenizer, rate, seed):
    return SubwordSampler(tokenizer, rate)(tokenizer(TEXTS), tf.constant(seed))


def test_text_stays_the_same(tokenizer):
    ids = sampled(tokenizer, 0.5, [1, 2])
    assert [text.decode() for text in tokenizer.detokenize(ids).numpy()] == TEXTS
    assert len(ids.flat_values) > len(tokenizer(TEXTS).flat_values)


def test_the_seed_decides(tokenizer):
    first = sampled(tokenizer, 0.3, [1, 2]).to_list()
    assert first == sampled(tokenizer, 0.3, [1, 2]).to_list()
    assert first != sampled(tokenizer, 0.3, [1, 3]).to_list()
    tf.random.set_seed(7)
    assert first == sampled(tokenizer, 0.3, [1, 2]).to_list()


def test_graph_gives_what_eager_gives(tokenizer):
    sampler = SubwordSampler(tokenizer, 0.3)
    ids, seed = tokenizer(TEXTS), tf.constant([1, 2])
    expected = sampler(ids, seed).to_list()
    assert tf.function(sampler)(ids, seed).to_list() == expected
    dataset = tf.data.Dataset.from_tensors(ids).map(lambda ids: sampler(ids, seed))
    assert next(iter(dataset)).to_list() == expected


def test_one_word_has_several_segmentations(tokenizer):
    ids = sampled(tokenizer, 0.3, [1, 2]).to_list()
    assert len({tuple(row) for row in ids[::5]}) > 5


def test_rate_zero_changes_nothing(tokenizer):
    assert sampled(tokenizer, 0.0, [1, 2]).to_list() == tokenizer(TEXTS).to_list()


def test_rate_one_leaves_no_merged_piece(tokenizer):
    pieces = tokenizer.pieces(sampled(tokenizer, 1.0, [1, 2]))
    words = [piece.decode() for piece in pieces.flat_values.numpy()]
    assert all(len(piece) == 1 or piece.startswith("<0x") for piece in words)


def test_expected_share_of_splits(tokenizer):
    ids = tokenizer(["able"] * 4000)[:, 1:]  # "able" is one piece, after a space
    assert len(ids.flat_values) == 4000
    out = SubwordSampler(tokenizer, 0.25)(ids, tf.constant([3, 4]))
    split = (out.row_lengths() > 1).numpy().mean()
    assert abs(split - 0.25) < 0.03  # four standard deviations


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_rate_is_a_probability(tokenizer, rate):
    with pytest.raises(ValueError, match=f"rate is {rate}, but a probability"):
        SubwordSampler(tokenizer, rate)


def test_merge_table_follows_the_order_of_merging():
    #             0    1     2      3    4    5
    vocabulary = ["bc", "abc", "abcd", "a", "b", "c", "d"]
    table = merge_table(vocabulary, first_id=0)
    assert table[0] == (4, 5)
    assert table[1] == (3, 0)  # a + bc, as "ab" is no piece
    assert table[2] == (1, 6)
    assert table[3:] == [(0, 0)] * 4


def test_every_merged_piece_is_its_halves(tokenizer):
    vocabulary = tokenizer.get_vocabulary()
    table = merge_table(vocabulary)
    assert table[:260] == [(0, 0)] * 260
    merged = [(i, halves) for i, halves in enumerate(table) if halves != (0, 0)]
    assert len(merged) == sum(len(piece) > 1 for piece in vocabulary[260:])
    for i, (left, right) in merged:
        assert vocabulary[left] + vocabulary[right] == vocabulary[i]
