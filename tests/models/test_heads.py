"""What is put on a text encoder: classification, labelling, masked language model."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.models import (
    ClassificationModel,
    EmbeddingModel,
    LabellingModel,
    MaskedLanguageModel,
    TextEncoder,
)

INPUTS = {
    "token_ids": np.array([[5, 6, 3, 9, 0], [7, 3, 4, 0, 0]]),
    "segment_ids": np.array([[0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]),
}
MASKED = {**INPUTS, "mask_positions": np.array([[1, 3], [2, 0]])}


def encoder(**options):
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}
    return TextEncoder(40, **sizes, max_length=12, **options)


def classifier(**options):
    return ClassificationModel(encoder(**options), num_classes=3, dropout=0.2)


def labeller(**options):
    return LabellingModel(encoder(**options), num_labels=4)


def embedding(**options):
    return EmbeddingModel(encoder(**options), normalize=False)


def masked(**options):
    return MaskedLanguageModel(encoder(**options), next_sentence=True)


def without_pooler(make):
    if make is masked:
        return lambda: MaskedLanguageModel(encoder(pooler=None))
    return lambda: make(pooler=None)


MODELS = {
    "classification": (classifier, INPUTS, (2, 3)),
    "labelling": (labeller, INPUTS, (2, 5, 4)),
    "embedding": (embedding, INPUTS, (2, 16)),
    "masked": (masked, MASKED, (2, 2, 40)),
}


@pytest.fixture(params=MODELS)
def case(request):
    return MODELS[request.param]


def built(make, **options):
    keras.utils.set_random_seed(0)
    model = make(**options)
    model.build()
    rng = np.random.default_rng(0)
    for weight in model.weights:  # biases begin with zeros, norms with ones
        if "seed" not in weight.path:
            weight.assign(weight.numpy() + rng.normal(scale=0.2, size=weight.shape))
    return model


def test_shapes(case):
    make, inputs, shape = case
    assert built(make)(inputs).shape == shape


@pytest.mark.parametrize("options", [{}, {"embedding_dim": 8, "pooler": "relu"}])
def test_a_reloaded_model_has_every_weight_and_gives_the_same(tmp_path, case, options):
    make, inputs, _ = case
    model = built(make, **options)
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert reloaded.get_config() == model.get_config()
    np.testing.assert_allclose(reloaded(inputs), model(inputs), atol=1e-6)


def test_the_config_is_made_of_plain_values(case):
    make, _, _ = case
    model = make()
    config = type(model).from_config(model.get_config()).get_config()
    assert config == model.get_config()
    assert config["encoder"]["vocabulary_size"] == 40
    assert all(
        isinstance(value, int | float | str | bool | None)
        for value in config["encoder"].values()
    )


def test_the_dtype_of_the_encoder_is_that_of_the_model(case):
    make, inputs, _ = case
    model = make(dtype="mixed_bfloat16")
    model.build()
    copy = type(model).from_config(model.get_config())
    copy.build()
    for each in (model, copy):
        assert each.encoder.compute_dtype == "bfloat16"
        # Embeddings are compared, which takes more digits.
        expected = "float32" if make is embedding else "bfloat16"
        assert ops.dtype(each(inputs)) == expected


def test_every_weight_trains(case):
    make, inputs, shape = case
    # What a model does not read, it is made without.
    model = built(make if make is classifier else without_pooler(make))
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    before = [weight.numpy() for weight in model.trainable_weights]
    model.train_on_batch(inputs, np.ones(shape[:-1], "int32"))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (weight.numpy() != old).any(), weight.path


def test_only_the_masked_places_are_predicted():
    model = built(masked)
    everywhere = ops.convert_to_numpy(model(INPUTS))
    chosen = ops.convert_to_numpy(model(MASKED))
    np.testing.assert_allclose(chosen[0], everywhere[0, [1, 3]], atol=1e-5)
    np.testing.assert_allclose(chosen[1], everywhere[1, [2, 0]], atol=1e-5)


def test_the_layer_of_published_checkpoints_reads_the_first_token():
    model = built(masked)
    assert model.next_sentence_logits(INPUTS).shape == (2, 2)


def test_a_classifier_needs_a_pooler():
    with pytest.raises(ValueError, match='without a pooler.*pooler="tanh"'):
        classifier(pooler=None)


def test_positions_may_begin_behind_unused_rows():
    model = built(encoder)
    shifted = built(encoder, first_position=2)
    weights = [w for w in model.weights if "seed" not in w.path]
    for ours, theirs in zip(
        [w for w in shifted.weights if "seed" not in w.path], weights, strict=True
    ):
        value = theirs.numpy()
        if "position_embedding" in ours.path:
            value = np.concatenate([np.full((2, 16), 9.0), value])
        ours.assign(value)
    for inputs in (INPUTS, {**INPUTS, "positions": np.array([[0, 1, 0, 1, 0]])}):
        np.testing.assert_allclose(
            shifted(inputs)["pooled_output"],
            model(inputs)["pooled_output"],
            atol=1e-5,
        )


def test_the_token_of_padding_may_be_another():
    model = built(encoder, pad_token_id=1)
    short = {"token_ids": np.array([[0, 5, 6]])}
    padded = {"token_ids": np.array([[0, 5, 6, 1, 1]])}
    np.testing.assert_allclose(
        model(padded)["sequence_output"][:, :3],
        model(short)["sequence_output"],
        atol=1e-5,
    )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_embedding_is_of_the_real_tokens_alone(pooling):
    model = built(lambda: EmbeddingModel(encoder(), pooling, normalize=False))
    vectors = ops.convert_to_numpy(model.encoder(INPUTS)["sequence_output"])
    expected = [vectors[0, :4].mean(axis=0), vectors[1, :3].mean(axis=0)]
    if pooling == "cls":
        expected = vectors[:, 0]
    np.testing.assert_allclose(model(INPUTS), expected, atol=1e-5)
    longer = {key: np.pad(ids, [[0, 1], [0, 3]]) for key, ids in INPUTS.items()}
    padded = ops.convert_to_numpy(model(longer))
    np.testing.assert_allclose(padded[:2], expected, atol=1e-5)
    np.testing.assert_array_equal(padded[2], 0.0)  # nothing but padding


def test_embeddings_have_length_one_where_asked():
    vectors = ops.convert_to_numpy(built(lambda: EmbeddingModel(encoder()))(INPUTS))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    with pytest.raises(ValueError, match="pooling='max'. Choose 'mean' or 'cls'"):
        EmbeddingModel(encoder(), pooling="max")
