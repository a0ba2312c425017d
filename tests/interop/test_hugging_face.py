"""Checkpoints that transformers made: the same outputs, there and back, or an error."""

import keras
import numpy as np
import pytest

from tests.interop.checkpoints import (
    ELECTRA_WARNING,
    NAMES,
    checkpoint,
    copy_of,
    edit_json,
    edit_tensors,
    outputs,
    reference,
    reference_inputs,
)
from zoo.interop import read_hugging_face, write_hugging_face
from zoo.interop.safetensors_file import read_safetensors

pytestmark = pytest.mark.filterwarnings(ELECTRA_WARNING)
TASKS = {
    "masked": "MaskedLM",
    "pretraining": "MaskedLM",
    "classifier": "TextClassifier",
    "multi_label": "TextClassifier",
    "labels": "TokenClassifier",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_those_of_transformers(name):
    found = checkpoint(name)
    inputs, expected = reference_inputs(name)
    mask = inputs["padding_mask"]
    given = outputs(found, inputs)
    assert given
    for key, ours in given.items():
        theirs = expected[key]
        if ours.shape[:2] == mask.shape and ours.ndim == 3:
            ours, theirs = ours[mask], theirs[mask]
        np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_the_task_is_told(name):
    found = checkpoint(name)
    kind, _, head = name.partition("_")
    assert found.task_name == TASKS.get(head, "TextEmbedder")
    assert found.options["model_type"] == kind
    assert found.options["max_length"] == (38 if kind == "roberta" else 40)
    if found.task_name in ("TextClassifier", "TokenClassifier"):
        assert found.options["labels"] == ["bad", "so so", "gut"]
    if found.task_name == "TextClassifier":
        assert found.options["multi_label"] == (head == "multi_label")


@pytest.mark.parametrize("name", NAMES)
def test_import_export_import_gives_equal_bytes(name, tmp_path):
    first = checkpoint(name)
    write_hugging_face(tmp_path, *first[:4])
    second = read_hugging_face(tmp_path)
    assert second.task_name == first.task_name
    assert second.options == first.options
    assert second.model.get_config() == {
        **first.model.get_config(),
        "name": second.model.name,
    }
    for ours, theirs in zip(
        second.model.trainable_weights, first.model.trainable_weights, strict=True
    ):
        assert ours.numpy().tobytes() == theirs.numpy().tobytes(), ours.path
    vocabulary = first.tokenizer.get_vocabulary()
    assert second.tokenizer.get_vocabulary() == vocabulary
    configs = [x.tokenizer.get_config() for x in (first, second)]
    assert {**configs[0], "name": None} == {**configs[1], "name": None}


def test_the_tensors_of_the_file_are_written_again(tmp_path):
    copy_of("bert_pretraining", tmp_path / "from")
    found = read_hugging_face(tmp_path / "from")
    write_hugging_face(tmp_path / "to", *found[:4])
    before, after = (
        read_safetensors(tmp_path / x / "model.safetensors") for x in ("from", "to")
    )
    assert set(after) == set(before)
    for name, array in before.items():
        assert after[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("name", ["bert_pretraining", "electra_classifier", "roberta"])
def test_nothing_is_left_random(name):
    weights = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = read_hugging_face(reference(name)).model
        weights.append([w.numpy() for w in model.trainable_weights])
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


# Variants that are found in published files


def variant(name, tmp_path, change):
    """A changed copy of a reference must give what the reference gives."""
    folder = copy_of(name, tmp_path)
    edit_tensors(folder, change)
    found = read_hugging_face(folder)
    inputs, _ = reference_inputs(name)
    expected = outputs(checkpoint(name), inputs)
    for key, ours in outputs(found, inputs).items():
        np.testing.assert_allclose(ours, expected[key], atol=1e-6)
    return found


def test_norms_of_old_files_have_gamma_and_beta(tmp_path):
    def rename(tensors):
        return {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): array
            for name, array in tensors.items()
        }

    assert variant("bert_pretraining", tmp_path, rename).left_out == []


@pytest.mark.parametrize("name", ["bert", "distilbert", "roberta", "electra"])
def test_the_name_of_the_model_may_stand_before_all_tensors(name, tmp_path):
    def rename(tensors):
        return {f"{name}.{tensor}": array for tensor, array in tensors.items()}

    assert variant(name, tmp_path, rename).left_out == []


@pytest.mark.parametrize(
    ("name", "decoder"),
    [
        ("bert_masked", "cls.predictions.decoder"),
        ("distilbert_masked", "vocab_projector"),
        ("electra_masked", "generator_lm_head"),
        ("roberta_masked", "lm_head.decoder"),
    ],
)
def test_tied_weights_may_be_stored_twice_if_they_are_equal(name, decoder, tmp_path):
    embeddings = f"{name.partition('_')[0]}.embeddings.word_embeddings.weight"

    def store(tensors):
        tensors[f"{decoder}.weight"] = tensors[embeddings]

    variant(name, tmp_path / "equal", store)

    def store_another(tensors):
        tensors[f"{decoder}.weight"] = tensors[embeddings] + 1

    folder = copy_of(name, tmp_path / "unequal")
    edit_tensors(folder, store_another)
    with pytest.raises(ValueError, match=f"'{decoder}.weight' that differs.*not tied"):
        read_hugging_face(folder)


def test_a_bias_may_have_the_name_of_the_decoder(tmp_path):
    def rename(tensors):
        tensors["lm_head.decoder.bias"] = tensors.pop("lm_head.bias")

    assert variant("roberta_masked", tmp_path, rename).left_out == []


def test_positions_may_be_stored_if_they_count(tmp_path):
    def store(tensors):
        tensors["embeddings.position_ids"] = np.arange(40, dtype="float32")[None]

    found = variant("bert", tmp_path, store)
    assert found.left_out == ["embeddings.position_ids"]

    def store_others(tensors):
        tensors["embeddings.position_ids"] = np.ones((1, 40), "float32")

    edit_tensors(tmp_path, store_others)
    with pytest.raises(ValueError, match="'embeddings.position_ids' that does not cou"):
        read_hugging_face(tmp_path)


def test_an_old_masked_language_model_may_have_a_pooler(tmp_path):
    def add(tensors):
        tensors["bert.pooler.dense.weight"] = np.ones((12, 12), "float32")
        tensors["bert.pooler.dense.bias"] = np.ones(12, "float32")

    found = variant("bert_masked", tmp_path, add)
    assert found.model.encoder.pooler is not None


def test_what_is_left_out_is_warned_of(tmp_path):
    def add(tensors):
        tensors["roberta.pooler.dense.weight"] = np.ones((12, 12), "float32")

    folder = copy_of("roberta_classifier", tmp_path)
    edit_tensors(folder, add)
    with pytest.warns(UserWarning, match="roberta.pooler.dense.weight, which a TextCl"):
        found = read_hugging_face(folder)
    assert found.left_out == ["roberta.pooler.dense.weight"]
    assert found.model.get_config()["encoder"]["pooler"] == "tanh"


def test_labels_without_names_are_numbered(tmp_path):
    folder = copy_of("bert_classifier", tmp_path)
    edit_json(folder / "config.json", ("id2label", "label2id"), num_labels=3)
    labels = read_hugging_face(folder).options["labels"]
    assert labels == ["LABEL_0", "LABEL_1", "LABEL_2"]
