"""Changes of low rank: what learns, what stays, and what is saved and exported."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.interop.checkpoints import reference
from tests.tasks.small_encoder import SIZES, train

TEXTS = ["a fine film", "a bad film", "good fun", "no fun"]
EXAMPLES = tf.data.Dataset.from_tensor_slices(
    {"text": TEXTS, "label": ["good", "bad", "good", "bad"]}
)


@pytest.fixture
def classifier():
    return make()


def make(**options):
    keras.utils.set_random_seed(3)
    return zoo.TextClassifier.from_preset(
        "bert_tiny",
        tokenizer=zoo.text.learn_tokenizer(TEXTS * 3, 40, kind="word_piece"),
        classes=["bad", "good"],
        max_length=24,
        **SIZES,
        **options,
    )


def probabilities(answers):
    return np.array([[*answer["probability"].values()] for answer in answers])


def test_only_the_changes_and_the_head_learn(classifier):
    model = classifier.model
    encoder = [w.numpy() for w in model.encoder.weights]
    before = probabilities(classifier.classify(TEXTS))
    zoo.tasks.enable_lora(model.encoder, 2)
    with pytest.raises(ValueError, match="has changes of low rank already"):
        zoo.tasks.enable_lora(model.encoder, 2)
    np.testing.assert_array_equal(probabilities(classifier.classify(TEXTS)), before)
    learning = [weight.path for weight in model.trainable_variables]
    heads = ("/classifier/", "/pooler/")
    of_heads = [path for path in learning if any(head in path for head in heads)]
    assert len(of_heads) == 4  # the pooler may be new
    assert all("lora_kernel" in path or path in of_heads for path in learning)
    dense = [x for x in model.encoder._flatten_layers() if hasattr(x, "lora_kernel_a")]
    assert len(learning) == 2 * len(dense) + 4
    assert {tuple(layer.lora_kernel_a.shape)[1] for layer in dense} == {2}

    train(classifier, EXAMPLES)
    assert classifier.evaluate(EXAMPLES)["accuracy"] == 1.0
    kept = [w for w in model.encoder.weights if "lora" not in w.path]
    for weight, value in zip(kept, encoder, strict=True):
        assert (weight.numpy() == value).all() == ("/pooler/" not in weight.path)


def test_an_export_holds_the_sums_alone(classifier, tmp_path):
    plain = classifier.export(tmp_path / "plain")
    zoo.tasks.enable_lora(classifier.model.encoder, 2)
    train(classifier, EXAMPLES)
    answers = classifier.classify(TEXTS)
    version = classifier.export(tmp_path / "changed")
    served = tf.saved_model.load(version).signatures["serving_default"](
        text=tf.constant(TEXTS)
    )
    np.testing.assert_allclose(
        served["probability"], probabilities(answers), rtol=0, atol=1e-6
    )
    names = [
        [name for name, _ in tf.train.list_variables(f"{path}/variables/variables")]
        for path in (plain, version)
    ]
    assert names[0] == names[1]
    # It goes on learning where it was.
    assert any("lora" in w.path for w in classifier.model.trainable_variables)
    assert classifier.classify(TEXTS) == answers


def test_in_half_the_precision_it_answers_in_full(tmp_path):
    classifier = make(dtype="mixed_bfloat16")
    zoo.tasks.enable_lora(classifier.model.encoder, 2)
    zoo.layers.rematerialize(classifier.model)
    weights = classifier.model.encoder.weights
    kept = [w for w in weights if "lora" not in w.path and "pooler" not in w.path]
    before = [w.numpy() for w in kept]
    train(classifier, EXAMPLES)
    for weight, value in zip(kept, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    answering = zoo.training.as_it_answers(classifier, tmp_path)
    assert answering.model.dtype_policy.name == "float32"
    np.testing.assert_allclose(
        probabilities(answering.classify(TEXTS)),
        probabilities(classifier.classify(TEXTS)),
        atol=0.02,
    )


def test_a_published_checkpoint_is_changed_exported_and_written_back(tmp_path):
    classifier = zoo.TextClassifier.from_preset(
        reference("bert"), classes=["bad", "good"]
    )
    zoo.tasks.enable_lora(classifier.model.encoder, 2)
    before = probabilities(classifier.classify(TEXTS))
    train(classifier, EXAMPLES, epochs=8)
    expected = probabilities(classifier.classify(TEXTS))
    assert np.abs(expected - before).max() > 0.01
    version = classifier.export(tmp_path / "export")
    served = tf.saved_model.load(version).signatures["serving_default"]
    np.testing.assert_allclose(
        served(text=tf.constant(TEXTS))["probability"], expected, rtol=0, atol=1e-5
    )
    classifier.to_hugging_face(tmp_path / "back")
    again = zoo.from_hugging_face(tmp_path / "back")
    np.testing.assert_allclose(
        probabilities(again.classify(TEXTS)), expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("rank", [0, -1])
def test_a_rank_is_at_least_one(classifier, rank):
    with pytest.raises(ValueError, match=f"got {rank}. Usual ones are 4 to 16"):
        zoo.tasks.enable_lora(classifier.model.encoder, rank)
