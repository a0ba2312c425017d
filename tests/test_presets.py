import json

import keras
import pytest

import zoo
from zoo import presets

# Parameters as published, with the vocabulary they were counted with, and how
# exactly: Wu et al. give 2.6 M and 36.5 M, Vaswani et al. 65 M and 213 M (their own
# table rounds; 37,000 shared tokens give 63.1 M and 214 M without biases of keys).
PUBLISHED = {
    "translator_tiny": (2.6e6, 9_708, 0.02),
    "translator_small": (36.5e6, 9_708, 0.01),
    "translator_base": (65e6, 37_000, 0.035),
    "translator_big": (213e6, 37_000, 0.02),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameter_count_is_the_published_one(name):
    published, vocabulary_size, tolerance = PUBLISHED[name]
    model = presets.translation_model(name, vocabulary_size)
    assert model.count_params() == pytest.approx(published, rel=tolerance)
    assert zoo.list_presets()[name].parameters == published


def test_every_preset_names_its_source():
    for name, preset in zoo.list_presets().items():
        assert preset.name == name
        assert "https://" in preset.source
        assert preset.task in (
            *("Translator", "TextEncoder", "ImageCaptioner", "SpeechRecognizer"),
        )


# What was published of the encoder of images alone, and the images, patches and stem
# that it was counted with: ViT-Lite-7/4 (Hassani et al.), DeiT-S (Touvron et al.) and
# ViT-B/16 (Dosovitskiy et al.), all with a class token and a classifier, which are
# less than one hundredth.
PUBLISHED_ENCODERS = {
    "captioner_tiny": (3.72e6, {"image_size": 32, "patch_size": 4, "stem": "linear"}),
    "captioner_small": (22e6, {}),
    "captioner_base": (86e6, {}),
}


@pytest.mark.parametrize("name", PUBLISHED_ENCODERS)
def test_the_encoder_of_images_has_the_published_parameters(name):
    published, options = PUBLISHED_ENCODERS[name]
    model = presets.captioning_model(name, 8_000, **options)
    count = model.image_encoder.count_params()
    assert count == pytest.approx(published, rel=0.02)
    assert 0.98 * published <= count


@pytest.mark.parametrize("name", ["captioner_mini", *PUBLISHED_ENCODERS])
def test_the_parameters_of_a_captioner_are_counted(name):
    model = presets.captioning_model(name, 8_000)
    assert zoo.list_presets()[name].parameters == model.count_params()
    side = {"captioner_mini": 64, "captioner_tiny": 160}.get(name, 224)
    assert model.image_size == (side, side)


@pytest.mark.parametrize(
    ("name", "num_key_biases"), [("speech_small", 24 * 256), ("speech_base", 24 * 512)]
)
def test_a_speech_model_has_the_published_parameters(name, num_key_biases):
    model = presets.speech_model(name, 10_000)
    count = model.count_params() - model.ctc_projection.count_params()
    # The published ones have biases of keys, which change no attention.
    assert count == zoo.list_presets()[name].parameters - num_key_biases


def test_the_parameters_of_the_smallest_speech_model_are_counted():
    model = presets.speech_model("speech_tiny", 10_000, sample_rate_hz=8_000)
    count = model.count_params() - model.ctc_projection.count_params()
    assert count == zoo.list_presets()["speech_tiny"].parameters
    assert model.log_mel.sample_rate_hz == 8_000
    with pytest.raises(ValueError, match="Did you mean 'speech_tiny'"):
        presets.speech_model("speech_tinny", 300)


def test_overrides_reach_both_halves_of_a_captioner():
    model = presets.captioning_model(
        "captioner_tiny", 300, image_size=(32, 64), dropout=0.4, dtype="bfloat16"
    )
    assert model.image_size == (32, 64)
    assert model.dropout == model.image_encoder.dropout == 0.4
    assert model.compute_dtype == model.image_encoder.compute_dtype == "bfloat16"
    with pytest.raises(ValueError, match="Did you mean 'captioner_tiny'"):
        presets.captioning_model("captioner_tinny", 300)


def test_overrides_reach_the_model():
    model = presets.translation_model("translator_tiny", 100, dropout=0.0, num_layers=1)
    assert model.dropout == 0.0
    assert len(model.encoder.blocks) == 1


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'translator_tiny'.*Known here"):
        presets.translation_model("translator_teeny", 100)


SMALL = [
    (presets.translation_model, "translator_tiny"),
    (presets.text_encoder, "bert_tiny"),
    (presets.captioning_model, "captioner_mini"),
    (presets.speech_model, "speech_tiny"),
]


@pytest.mark.parametrize(("make", "name"), SMALL)
def test_an_activation_that_is_a_function_is_named_in_the_config(make, name):
    config = make(name, 100, activation=keras.activations.silu).get_config()
    assert config["activation"] == "silu" and json.dumps(config)


@pytest.mark.parametrize(("make", "name"), SMALL)
def test_a_summary_can_be_printed(make, name):
    model, lines = make(name, 100), []
    model.summary(print_fn=lambda line, **_: lines.append(line), expand_nested=True)
    assert f"{model.count_params():,}" in "\n".join(lines)
