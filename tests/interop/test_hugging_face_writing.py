"""Models that were trained here, as checkpoints of transformers."""

import json

import numpy as np
import pytest

from tests.interop.checkpoints import checkpoint
from zoo.interop import read_hugging_face, write_hugging_face
from zoo.models import ClassificationModel, MaskedLanguageModel, TextEncoder

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}


def encoder(**options):
    return TextEncoder(80, **SIZES, max_length=20, **options)


def test_a_model_trained_here_is_written(tmp_path):
    model = ClassificationModel(encoder(), num_classes=2)
    model.build()
    options = {"labels": ["no", "yes"], "multi_label": True, "pairs": True}
    options["max_length"] = 20
    tokenizer = checkpoint("bert").tokenizer
    write_hugging_face(tmp_path, "TextClassifier", model, tokenizer, options)
    found = read_hugging_face(tmp_path)
    assert found.options == {**options, "model_type": "bert"}
    inputs = {"token_ids": np.array([[4, 5, 9, 0]])}
    # It has no biases of keys, which change nothing; the file has them.
    np.testing.assert_allclose(found.model(inputs), model(inputs), atol=1e-6)


OTHERS = {
    "positions='rotary'": {"positions": "rotary"},
    "norm_first=True": {"norm_first": True},
    "activation='geglu'": {"activation": "geglu"},
    "pooler='relu'": {"pooler": "relu"},
}


@pytest.mark.parametrize("said", OTHERS)
def test_a_model_that_no_checkpoint_can_hold_is_not_written(said, tmp_path):
    model = encoder(**OTHERS[said])
    model.build()
    options = {"max_length": 20, "pooling": "mean", "normalize": True}
    tokenizer = checkpoint("bert").tokenizer
    with pytest.raises(ValueError, match=f"cannot hold .*{said}.*save_to_preset"):
        write_hugging_face(tmp_path / "x", "TextEmbedder", model, tokenizer, options)
    assert not (tmp_path / "x").exists()


def test_only_bert_has_a_layer_for_next_sentences(tmp_path):
    arguments = checkpoint("roberta_masked").model.encoder.get_config()
    model = MaskedLanguageModel(TextEncoder(**arguments), next_sentence=True)
    model.build()
    tokenizer = checkpoint("roberta_masked").tokenizer
    with pytest.raises(ValueError, match="'roberta' cannot hold.*next_sentence=True"):
        write_hugging_face(tmp_path, "MaskedLM", model, tokenizer, {})


def test_a_tokenizer_of_another_model_is_not_written(tmp_path):
    model = encoder(pad_token_id=3)
    model.build()
    with pytest.raises(ValueError, match="68 tokens and the padding 0, .* 80 and 3"):
        tokenizer = checkpoint("bert").tokenizer
        write_hugging_face(tmp_path, "TextEmbedder", model, tokenizer, {})


def test_labels_must_be_as_many_as_classes(tmp_path):
    found = checkpoint("bert_classifier")
    options = {**found.options, "labels": ["no", "yes"]}
    with pytest.raises(ValueError, match="2 labels for a model of 3 classes"):
        write_hugging_face(tmp_path, *found[:3], options)


# What has no quantized form stays as it is, with a warning.
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`:UserWarning")
def test_a_quantized_model_is_not_written(tmp_path):
    model = encoder()
    model.build()
    model.quantize("int8")
    tokenizer = checkpoint("bert").tokenizer
    with pytest.raises(
        ValueError, match="is int8: a quantized model cannot be written"
    ):
        write_hugging_face(tmp_path, "TextEmbedder", model, tokenizer, {})


def test_writing_replaces_what_an_older_checkpoint_left(tmp_path):
    write_hugging_face(tmp_path, *checkpoint("roberta")[:4])
    (tmp_path / "notes.txt").write_text("mine")
    write_hugging_face(tmp_path, *checkpoint("bert_classifier")[:4])
    assert read_hugging_face(tmp_path).task_name == "TextClassifier"
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {
        *("config.json", "model.safetensors", "notes.txt", "vocab.txt"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    }


def test_the_config_is_one_that_transformers_knows(tmp_path):
    write_hugging_face(tmp_path, *checkpoint("distilbert_classifier")[:4])
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["DistilBertForSequenceClassification"]
    assert config["dim"] == 12
    assert config["seq_classif_dropout"] == 0.2
    assert config["label2id"] == {"bad": 0, "so so": 1, "gut": 2}
