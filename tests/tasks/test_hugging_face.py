"""Published checkpoints as tasks, in and out."""

import json

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.interop.checkpoints import (
    ELECTRA_WARNING,
    NAMES,
    checkpoint,
    reference,
)

TEXTS = ["a small dog", "it is fine", "", "b" * 30]
pytestmark = pytest.mark.filterwarnings(ELECTRA_WARNING)


def slow(name):
    return pytest.param(name, marks=pytest.mark.slow)


# One of each task and each tokenizer.
SOME = (
    "bert_multi_label",
    *map(slow, ("distilbert", "electra_masked", "roberta_classifier")),
    slow("roberta_labels"),
)


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def task(name):
    return zoo.from_hugging_face(reference(name))


def answers(task):
    """What a task says, as numbers."""
    if isinstance(task, zoo.TextClassifier):
        return task.probabilities(TEXTS)
    if isinstance(task, zoo.TextEmbedder):
        return task.embed(TEXTS)
    if isinstance(task, zoo.TokenClassifier):
        spans = [span for spans in task.label(TEXTS) for span in spans]
        return np.array([[span["start"], span["end"]] for span in spans])
    mask = task.tokenizer.id_to_token(task.tokenizer.mask_token_id)
    filled = task.fill([f"a {mask} dog", mask])
    return np.array([[p for _, p in best] for text in filled for best in text])


def test_a_checkpoint_becomes_the_task_that_it_holds(name, task):
    assert type(task).__name__ == checkpoint(name).task_name
    for ours, theirs in zip(
        task.model.weights, checkpoint(name).model.weights, strict=True
    ):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.slow
def test_it_answers(task):
    assert np.isfinite(answers(task)).all()


@pytest.mark.parametrize("name", SOME, scope="module")
def test_out_and_in_again_changes_no_weight(name, task, tmp_path):
    task.to_hugging_face(tmp_path)
    again = zoo.from_hugging_face(tmp_path)
    assert type(again) is type(task) and again.model_type == task.model_type
    for ours, theirs in zip(again.model.weights, task.model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("name", SOME, scope="module")
def test_it_is_saved_and_exported_as_any_other(task, tmp_path):
    expected = answers(task)
    task.save_to_preset(tmp_path / "saved")
    loaded = type(task).from_preset(tmp_path / "saved")
    np.testing.assert_allclose(answers(loaded), expected, atol=1e-6)
    assert loaded.model_type == task.model_type
    served = tf.saved_model.load(task.export(tmp_path / "export"))
    served = served.signatures["serving_default"](text=tf.constant(TEXTS))
    if isinstance(task, zoo.MaskedLM):
        assert served["token"].shape[0] == len(TEXTS)
    elif isinstance(task, zoo.TokenClassifier):
        is_span = served["start"].numpy() >= 0
        places = np.stack([served[key].numpy()[is_span] for key in ("start", "end")])
        np.testing.assert_array_equal(places.T, expected)
    else:
        key = "embedding" if isinstance(task, zoo.TextEmbedder) else "probability"
        np.testing.assert_allclose(served[key], expected, atol=1e-4)


@pytest.mark.parametrize("name", SOME, scope="module")
def test_a_checkpoint_is_a_preset_for_a_new_head(name, task):
    new = zoo.TextClassifier.from_preset(reference(name), classes=["a", "b"])
    ids = {"token_ids": np.array([[2, 7, 8, 3]])}
    np.testing.assert_allclose(
        new.model.encoder(ids)["sequence_output"],
        task.model.encoder(ids)["sequence_output"],
        atol=1e-5,
    )
    assert new.tokenizer.get_vocabulary() == task.tokenizer.get_vocabulary()
    assert set(new.classify("a small dog")["probability"]) == {"a", "b"}


@pytest.mark.parametrize(
    "name", ["bert", *map(slow, ("distilbert", "electra", "roberta"))]
)
def test_a_new_head_goes_out_and_in_as_its_type_has_it(name, tmp_path):
    zoo.from_hugging_face(reference(f"{name}_masked")).save_to_preset(tmp_path / "own")
    for number, preset in enumerate((reference(name), tmp_path / "own")):
        new = zoo.TextClassifier.from_preset(preset, classes=["a", "b"])
        new.to_hugging_face(tmp_path / f"{number}")
        again = zoo.from_hugging_face(tmp_path / f"{number}")
        assert again.model_type == new.model_type == name
        np.testing.assert_allclose(
            again.probabilities(TEXTS), new.probabilities(TEXTS), atol=1e-6
        )


def test_every_task_is_of_the_type_of_its_encoder():
    electra = reference("electra")
    tasks = (
        zoo.TokenClassifier.from_preset(electra, labels=["a", "b"]),
        zoo.MaskedLM.from_preset(electra),
        zoo.TextEmbedder.from_preset(reference("electra_masked")),
    )
    assert [task.model_type for task in tasks] == ["electra"] * 3


@pytest.mark.parametrize("name", ["bert_masked", "bert"], scope="module")
def test_a_checkpoint_of_just_the_task_is_not_made_anew(name, task):
    with pytest.raises(ValueError, match=r"of just this task.* zoo.from_hugging_face"):
        type(task).from_preset(reference(name))


@pytest.mark.parametrize("name", ["bert_classifier", slow("roberta_classifier")])
def test_a_classifier_of_pairs_stays_one(name, tmp_path):
    task = zoo.from_hugging_face(reference(name), pairs=True)
    answer = task.classify(("a small dog", "it is fine"))
    assert answer["label"] in task.classes
    assert answer != task.classify(("it is fine", "a small dog"))
    task.to_hugging_face(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["zoo_pairs"] is True
    again = zoo.from_hugging_face(tmp_path)
    assert again.pairs and not zoo.from_hugging_face(reference(name)).pairs
    assert again.classify(("a small dog", "it is fine"))["label"] == answer["label"]


def test_what_is_no_classifier_of_texts_reads_no_pairs():
    for name in ("bert", "bert_masked", "bert_labels"):
        with pytest.raises(ValueError, match="pairs=True is for a TextClassifier"):
            zoo.from_hugging_face(reference(name), pairs=True)


@pytest.mark.parametrize("name", ["bert", "roberta_labels"], scope="module")
def test_neither_kind_of_folder_is_written_over_the_other(task, tmp_path):
    kinds = {
        "holds a task that save_to_preset wrote.* another folder": (
            task.save_to_preset,
            task.to_hugging_face,
        ),
        "holds a published checkpoint.* another folder": (
            task.to_hugging_face,
            task.save_to_preset,
        ),
    }
    for number, (said, (write, overwrite)) in enumerate(kinds.items()):
        folder = tmp_path / f"{number}"
        for _ in range(2):  # its own kind may be written again
            write(folder)
        before = {
            path: path.read_bytes() for path in folder.iterdir() if path.is_file()
        }
        with pytest.raises(ValueError, match=said):
            overwrite(folder)
        assert before == {
            path: path.read_bytes() for path in folder.iterdir() if path.is_file()
        }


def test_a_checkpoint_without_classes_is_answered_with_what_to_do():
    for task_class in (zoo.TextClassifier, zoo.TokenClassifier):
        with pytest.raises(ValueError, match="zoo.from_hugging_face, or pass"):
            task_class.from_preset(reference("distilbert"))


def test_a_damaged_checkpoint_is_no_preset(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match="'gpt2', which is not supported. Supported:"):
        zoo.TextClassifier.from_preset(tmp_path, classes=["a", "b"])


@pytest.mark.slow
def test_a_task_of_our_own_goes_out_and_comes_in(tmp_path):
    lines = ["a small dog", "a little cat"] * 4
    tokenizer = zoo.text.learn_tokenizer(lines, 40, kind="word_piece")
    task = zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=["cat", "dog"], max_length=32
    )
    task.to_hugging_face(tmp_path)
    again = zoo.from_hugging_face(tmp_path)
    assert again.classes == ["cat", "dog"] and again.max_length == 32
    np.testing.assert_allclose(
        again.probabilities(TEXTS), task.probabilities(TEXTS), atol=1e-6
    )
