"""Batches for understanding texts with the tokenizers that the zoo has for them."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.data import classification_batches, labelling_batches, masked_batches
from zoo.data.read import as_dataset
from zoo.text import BytePairTokenizer, WordPieceTokenizer
from zoo.text.byte_pair_vocabulary import byte_characters

# The padding is 1 here, and no token is 0 that is not special.
BYTE_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
PIECE_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["undoing", "it", "undo"]


@pytest.fixture(scope="module", params=["word pieces", "byte pairs"])
def tokenizer(request):
    if request.param == "word pieces":
        return WordPieceTokenizer([*PIECE_SPECIAL, "un", "##do", "##ing", "it"])
    return BytePairTokenizer([*BYTE_SPECIAL, *byte_characters()], [])


def first_batch(dataset):
    batch = next(iter(dataset))
    return tf.nest.map_structure(lambda x: x.numpy(), batch)


def spelled(tokenizer, token_ids):
    """The text of ids, with a space before every word."""
    pieces = [tokenizer.get_vocabulary()[i] for i in token_ids]
    if tokenizer.double_separator:
        return "".join(pieces).replace("Ġ", " ")
    return "".join(f" {piece}" for piece in pieces).replace(" ##", "")


def test_a_row_of_a_classifier(tokenizer):
    films = {"text": ["undoing it", "it"], "label": ["a", "b"]}
    dataset = classification_batches(
        as_dataset(films), tokenizer, ["a", "b"], shuffle=False, num_buckets=1
    )
    inputs, labels, _ = first_batch(dataset)
    real = inputs["padding_mask"]
    assert (inputs["token_ids"][~real] == tokenizer.pad_token_id).all()
    assert (~real).any() and labels.tolist() == [0, 1]
    for row, text in enumerate(films["text"]):
        token_ids = inputs["token_ids"][row][real[row]]
        assert token_ids[0] == tokenizer.cls_token_id
        assert token_ids[-1] == tokenizer.sep_token_id
        assert spelled(tokenizer, token_ids[1:-1]).strip() == text


def test_pairs_are_parted_as_the_tokenizer_says(tokenizer):
    pairs = {"text": ["it"], "text_pair": ["undo"], "label": ["a"]}
    inputs, _, _ = first_batch(
        classification_batches(as_dataset(pairs), tokenizer, ["a"])
    )
    separators = (inputs["token_ids"] == tokenizer.sep_token_id).sum()
    assert separators == 2 + tokenizer.double_separator
    assert inputs["segment_ids"].max() == 1 - tokenizer.double_separator


def test_labels_lie_on_the_first_pieces_of_words(tokenizer):
    sentences = {"tokens": [WORDS], "labels": [["x", "y", "x"]]}
    inputs, labels, weight = first_batch(
        labelling_batches(as_dataset(sentences), tokenizer, ["x", "y"])
    )
    places = np.flatnonzero(weight[0])
    assert labels[0][places].tolist() == [0, 1, 0]
    ends = [*places[1:], inputs["token_ids"].shape[1] - 1]
    words = [
        spelled(tokenizer, inputs["token_ids"][0][start:end])
        for start, end in zip(places, ends, strict=True)
    ]
    assert words == [f" {word}" for word in WORDS]


def test_words_are_hidden_whole(tokenizer):
    texts = {"text": [" ".join(WORDS)] * 50}
    dataset = masked_batches(
        as_dataset(texts), tokenizer, row_length=64, whole_words=True, mask_rate=0.3
    )
    inputs, labels, weight = first_batch(dataset)
    found = set()
    for row in range(len(labels)):
        places = inputs["mask_positions"][row][weight[row] > 0]
        hidden = labels[row][weight[row] > 0]
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        for word in np.split(hidden, breaks):
            # Words that are hidden side by side are one run here.
            found |= set(spelled(tokenizer, word).split())
    assert found == set(WORDS)
    assert not np.isin(labels[weight > 0], tokenizer.special_token_ids).any()
