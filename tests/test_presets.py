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
        assert preset.task in ("Translator", "TextEncoder")


def test_overrides_reach_the_model():
    model = presets.translation_model("translator_tiny", 100, dropout=0.0, num_layers=1)
    assert model.dropout == 0.0
    assert len(model.encoder.blocks) == 1


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'translator_tiny'.*Known here"):
        presets.translation_model("translator_teeny", 100)
