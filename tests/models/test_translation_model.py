import keras
import numpy as np
import pytest
from keras import ops

from zoo.losses import SmoothedCrossentropy
from zoo.models import TranslationModel

SIZES = {
    "vocabulary_size": 30,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "dropout": 0.5,
}
INPUTS = {
    "source_ids": np.array([[5, 6, 3, 0], [7, 3, 0, 0]]),
    "target_ids": np.array([[2, 9, 8], [2, 4, 0]]),
}


def make(**options):
    keras.utils.set_random_seed(0)
    model = TranslationModel(**{**SIZES, **options})
    model.build()
    return model


def test_shapes():
    model = make(target_vocabulary_size=20)
    memory, mask = model.encode(INPUTS["source_ids"])
    assert memory.shape == (2, 4, 8)
    np.testing.assert_array_equal(mask, INPUTS["source_ids"] != 0)
    assert model(INPUTS).shape == (2, 3, 20)


@pytest.mark.parametrize(
    ("options", "matrices"),
    [
        ({}, [30]),
        ({"tie_embeddings": False}, [30, 30, 30]),
        ({"target_vocabulary_size": 20}, [20, 30]),
        ({"target_vocabulary_size": 20, "tie_embeddings": False}, [20, 20, 30]),
    ],
)
def test_one_two_or_three_embedding_matrices(options, matrices):
    model = make(**options)
    sizes = [w.shape[0] for w in model.weights if w.path.endswith("embeddings")]
    assert sorted(sizes) == matrices


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"target_vocabulary_size": 20, "norm_first": True, "activation": "swiglu"},
        {"tie_embeddings": False, "dtype": "mixed_bfloat16"},
    ],
)
def test_saved_and_loaded_it_is_the_same(options, tmp_path):
    model = make(**options)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for ours, theirs in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(
        ops.cast(loaded(INPUTS), "float32"), ops.cast(model(INPUTS), "float32")
    )


def test_it_learns_from_a_generator():
    model = make(dropout=0.0)
    labels = np.array([[9, 8, 3], [4, 3, 0]])
    model.compile("adam", loss=SmoothedCrossentropy(), jit_compile=False)

    def batches():
        while True:
            yield INPUTS, labels, (labels != 0).astype("float32")

    fit = model.fit(batches(), steps_per_epoch=8, epochs=3, shuffle=False, verbose=0)
    history = fit.history
    assert history["loss"][2] < history["loss"][0]


def test_every_weight_trains():
    model = make()
    model.compile("sgd", loss=SmoothedCrossentropy(), jit_compile=False)
    before = [np.array(w) for w in model.trainable_weights]
    model.fit(INPUTS, np.array([[9, 8, 3], [4, 3, 0]]), verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert np.abs(old - np.array(weight)).max() > 0, weight.path


def test_attention_is_given_on_request():
    model = make()
    memory, mask = model.encode(INPUTS["source_ids"])
    logits, scores = model.decode(
        INPUTS["target_ids"], memory, memory_mask=mask, return_scores=True
    )
    np.testing.assert_allclose(logits, model(INPUTS), atol=1e-5)
    assert [x.shape for x in scores] == [(2, 2, 3, 4)] * 2
    np.testing.assert_allclose(ops.sum(scores[0], axis=-1), np.ones((2, 2, 3)), 1e-5)
    assert float(ops.max(scores[0][1, :, :, 2:])) == 0.0


def test_rows_at_different_positions_step_alike():
    """The vector form of `index`, which streaming needs."""
    model = make(dropout=0.0)
    memory, mask = model.encode(INPUTS["source_ids"])
    crosses = model.project_memory(memory)
    logits = model.decode(INPUTS["target_ids"][:1], memory[:1], memory_mask=mask[:1])
    cache = model.start_cache(2, 4)
    # The second row is one step late: it reads its first token twice.
    for tokens, index in (([2, 2], [0, 0]), ([9, 2], [1, 0]), ([8, 9], [2, 1])):
        stepped, cache = model.step(
            np.array(tokens),
            np.array(index),
            cache,
            [tuple(ops.repeat(x[:1], 2, axis=0) for x in pair) for pair in crosses],
            memory_mask=ops.repeat(mask[:1], 2, axis=0),
        )
        for row, position in enumerate(index):
            np.testing.assert_allclose(stepped[row], logits[0, position], atol=1e-5)


def test_half_packed_rows_are_refused():
    half = {**INPUTS, "target_segment_ids": np.ones((2, 3), "int32")}
    with pytest.raises(ValueError, match="got target_segment_ids alone. Packed rows"):
        make()(half)


def test_there_is_room_for_a_token_and_the_end():
    with pytest.raises(ValueError, match="got max_length=1. A text has a token and"):
        make(max_length=1)
