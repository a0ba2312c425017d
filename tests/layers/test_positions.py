import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract
from zoo.layers import (
    LearnedPositionEmbedding,
    SinusoidalPositionEncoding,
    SinusoidsOfGrid,
    alibi_bias,
    rotate,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 5, 8)).astype("float32")
POSITIONS = np.array([[0, 1, 2, 0, 1], [3, 4, 0, 1, 2]], "int32")


@pytest.mark.parametrize(
    "layer",
    [SinusoidalPositionEncoding(), LearnedPositionEmbedding(max_length=6)],
    ids=["sinusoidal", "learned"],
)
@pytest.mark.parametrize("positions", [None, POSITIONS], ids=["counted", "given"])
def test_layer_contract(layer, positions):
    if positions is None:
        assert_layer_contract(layer, X, output_shape=(1, 5, 8))
    else:
        layer = type(layer).from_config(layer.get_config())
        # A learned vector of a position that does not occur does not train.
        assert_layer_contract(layer, X, positions, output_shape=(2, 5, 8))


@pytest.mark.parametrize(
    "layer", [SinusoidalPositionEncoding(), LearnedPositionEmbedding(max_length=6)]
)
def test_given_positions_pick_rows_of_the_counted_ones(layer):
    counted = ops.convert_to_numpy(layer(X))[0]
    given = ops.convert_to_numpy(layer(X, positions=POSITIONS))
    np.testing.assert_allclose(given, counted[POSITIONS], atol=1e-6)


@pytest.mark.parametrize(("length", "dim"), [(3, 8), (64, 32), (5, 7)])
def test_sinusoidal_equals_keras_nlp(length, dim):
    keras_nlp = pytest.importorskip("keras_nlp")
    x = np.zeros((2, length, dim), "float32")
    expected = keras_nlp.layers.SinePositionEncoding()(x)
    ours = SinusoidalPositionEncoding()(x)
    np.testing.assert_allclose(ours, expected[:1], atol=1e-5)


def test_sinusoidal_stays_exact_far_out():
    x = np.zeros((1, 1, 8), "float32")
    ours = SinusoidalPositionEncoding()(x, positions=np.array([[5000]]))
    angle = 5000 * 10_000 ** (-np.arange(0, 8, 2) / 8)
    # A float32 angle of 5000 is known to 2.4e-4.
    np.testing.assert_allclose(np.array(ours)[0, 0, 0::2], np.sin(angle), atol=3e-4)
    np.testing.assert_allclose(np.array(ours)[0, 0, 1::2], np.cos(angle), atol=3e-4)


def test_too_long_for_learned_positions():
    with pytest.raises(ValueError, match=r"max_length=4.*length 5.*max_length=5"):
        LearnedPositionEmbedding(max_length=4)(X)


@pytest.mark.parametrize("start", [0, 3])
def test_rotate_equals_keras_nlp(start):
    keras_nlp = pytest.importorskip("keras_nlp")
    x = rng.normal(size=(2, 40, 3, 8)).astype("float32")
    expected = keras_nlp.layers.RotaryEmbedding()(x, start_index=start)
    positions = np.arange(start, start + 40)[None]
    np.testing.assert_allclose(rotate(x, positions), expected, atol=1e-5)


def test_rotated_products_depend_on_distance_only():
    query, key = rng.normal(size=(2, 1, 1, 1, 8)).astype("float32")

    def product(i, j):
        turned = (
            rotate(ops.convert_to_tensor(x), np.array([[place]]))
            for x, place in ((query, i), (key, j))
        )
        return float(ops.sum(ops.multiply(*turned)))

    assert product(7, 3) == pytest.approx(product(14, 10), abs=1e-5)
    assert product(7, 3) != pytest.approx(product(7, 4), abs=1e-3)


def test_rotate_needs_pairs():
    with pytest.raises(ValueError, match="got 7 features a head.*even"):
        rotate(np.zeros((1, 2, 3, 7), "float32"))


@pytest.mark.parametrize("num_heads", [1, 2, 8, 12])
def test_alibi_equals_keras_nlp(num_heads):
    keras_nlp = pytest.importorskip("keras_nlp")
    scores = np.zeros((1, num_heads, 1, 9), "float32")
    expected = keras_nlp.layers.AlibiBias()(scores)
    # KerasNLP counts distances back from the last key.
    ours = alibi_bias(num_heads, np.array([[8]]), np.arange(9)[None])
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_alibi_is_a_penalty_that_grows_with_distance_either_way():
    bias = np.array(alibi_bias(2, np.array([[2]]), np.arange(5)[None]))[0, :, 0]
    np.testing.assert_allclose(bias[0], -0.0625 * np.array([2, 1, 0, 1, 2]))
    np.testing.assert_allclose(bias[1], bias[0] / 16)


def test_a_grid_has_the_sinusoids_of_its_rows_and_columns():
    table = ops.convert_to_numpy(SinusoidsOfGrid(2, 3)((6, 18), "float32"))
    counted = ops.convert_to_numpy(SinusoidalPositionEncoding()(np.zeros((1, 3, 8))))[0]
    sines_first = np.concatenate([counted[:, 0::2], counted[:, 1::2]], axis=1)
    rows, columns = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2])
    np.testing.assert_allclose(table[:, :8], sines_first[rows], atol=1e-6)
    np.testing.assert_allclose(table[:, 8:16], sines_first[columns], atol=1e-6)
    assert not table[:, 16:].any()  # 18 is no multiple of 4
    layer = LearnedPositionEmbedding(6, SinusoidsOfGrid(2, 3))
    layer = LearnedPositionEmbedding.from_config(layer.get_config())
    np.testing.assert_allclose(layer(np.zeros((1, 6, 18)))[0], table, atol=1e-6)
