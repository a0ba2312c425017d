"""A damaged or unsupported checkpoint is refused by the name of what is wrong."""

import re

import numpy as np
import pytest

from tests.interop.checkpoints import (
    checkpoint,
    copy_of,
    edit_json,
    edit_tensors,
    outputs,
    reference_inputs,
)
from zoo.interop import read_hugging_face
from zoo.interop.safetensors_file import read_safetensors, write_safetensors


def error_of(tmp_path, name="bert_classifier", change=None, remove=(), **values):
    """The message with which a changed copy of a reference is refused."""
    folder = copy_of(name, tmp_path)
    if change:
        edit_tensors(folder, change)
    edit_json(folder / "config.json", remove, **values)
    with pytest.raises(ValueError) as caught:
        read_hugging_face(folder)
    return str(caught.value)


CONFIGS = {
    "another type": (
        {"model_type": "gpt2"},
        "model type 'gpt2'.*Supported: bert, distilbert, electra, roberta",
    ),
    "another head": (
        {"architectures": ["BertForQuestionAnswering"]},
        "BertForQuestionAnswering.*one of these is needed: .*BertForMaskedLM",
    ),
    "relative positions": (
        {"position_embedding_type": "relative_key"},
        "position_embedding_type = 'relative_key', which is not supported",
    ),
    "a decoder": ({"is_decoder": True}, "is_decoder = True"),
    "cross-attention": ({"add_cross_attention": True}, "add_cross_attention = True"),
    "activation": (
        {"hidden_act": "mish"},
        "hidden_act = 'mish', which is not supported. Supported: gelu,",
    ),
    "pruned heads": ({"pruned_heads": {"0": [1]}}, "has pruned_heads, which"),
    "quantized": ({"quantization_config": {"bits": 4}}, "has quantization_config"),
    "regression": ({"problem_type": "regression"}, "describes a regression"),
    "one label": ({"id2label": {"0": "score"}}, "describes a regression.* 1 labels"),
    "labels with a gap": (
        {"id2label": {"0": "a", "2": "b"}},
        "id2label = {'0': 'a', '2': 'b'}, but a different string",
    ),
    "labels that are a number": ({"id2label": 5}, "id2label = 5, but a different str"),
    "labels in lists": ({"id2label": [["a"]]}, r"id2label = \[\['a'\]\], but a diff"),
    "a head in lists": ({"architectures": [["a"]]}, r"architectures = \[\['a'\]\], bu"),
    "two labels of one name": (
        {"id2label": {"0": "a", "1": "a"}},
        "a different string for each",
    ),
    "a size that is a string": (
        {"hidden_size": "12"},
        "hidden_size = '12', but an int from 1",
    ),
    "a size that is true": ({"num_hidden_layers": True}, "num_hidden_layers = True"),
    "a negative size": ({"intermediate_size": -1}, "intermediate_size = -1"),
    "a huge size": ({"vocab_size": 10**12}, "vocab_size = 1000000000000, but an int"),
    "a large model for a small file": (
        {"hidden_size": 60_000},
        "describes a model of .* or more, but the files of weights .* hold",
    ),
    "too many layers": ({"num_hidden_layers": 3}, "lacks 'bert.encoder.layer.2"),
    "too few layers": (
        {"num_hidden_layers": 1},
        "has the unexpected 'bert.encoder.layer.1.* more",
    ),
    "heads that do not divide": (
        {"num_attention_heads": 5},
        "hidden_size = 12, which num_attention_heads = 5 does not divide",
    ),
    "a dropout of 1": ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob = 1.0, but"),
    "a dropout of 7": ({"hidden_dropout_prob": 7}, "hidden_dropout_prob = 7, but a n"),
    "too few tokens": ({"vocab_size": 60}, "vocab_size = 60, but the tokenizer .* 68"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_an_unsupported_config_is_refused_by_name(case, tmp_path):
    values, match = CONFIGS[case]
    assert re.search(match, error_of(tmp_path, **values))


def test_a_config_without_a_size_is_refused(tmp_path):
    error = error_of(tmp_path, remove=["hidden_size"])
    assert "config.json has no 'hidden_size'" in error


def test_untied_weights_are_refused(tmp_path):
    error = error_of(tmp_path, "bert_masked", tie_word_embeddings=False)
    assert "tie_word_embeddings = false" in error


def test_a_roberta_whose_padding_is_another_is_refused(tmp_path):
    error = error_of(tmp_path, "roberta", pad_token_id=0)
    assert re.search("pad_token_id = 0, but the tokenizer .* has 1", error)


@pytest.mark.parametrize("name", ["roberta_masked", "electra_masked"])
def test_a_head_whose_activation_is_fixed_is_refused_with_another(name, tmp_path):
    error = error_of(tmp_path, name, hidden_act="relu")
    assert re.search("activation 'relu'.*'gelu' only", error)


WEIGHT = "bert.encoder.layer.1.output.dense.weight"


def test_a_missing_tensor_is_named(tmp_path):
    def remove(tensors):
        del tensors[WEIGHT]

    assert f"lacks '{WEIGHT}'" in error_of(tmp_path, change=remove)


def test_missing_and_unexpected_tensors_are_named_together(tmp_path):
    def rename(tensors):
        tensors["other.weight"] = tensors.pop(WEIGHT)

    error = error_of(tmp_path, change=rename)
    assert f"lacks '{WEIGHT}' and has the unexpected 'other.weight'" in error


def test_a_misshapen_tensor_is_named(tmp_path):
    def turn(tensors):
        tensors[WEIGHT] = tensors[WEIGHT].T

    error = error_of(tmp_path, change=turn)
    assert re.search(rf"'{WEIGHT}' of shape \(20, 12\).*asks for \(12, 20\)", error)


def test_a_tensor_with_an_old_and_a_new_name_is_named(tmp_path):
    def add(tensors):
        gamma = "bert.embeddings.LayerNorm.gamma"
        tensors[gamma] = tensors["bert.embeddings.LayerNorm.weight"]

    error = error_of(tmp_path, "bert_masked", add)
    assert "'bert.embeddings.LayerNorm.weight' twice" in error


def test_a_file_that_is_cut_short_is_named(tmp_path):
    folder = copy_of("bert", tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="model.safetensors is cut short"):
        read_hugging_face(folder)


def test_a_folder_of_pickles_is_refused_with_the_way_to_convert(tmp_path):
    folder = copy_of("bert", tmp_path)
    path = folder / "model.safetensors"
    path.rename(folder / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"only in pytorch_model.bin.*can run code.*save_pretrained"
    ):
        read_hugging_face(folder)
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(FileNotFoundError, match="has no model.safetensors"):
        read_hugging_face(folder)


def test_a_folder_without_a_config_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no file config.json"):
        read_hugging_face(tmp_path)


# Shards


def sharded(folder):
    """Splits a copy of "bert" into two files; returns the index."""
    path = copy_of("bert", folder) / "model.safetensors"
    tensors = {key: np.array(value) for key, value in read_safetensors(path).items()}
    path.unlink()
    halves = sorted(tensors)[::2], sorted(tensors)[1::2]
    places = {}
    for number, names in enumerate(halves):
        file = f"model-{number}.safetensors"
        write_safetensors(folder / file, {name: tensors[name] for name in names})
        places |= dict.fromkeys(names, file)
    return places


def test_weights_may_lie_in_shards(tmp_path):
    places = sharded(tmp_path)
    edit_json(tmp_path / "model.safetensors.index.json", weight_map=places)
    inputs, _ = reference_inputs("bert")
    expected = outputs(checkpoint("bert"), inputs)
    for key, ours in outputs(read_hugging_face(tmp_path), inputs).items():
        np.testing.assert_allclose(ours, expected[key], atol=1e-6)


SHARDS = {
    "a missing one": ("model-1.safetensors", "model-2.safetensors", "which is missing"),
    "one elsewhere": ("model-1.safetensors", "../model-1.safetensors", "beside it"),
    "a pickle": ("model-1.safetensors", "model-1.bin", "only .safetensors"),
    "an exchanged one": ("model-1.safetensors", "model-0.safetensors", "only one of"),
}


@pytest.mark.parametrize("case", SHARDS)
def test_a_wrong_index_of_shards_is_refused(case, tmp_path):
    old, new, match = SHARDS[case]
    places = {
        name: new if file == old else file for name, file in sharded(tmp_path).items()
    }
    edit_json(tmp_path / "model.safetensors.index.json", weight_map=places)
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        read_hugging_face(tmp_path)
