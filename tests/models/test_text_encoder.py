import keras
import numpy as np
import pytest

from zoo import presets
from zoo.models import TextEncoder

SIZES = {
    "vocabulary_size": 40,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_length": 12,
}
INPUTS = {
    "token_ids": np.array([[5, 6, 3, 9, 0], [7, 3, 0, 0, 0]]),
    "segment_ids": np.array([[0, 0, 1, 1, 0], [0, 1, 0, 0, 0]]),
}


def make(**options):
    keras.utils.set_random_seed(0)
    model = TextEncoder(**{**SIZES, **options})
    model.build()
    return model


def real(outputs):
    """The vectors of the real tokens, and the pooled ones."""
    mask = INPUTS["token_ids"] != 0
    return np.asarray(outputs["sequence_output"])[mask], outputs["pooled_output"]


def test_shapes():
    outputs = make()(INPUTS)
    assert outputs["sequence_output"].shape == (2, 5, 16)
    assert outputs["pooled_output"].shape == (2, 16)
    assert set(make(pooler=None)(INPUTS)) == {"sequence_output"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm_first": True, "pooler": None},
        {"positions": "rotary", "num_segments": 0},
        {"positions": "alibi", "activation": "geglu", "use_key_bias": True},
        {"embedding_dim": 8, "pooler": "relu", "first_position": 2},
    ],
)
def test_config_and_weights_make_the_same_model(tmp_path, options):
    model = make(**options)
    expected = model(INPUTS)["sequence_output"]
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert reloaded.get_config() == model.get_config()
    np.testing.assert_allclose(reloaded(INPUTS)["sequence_output"], expected, atol=1e-6)


def test_a_padding_mask_may_be_given():
    model = make()
    mask = INPUTS["token_ids"] != 0
    given = model({**INPUTS, "padding_mask": mask})
    for ours, expected in zip(real(given), real(model(INPUTS)), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_segments_and_order_matter():
    model = make()
    first = {**INPUTS, "segment_ids": np.zeros_like(INPUTS["segment_ids"])}
    assert np.abs(real(model(first))[0] - real(model(INPUTS))[0]).max() > 1e-3
    turned = {"token_ids": INPUTS["token_ids"][:, [1, 0, 2, 3, 4]]}
    as_it_was = {"token_ids": INPUTS["token_ids"]}
    change = model(turned)["sequence_output"] - model(as_it_was)["sequence_output"]
    assert np.abs(change[0, 2]).max() > 1e-4


def test_unknown_positions_are_refused():
    with pytest.raises(ValueError, match="positions='sinus'.*rotary"):
        make(positions="sinus")


# With the same weights it is KerasNLP's BERT


def copy_from_keras_nlp(backbone, model):
    values = {}
    for weight in backbone.weights:
        name = weight.path
        for theirs, ours in {
            "token_embedding/embeddings": "token_embedding/embeddings",
            "position_embedding/position_embedding": "position_embedding/embeddings",
            "embeddings_layer_norm": "embedding_norm",
            "pooled_dense": "pooler",
            "transformer_layer_": "encoder/block_",
            "self_attention_layer/attention_output": "self_attention/output",
            "self_attention_layer_norm": "self_attention_norm",
            "self_attention_layer": "self_attention",
            "feedforward_intermediate_dense": "feed_forward/expand",
            "feedforward_output_dense": "feed_forward/contract",
            "feedforward_layer_norm": "feed_forward_norm",
        }.items():
            name = name.replace(theirs, ours)
        values[name] = weight.numpy()
    for weight in model.weights:
        name = weight.path.removeprefix(f"{model.name}/")
        weight.assign(values.pop(name).reshape(weight.shape))
    assert not values, f"ours has no {sorted(values)}"


def test_the_weights_of_keras_nlp_give_its_outputs():
    keras_nlp = pytest.importorskip("keras_nlp")
    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=40,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        max_sequence_length=12,
    )
    rng = np.random.default_rng(0)
    for weight in backbone.weights:  # biases begin with zeros, norms with ones
        weight.assign(weight.numpy() + rng.normal(scale=0.3, size=weight.shape))
    model = make(use_key_bias=True)
    copy_from_keras_nlp(backbone, model)
    mask = INPUTS["token_ids"] != 0
    expected = backbone({**INPUTS, "padding_mask": mask})
    for ours, theirs in zip(real(model(INPUTS)), real(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


# Presets


PUBLISHED = {
    "bert_tiny": 4_385_920,
    "bert_mini": 11_170_560,
    "bert_small": 28_763_648,
    "bert_medium": 41_373_184,
    "bert_base": 109_482_240,
    "bert_large": 335_141_888,
    "minilm_l6": 22_713_216,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameter_count_is_the_published_one(name):
    model = presets.text_encoder(name, vocabulary_size=30_522)
    assert model.count_params() == PUBLISHED[name]
    assert presets.list_presets()[name].parameters == PUBLISHED[name]


def test_overrides_reach_the_model():
    model = presets.text_encoder("bert_tiny", 100, dropout=0.0, positions="rotary")
    assert model.dropout == 0.0
    assert model.position_embedding is None


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'bert_tiny'"):
        presets.text_encoder("bert_teeny", 100)
