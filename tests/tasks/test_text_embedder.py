"""Strings to vectors: pooling, folders, exports, and what is refused."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.small_encoder import SIZES, train

LINES = ["a small dog", "a little dog", "the weather is fine", "it is a fine day"]
LONG = " ".join(LINES * 20)


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(LINES * 3, 60, kind="word_piece")


@pytest.fixture(scope="module")
def embedder(tokenizer):
    return make(tokenizer)


def make(tokenizer, **options):
    keras.utils.set_random_seed(3)
    options = {"max_length": 16, **SIZES, **options}
    return zoo.TextEmbedder.from_preset("bert_tiny", tokenizer=tokenizer, **options)


def test_a_vector_is_the_mean_over_the_tokens(tokenizer):
    embedder = make(tokenizer, normalize=False)
    ids = tokenizer(tf.constant(LINES[:1])).to_list()[0]
    row = [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]
    vectors = embedder.model.encoder({"token_ids": np.array([row])})["sequence_output"]
    expected = np.asarray(vectors)[0].mean(axis=0)
    np.testing.assert_allclose(embedder.embed(LINES[0]), expected, atol=1e-5)
    first = make(tokenizer, normalize=False, pooling="cls")
    np.testing.assert_allclose(first.embed(LINES[0]), vectors[0, 0], atol=1e-5)


def test_vectors_have_length_one(embedder):
    vectors = embedder.embed([*LINES, ""])
    assert vectors.dtype == np.float32 and vectors.shape == (5, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_neighbours_do_not_change_a_vector(embedder):
    texts = [*LINES, "", LONG]
    alone = np.stack([embedder.embed(text) for text in texts])
    np.testing.assert_allclose(embedder.embed(texts), alone, atol=1e-5)
    assert embedder.embed([]).shape == (0, 32)


def test_a_long_text_is_cut_with_a_warning(embedder, caplog):
    with caplog.at_level(logging.WARNING):
        vector = embedder.embed(LONG)
    assert "first 16 tokens of 1 of 1 texts" in caplog.text
    np.testing.assert_allclose(vector, embedder.embed(LONG + " more"), atol=1e-6)


def test_the_nearest_text_is_scored(embedder):
    pairs = tf.data.Dataset.from_tensor_slices({"text": LINES, "text_pair": LINES})
    scores = embedder.evaluate(pairs)
    assert scores == {"accuracy_at_1": 1.0, "mean_reciprocal_rank": 1.0}
    with pytest.raises(ValueError, match="nothing to evaluate"):
        embedder.evaluate(pairs.take(0))


def test_it_learns_which_texts_belong_together(tokenizer):
    embedder = make(tokenizer)
    # Those that belong together are not those with words in common.
    pairs = tf.data.Dataset.from_tensor_slices(
        {
            "text": ["a small dog", "the weather is fine"],
            "text_pair": ["the weather is a day", "a small little dog"],
        }
    )
    before = embedder.evaluate(pairs)
    train(embedder, pairs, zoo.losses.ContrastiveCrossentropy())
    after = embedder.evaluate(pairs)
    assert (before["accuracy_at_1"], after["accuracy_at_1"]) == (0.0, 1.0)


def test_a_saved_embedder_gives_the_same(embedder, tokenizer, tmp_path):
    other = make(tokenizer, pooling="cls", normalize=False)
    for each in (embedder, other):
        each.save_to_preset(tmp_path)
        loaded = zoo.TextEmbedder.from_preset(tmp_path)
        np.testing.assert_allclose(loaded.embed(LINES), each.embed(LINES), atol=1e-6)
    with pytest.raises(ValueError, match="only dtype= with a folder, got pooling"):
        zoo.TextEmbedder.from_preset(tmp_path, pooling="mean")
    with pytest.raises(ValueError, match="Pass classes= as well|pass classes= to put"):
        zoo.TextClassifier.from_preset(tmp_path)


def test_the_encoder_of_another_task_is_taken(tokenizer, tmp_path):
    classifier = zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=["a", "b"], **SIZES
    )
    classifier.save_to_preset(tmp_path)
    embedder = zoo.TextEmbedder.from_preset(tmp_path, normalize=False, pooling="cls")
    inputs = {"token_ids": np.array([[2, 7, 3]])}
    np.testing.assert_allclose(
        embedder.model.encoder(inputs)["sequence_output"],
        classifier.model.encoder(inputs)["sequence_output"],
        atol=1e-6,
    )
    assert embedder.model.encoder.pooler is None


def test_the_export_gives_the_same(embedder, tmp_path):
    path = embedder.export(tmp_path / "texts")
    loaded = tf.saved_model.load(path)
    texts = [*LINES, "", LONG, "\u4e2d"]
    outputs = loaded.signatures["serving_default"](text=tf.constant(texts))
    np.testing.assert_allclose(outputs["embedding"], embedder.embed(texts), atol=1e-4)


def test_what_is_no_text_or_no_pooling_is_refused(embedder, tokenizer):
    with pytest.raises(TypeError, match="embed takes a str or a list of str, got int"):
        embedder.embed(3)
    with pytest.raises(ValueError, match="pooling='max'. Choose 'mean' or 'cls'"):
        make(tokenizer, pooling="max")
