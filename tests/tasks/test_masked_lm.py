"""Masks in strings to the tokens that fit there."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.small_encoder import SIZES
from zoo.data.word_pieces import begins_word
from zoo.tasks import masked_graph

LINES = [
    f"the {animal} {verb} {how}"
    for animal, verb in (("dog", "barks"), ("cat", "purrs"), ("bird", "sings"))
    for how in ("loudly", "today", "again", "at night")
]


def texts(lines=LINES):
    return tf.data.Dataset.from_tensor_slices({"text": lines})


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(LINES * 9, 80, kind="word_piece")


def make(tokenizer, **options):
    keras.utils.set_random_seed(3)
    return zoo.MaskedLM.from_preset(
        "bert_tiny", tokenizer=tokenizer, **{"max_length": 16, **SIZES, **options}
    )


@pytest.fixture(scope="module")
def task(tokenizer):
    """Knows which animal does what."""
    task = make(tokenizer)
    task.model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss=zoo.losses.SmoothedCrossentropy(0.0),
        jit_compile=False,
    )
    batches = task.batches(texts(LINES * 8), batch_size=16)
    task.model.fit(batches, epochs=60, shuffle=False, verbose=0)
    return task


def test_it_learns_what_stands_there(task):
    (answers,) = task.fill("the [MASK] barks loudly")
    assert [len(answers), answers[0][0]] == [5, "dog"]
    probabilities = [probability for _, probability in answers]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + 1e-5
    scores = task.evaluate(texts())
    assert scores["masked_accuracy"] > 0.5
    assert 1 <= scores["perplexity"] < 10


def test_every_mask_has_its_answers(task):
    answers = task.fill(["the [MASK] purrs [MASK]", "no mask", "", "[MASK]"])
    assert [len(answer) for answer in answers] == [2, 0, 0, 1]
    assert answers[0][0][0][0] == "cat"
    assert task.fill([]) == []


def test_many_masks_are_filled_as_few(task, monkeypatch):
    lines = ["the [MASK] barks [MASK]", "no mask", "[MASK] purrs"] * 3
    expected = task.fill(lines)
    monkeypatch.setattr(masked_graph, "_TOGETHER", 2)
    again = zoo.MaskedLM(task.model, task.tokenizer, max_length=task.max_length)
    found = again.fill(lines)
    assert [len(masks) for masks in found] == [2, 0, 1] * 3
    for ours, theirs in zip(sum(found, []), sum(expected, []), strict=True):
        tokens, probabilities = zip(*ours, strict=True)
        same_tokens, same = zip(*theirs, strict=True)
        assert tokens == same_tokens
        assert probabilities == pytest.approx(same, rel=1e-4)


def test_neighbours_do_not_change_an_answer(task):
    lines = ["the [MASK] sings", "[MASK] " * 9, "the cat [MASK] again at night"]
    for together, line in zip(task.fill(lines), lines, strict=True):
        alone = task.fill(line)
        for ours, theirs in zip(together, alone, strict=True):
            assert [token for token, _ in ours] == [token for token, _ in theirs]
            np.testing.assert_allclose(
                [p for _, p in ours], [p for _, p in theirs], atol=1e-5
            )


def test_a_long_text_is_cut_with_a_warning(task, caplog):
    with caplog.at_level(logging.WARNING):
        answers = task.fill("the [MASK] barks " * 20)
    assert "first 16 tokens of 1 of 1 texts" in caplog.text
    assert 0 < len(answers) < 20


def test_a_saved_one_answers_as_before(task, tmp_path):
    task.save_to_preset(tmp_path)
    loaded = zoo.MaskedLM.from_preset(tmp_path)
    assert loaded.max_length == 16
    lines = ["the [MASK] sings [MASK]"]
    assert [[t for t, _ in mask] for mask in loaded.fill(lines)[0]] == [
        [t for t, _ in mask] for mask in task.fill(lines)[0]
    ]
    with pytest.raises(ValueError, match="only dtype= with a folder, got max_length"):
        zoo.MaskedLM.from_preset(tmp_path, max_length=8)


def test_its_encoder_is_a_start_for_a_classifier(task, tmp_path):
    task.save_to_preset(tmp_path)
    classifier = zoo.TextClassifier.from_preset(tmp_path, classes=["a", "b"])
    assert classifier.model.encoder.pooler is not None  # a new one
    inputs = {"token_ids": np.array([[2, 7, 9, 3]])}
    np.testing.assert_allclose(
        classifier.model.encoder(inputs)["sequence_output"],
        task.model.encoder(inputs)["sequence_output"],
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="holds a MaskedLM, .* pass classes= to put"):
        zoo.TextClassifier.from_preset(tmp_path)


def test_the_encoder_of_a_classifier_gets_a_head_for_masks(tokenizer, tmp_path):
    classifier = zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=["a", "b"], **SIZES
    )
    classifier.save_to_preset(tmp_path)
    task = zoo.MaskedLM.from_preset(tmp_path, max_length=12)
    inputs = {"token_ids": np.array([[2, 7, 9, 3]])}
    np.testing.assert_allclose(
        task.model.encoder(inputs)["sequence_output"],
        classifier.model.encoder(inputs)["sequence_output"],
        atol=1e-6,
    )
    assert task.max_length == 12 and len(task.fill("a [MASK]")) == 1


def test_the_export_answers_as_the_task(task, tmp_path):
    path = task.export(tmp_path / "masks")
    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    lines = ["the [MASK] purrs [MASK]", "no mask", "", "[MASK] sings"]
    outputs = serve(text=tf.constant(lines))
    assert outputs["token"].shape == outputs["probability"].shape == (4, 2, 5)
    for row, answers in enumerate(task.fill(lines)):
        for mask, best in enumerate(answers):
            found = [token.decode() for token in outputs["token"].numpy()[row, mask]]
            assert found == [token for token, _ in best]
            np.testing.assert_allclose(
                outputs["probability"][row, mask], [p for _, p in best], atol=1e-4
            )
    assert outputs["token"].numpy()[1].tolist() == [[b""] * 5] * 2
    assert outputs["probability"].numpy()[3, 1].tolist() == [0.0] * 5
    assert serve(text=tf.constant(["no mask"]))["token"].shape == (1, 0, 5)
    assert serve(text=tf.constant([], tf.string))["token"].shape == (0, 0, 5)


def test_rows_to_spare_are_no_answers(tokenizer, tmp_path):
    size = tokenizer.vocabulary_size() + 300
    keras.utils.set_random_seed(3)
    encoder = zoo.TextEncoder(
        size, max_length=16, pad_token_id=tokenizer.pad_token_id, **SIZES
    )
    model = zoo.MaskedLanguageModel(encoder)
    model.build()
    task = zoo.MaskedLM(model, tokenizer)
    (mask,) = task.fill("the [MASK] sings")
    assert {token for token, _ in mask} <= set(tokenizer.get_vocabulary())
    serve = tf.saved_model.load(task.export(tmp_path)).signatures["serving_default"]
    outputs = serve(text=tf.constant(["the [MASK] sings"]))
    exported = [token.decode() for token in outputs["token"].numpy()[0, 0]]
    assert exported == [token for token, _ in mask]


@pytest.mark.parametrize("row_length", [513, 1024])
def test_rows_longer_than_the_positions_are_refused(task, row_length):
    with pytest.raises(ValueError, match=f"row_length={row_length}, .* 512 positions"):
        task.batches(texts(), row_length=row_length)


def test_rows_without_learned_positions_have_no_end(tokenizer):
    task = zoo.MaskedLM.from_preset("bert_tiny", tokenizer, positions="alibi")
    inputs, *_ = next(iter(task.batches(texts(), row_length=600, batch_size=1)))
    assert inputs["token_ids"].shape == (1, 600)


def test_what_is_no_text_is_refused(task):
    with pytest.raises(TypeError, match="fill takes a str or a list of str, got int"):
        task.fill(3)


def test_a_letter_that_is_a_space_elsewhere_makes_no_words_longer():
    lines = ["Ġorġ mar id-dar tal-Ġirien"] * 9
    tokenizer = zoo.text.learn_tokenizer(
        lines, 60, kind="word_piece", lowercase=False, at_most=True
    )
    found = begins_word(tokenizer)
    vocabulary = tokenizer.get_vocabulary()
    assert any(token.startswith("Ġ") for token in vocabulary)
    assert found.tolist() == [not token.startswith("##") for token in vocabulary]


def test_a_score_needs_a_token_that_can_be_hidden(task):
    with pytest.raises(ValueError, match="nothing to predict: the texts have no token"):
        task.evaluate(texts(["早上好", "晚上好"]))
