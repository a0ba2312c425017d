"""Strings to classes: training, answers, folders, exports, and what is refused."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.small_encoder import SIZES, train

GOOD = ["a fine film", "good fun", "a good film", "fine acting", "what a good day"]
BAD = ["a bad film", "no fun", "an awful film", "bad acting", "what a bad day"]
LINES = GOOD + BAD
LONG = " ".join(["a fine film and what a good day of acting"] * 12)


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(LINES * 3, 60, kind="word_piece")


def examples(texts=LINES, labels=("good",) * 5 + ("bad",) * 5, **more):
    return tf.data.Dataset.from_tensor_slices(
        {"text": list(texts), "label": list(labels), **more}
    )


def make(tokenizer, classes=("bad", "good"), **options):
    keras.utils.set_random_seed(3)
    options = {"max_length": 24, **SIZES, **options}
    return zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=list(classes), **options
    )


@pytest.fixture(scope="module")
def classifier(tokenizer):
    """Knows good from bad."""
    classifier = make(tokenizer)
    train(classifier, examples())
    return classifier


# Answers


def test_it_learns_to_tell_classes_apart(classifier):
    scores = classifier.evaluate(examples())
    assert scores["accuracy"] == scores["macro_f1"] == 1.0
    assert scores["loss"] < 0.2


def test_one_text_gives_one_answer_and_a_list_gives_a_list(classifier):
    one = classifier.classify("a fine day")
    assert set(one) == {"label", "probability"}
    assert list(one["probability"]) == ["bad", "good"]
    assert one["label"] == max(one["probability"], key=one["probability"].get)
    assert sum(one["probability"].values()) == pytest.approx(1.0, abs=1e-5)
    many = classifier.classify(["a fine day", "no day"])
    assert many[0]["label"] == one["label"]
    assert classifier.classify([]) == []


def test_neighbours_and_order_do_not_change_an_answer(classifier):
    texts = [*LINES, "", LONG, "a", LONG[:80]]
    alone = np.concatenate([classifier.probabilities([text]) for text in texts])
    for together in (
        classifier.probabilities(texts),
        classifier.probabilities(texts[::-1])[::-1],
        classifier.probabilities(texts, batch_size=3),
    ):
        np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_long_text_is_read_to_its_end(classifier):
    end = " ".join([LONG, *["an awful film no fun bad acting"] * 12])
    (start_alone, whole), label = classifier.probabilities([LONG, end]), 1
    assert start_alone[label] > 0.9
    assert whole[label] < start_alone[label] - 0.2


def test_an_explanation_says_what_each_layer_looked_at(classifier, tokenizer):
    explanation = classifier.explain("a fine film")
    assert explanation["pieces"] == ["[CLS]", "a", "fine", "film", "[SEP]"]
    assert explanation["attention"].shape == (2, 5)
    np.testing.assert_allclose(explanation["attention"].sum(axis=1), 1.0, atol=1e-5)
    long = classifier.explain(LONG)
    assert len(long["pieces"]) == long["attention"].shape[1] == 24
    pairs = make(tokenizer, pairs=True)
    pieces = pairs.explain(("fine", "film"))["pieces"]
    assert pieces == ["[CLS]", "fine", "[SEP]", "film", "[SEP]"]
    with pytest.raises(TypeError, match="explain takes .* got int"):
        classifier.explain(3)


def test_a_megabyte_of_text_is_answered(classifier):
    answer = classifier.classify("what a good day " * (1 << 16))
    assert np.isfinite(list(answer["probability"].values())).all()


def test_an_answer_follows_later_training(tokenizer):
    classifier = make(tokenizer)
    before = classifier.probabilities(["a film"])
    classifier.model.classifier.bias.assign([0.0, 5.0])
    assert classifier.probabilities(["a film"])[0, 1] > before[0, 1] + 0.2


def test_several_labels_fit_one_text(tokenizer):
    labels = tf.ragged.constant([["good"]] * 5 + [["bad", "sad"]] * 4 + [[]])
    texts = tf.data.Dataset.from_tensor_slices({"text": LINES, "labels": labels})
    texts = texts.map(lambda e: {**e, "labels": e["labels"]})
    classifier = make(tokenizer, ("bad", "good", "sad"), multi_label=True)
    train(classifier, texts, keras.losses.BinaryCrossentropy(from_logits=True))
    scores = classifier.evaluate(texts)
    assert scores["micro_f1"] > 0.9
    assert classifier.classify("an awful film")["labels"] == ["bad", "sad"]


def test_pairs_are_told_from_their_exchange(tokenizer):
    pairs = examples([*GOOD, *BAD], ["yes"] * 5 + ["no"] * 5, text_pair=[*BAD, *GOOD])
    classifier = make(tokenizer, ("no", "yes"), pairs=True)
    train(classifier, pairs)
    assert classifier.evaluate(pairs)["accuracy"] == 1.0
    assert classifier.classify((GOOD[0], BAD[0]))["label"] == "yes"
    assert [a["label"] for a in classifier.classify([(BAD[0], GOOD[0])])] == ["no"]


def test_a_long_pair_is_cut_with_a_warning(tokenizer, caplog):
    classifier = make(tokenizer, pairs=True)
    long = [(LONG, BAD[0]), (GOOD[0], LONG), (GOOD[0], BAD[0])]
    assert np.isfinite(classifier.probabilities(long)).all()
    assert "only 24 tokens of 2 of 3 pairs: their longer text is cut" in caplog.text
    caplog.clear()
    texts, text_pairs = zip(*long, strict=True)
    pairs = examples(texts, ["good"] * 3, text_pair=list(text_pairs))
    classifier.evaluate(pairs, batch_size=1)
    (warning,) = caplog.messages
    assert "2 of 3 pairs" in warning


# Folders


def test_a_saved_classifier_answers_as_before(classifier, tmp_path):
    classifier.save_to_preset(tmp_path)
    loaded = zoo.TextClassifier.from_preset(tmp_path)
    assert loaded.classes == ["bad", "good"]
    assert loaded.max_length == 24
    np.testing.assert_allclose(
        loaded.probabilities([*LINES, LONG]),
        classifier.probabilities([*LINES, LONG]),
        atol=1e-6,
    )


def test_a_trained_encoder_goes_on_under_a_new_head(classifier, tmp_path):
    classifier.save_to_preset(tmp_path)
    other = zoo.TextClassifier.from_preset(
        tmp_path, classes=["x", "y", "z"], dropout=0.3
    )
    assert other.model.num_classes == 3
    assert other.model.encoder.dropout == 0.3
    inputs = {"token_ids": np.array([[2, 7, 9, 3]])}
    np.testing.assert_allclose(
        other.model.encoder(inputs)["pooled_output"],
        classifier.model.encoder(inputs)["pooled_output"],
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="no weights for .* as num_layers=3"):
        zoo.TextClassifier.from_preset(tmp_path, classes=["x", "y"], num_layers=3)


@pytest.mark.parametrize("positions", ["learned", "rotary", "alibi"])
def test_a_new_encoder_is_as_long_as_asked(positions, tokenizer):
    classifier = make(tokenizer, max_length=600, positions=positions)
    assert classifier.max_length == classifier.model.encoder.max_length == 600
    assert make(tokenizer).model.encoder.max_length == 512
    words = " ".join(["good"] * 590)
    changed = classifier.probabilities([words, words.removesuffix("good") + "bad"])
    assert np.abs(changed[0] - changed[1]).max() > 0


def test_a_trained_encoder_is_longer_where_no_position_is_learned(tokenizer, tmp_path):
    make(tokenizer, positions="rotary").save_to_preset(tmp_path / "rotary")
    make(tokenizer).save_to_preset(tmp_path / "learned")

    def longer(folder):
        return zoo.TextClassifier.from_preset(
            tmp_path / folder, classes=["x", "y"], max_length=2048
        )

    longer("rotary").save_to_preset(tmp_path / "again")
    assert zoo.TextClassifier.from_preset(tmp_path / "again").max_length == 2048
    with pytest.raises(ValueError, match="2048, but the encoder has 512 learned"):
        longer("learned")


def test_the_other_tasks_are_as_long_as_asked(tokenizer):
    options = {"tokenizer": tokenizer, "max_length": 600, **SIZES}
    tasks = (
        zoo.TokenClassifier.from_preset("bert_tiny", labels=["O", "x"], **options),
        zoo.TextEmbedder.from_preset("bert_tiny", **options),
        zoo.MaskedLM.from_preset("bert_tiny", **options),
    )
    for task in tasks:
        assert task.max_length == task.model.encoder.max_length == 600


CHANGES = {
    "positions": (
        {"positions": "rotary"},
        "has positions='learned', which its weights",
    ),
    "heads": ({"num_heads": 1}, "has num_heads=2, .* but num_heads=1 came"),
    "order": ({"norm_first": True}, "has norm_first=False, "),
    "activation": ({"activation": "relu"}, "has activation='gelu_tanh', "),
    "layers": ({"num_layers": 1}, "has weights for encoder/.*, which num_layers=1"),
    "segments": ({"num_segments": 0}, "for segment_embedding/.*, which num_segments=0"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_no_trained_weight_is_lost_or_read_otherwise(case, tokenizer, tmp_path):
    changes, message = CHANGES[case]
    make(tokenizer).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match=message):
        zoo.TextClassifier.from_preset(tmp_path, classes=["x", "y"], **changes)


def test_a_trained_pooler_goes_on_as_it_is(tokenizer, tmp_path):
    make(tokenizer, pooler="relu").save_to_preset(tmp_path)
    other = zoo.TextClassifier.from_preset(tmp_path, classes=["x", "y"])
    assert other.model.encoder.pooler_activation == "relu"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"pairs"', '"sides"', "under 'options' .*unexpected keyword argument 'sides'"),
        ('"good"', '"bad"', "under 'options' .*At least two different ones"),
        ('"max_length": 24', '"max_length": 999', "under 'options' .*max_length=999"),
    ],
)
def test_options_that_were_changed_are_refused(classifier, tmp_path, old, new, message):
    classifier.save_to_preset(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        zoo.TextClassifier.from_preset(tmp_path)


# Exports


def test_the_export_answers_as_the_classifier(classifier, tmp_path):
    texts = [*LINES, "", LONG, "\u00c4 \u4e2d \U0001f600"]
    path = classifier.export(tmp_path / "films")
    assert path == str(tmp_path / "films" / "1")
    loaded = tf.saved_model.load(path)
    outputs = loaded.signatures["serving_default"](text=tf.constant(texts))
    expected = classifier.probabilities(texts)
    np.testing.assert_allclose(outputs["probability"], expected, atol=1e-4)
    answers = [answer["label"] for answer in classifier.classify(texts)]
    assert [label.decode() for label in outputs["label"].numpy()] == answers
    assert outputs["classes"].shape == (len(texts), 2)
    empty = loaded.signatures["serving_default"](text=tf.constant([], tf.string))
    assert empty["probability"].shape == (0, 2)


@pytest.mark.slow
def test_the_export_of_pairs_with_several_labels_answers_as_the_classifier(
    tokenizer, tmp_path
):
    classifier = make(tokenizer, ("a", "b", "c"), pairs=True, multi_label=True)
    pairs = [(text, LINES[-1 - i]) for i, text in enumerate(LINES)]
    served = tf.saved_model.load(classifier.export(tmp_path)).signatures
    texts, text_pairs = zip(*pairs, strict=True)
    answer = served["serving_default"](
        text=tf.constant(texts), text_pair=tf.constant(text_pairs)
    )
    for row, expected in enumerate(classifier.classify(pairs)):
        names = [name.decode() for name in answer["classes"].numpy()[row]]
        assert names == list(expected["probability"])
        found = dict(zip(names, answer["probability"].numpy()[row], strict=True))
        assert found == pytest.approx(expected["probability"], abs=1e-6)
        labels = answer["labels"].numpy()[row]
        assert [names[i] for i in np.flatnonzero(labels)] == expected["labels"]


def test_the_export_needs_tensorflow_alone(classifier, tmp_path):
    path = classifier.export(tmp_path / "films")
    code = f"""
import json, sys
import tensorflow as tf
import tensorflow_text
model = tf.saved_model.load({path!r})
label = model.signatures["serving_default"](text=tf.constant(["a bad film"]))["label"]
assert not {{"zoo", "keras_nlp"}} & set(sys.modules)
print(json.dumps(label.numpy()[0].decode()))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == "bad"


# What is refused


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (7, TypeError, "classify takes a str or a list of str, got int"),
        (["a", b"b"], TypeError, r"got bytes \(b'b'\) at place 1"),
        (["\ud800"], ValueError, "text at place 0 cannot be written as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(classifier, texts, error, message):
    with pytest.raises(error, match=message):
        classifier.classify(texts)


def test_pairs_need_segments_for_both(tokenizer):
    with pytest.raises(ValueError, match="this one has num_segments=1. Make it with 2"):
        make(tokenizer, pairs=True, num_segments=1)
    assert make(tokenizer, pairs=True, num_segments=0).classify([("a", "b")])


def test_half_a_pair_is_refused(tokenizer):
    classifier = make(tokenizer, pairs=True)
    with pytest.raises(TypeError, match="takes pairs of str here, got 'a' at place 0"):
        classifier.classify(["a", "b"])
    with pytest.raises(TypeError, match="got NoneType .* in the pair at place 0"):
        classifier.classify([("a", None)])


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({"pairs": True}, ["text", "label"]),
        ({}, ["text", "text_pair", "label"]),
        ({}, ["text"]),
        ({}, ["text", "labels"]),
        ({"multi_label": True}, ["text", "label"]),
    ],
)
def test_examples_of_another_kind_are_refused(tokenizer, options, columns):
    classifier = make(tokenizer, **options)
    values = {name: [["good"]] if name == "labels" else ["good"] for name in columns}
    for use in (classifier.batches, classifier.evaluate):
        with pytest.raises(ValueError, match=r"reads examples of \['label.*these have"):
            use(tf.data.Dataset.from_tensor_slices(values))


def test_a_label_that_was_not_trained_is_named(classifier):
    strange = examples(["a film"], ["odd"])
    for use in (classifier.batches, classifier.evaluate):
        with pytest.raises(ValueError, match=r"not among classes: \['odd'\]"):
            use(strange)


def test_an_evaluation_of_nothing_is_refused(classifier):
    with pytest.raises(ValueError, match="nothing to evaluate"):
        classifier.evaluate(examples().take(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("good",)}, "At least two different ones"),
        ({"classes": ("good", "good")}, "At least two different ones"),
        ({"max_length": 3}, "max_length=3, .* must be 8 or more"),
    ],
)
def test_what_cannot_be_made_is_refused(tokenizer, options, message):
    with pytest.raises(ValueError, match=message):
        make(tokenizer, **options)


def test_a_saved_classifier_takes_no_other_options(tokenizer, tmp_path):
    make(tokenizer).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="dtype= .*, got max_length, multi_label, pa"):
        zoo.TextClassifier.from_preset(
            tmp_path, multi_label=True, pairs=True, max_length=16
        )


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        ("good", TypeError, "classes='good', but a list of str is needed"),
        (5, TypeError, "classes=5, but a list of str is needed"),
        (["good", 1], TypeError, r"classes has 1 \(int\) at place 1, but each must"),
        ([], ValueError, r"classes=\[\]. At least two different ones"),
    ],
)
def test_classes_that_are_none_are_refused_before_a_model_is_made(
    classes, error, message
):
    with pytest.raises(error, match=message):
        zoo.TextClassifier.from_preset("no such preset", classes=classes)


def test_presets_that_do_not_fit_are_refused(classifier, tokenizer, tmp_path):
    from_preset = zoo.TextClassifier.from_preset
    with pytest.raises(ValueError, match="tokenizer= is needed"):
        from_preset("bert_tiny", classes=["a", "b"])
    with pytest.raises(ValueError, match="Pass classes= as well"):
        from_preset("bert_tiny", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="Did you mean 'bert_tiny'"):
        from_preset("bert_teeny", tokenizer=tokenizer, classes=["a", "b"])
    with pytest.raises(ValueError, match="Did you mean 'bert_tiny'"):
        from_preset("bert_teeny")
    with pytest.raises(ValueError, match="no task, so there is no text encoder"):
        from_preset(tmp_path, classes=["a", "b"])
    with pytest.raises(FileNotFoundError, match=r"holds no config\.json"):
        from_preset(tmp_path)
    classifier.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="holds its own tokenizer"):
        from_preset(tmp_path, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="only dtype= with a folder, got dropout"):
        from_preset(tmp_path, dropout=0.5)
    with pytest.raises(ValueError, match="holds a TextClassifier, not a Translator"):
        zoo.Translator.from_preset(tmp_path)


def test_a_tokenizer_of_another_size_is_refused(tokenizer):
    model = make(tokenizer).model
    other = zoo.text.learn_tokenizer(LINES * 3, 62, kind="word_piece")
    with pytest.raises(ValueError, match="tokenizer does not fit the model: it has 62"):
        zoo.TextClassifier(model, other, ["a", "b"])
