import keras
import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract, gradient
from zoo.layers import MultiHeadAttention

rng = np.random.default_rng(0)
QUERY = rng.normal(size=(2, 5, 8)).astype("float32")
MEMORY = rng.normal(size=(2, 7, 8)).astype("float32")
MASK = rng.random((2, 5, 7)) < 0.6
MASK[:, :, 0] = True

VARIANTS = [
    {},
    {"num_key_value_heads": 2, "use_bias": False},
    {"num_key_value_heads": 1, "positions": "alibi", "use_key_bias": True},
    {"positions": "rotary"},
]


def randomised(layer, *shapes):
    """Biases start at zero, which would hide a bias forgotten."""
    layer.build(*shapes)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return layer


@pytest.fixture(params=VARIANTS, ids=str)
def layer(request):
    return randomised(MultiHeadAttention(4, 8, **request.param), QUERY.shape)


@pytest.mark.parametrize("return_scores", [False, True])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_layer_contract(options, return_scores):
    layer = MultiHeadAttention(4, 8, dropout=0.1, **options)
    shape = [(2, 5, 8), (2, 4, 5, 7)] if return_scores else (2, 5, 8)
    assert_layer_contract(
        layer,
        QUERY,
        MEMORY,
        attention_mask=MASK,
        return_scores=return_scores,
        output_shape=shape,
        untrained=["key/bias"],
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equals_keras_with_the_same_weights(masked, use_bias):
    mask = MASK if masked else None
    theirs = keras.layers.MultiHeadAttention(4, 2, use_bias=use_bias)
    theirs.build(QUERY.shape, MEMORY.shape)
    ours = MultiHeadAttention(4, 8, use_bias=use_bias, use_key_bias=use_bias)
    randomised(ours, QUERY.shape)
    copy_to_keras(ours, theirs)
    expected, expected_scores = theirs(
        QUERY, MEMORY, attention_mask=mask, return_attention_scores=True
    )
    np.testing.assert_allclose(
        ours(QUERY, MEMORY, attention_mask=mask), expected, atol=1e-5
    )
    y, scores = ours(QUERY, MEMORY, attention_mask=mask, return_scores=True)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_grouped_heads_equal_keras(groups):
    theirs = keras.layers.GroupQueryAttention(2, 4, groups, use_bias=False)
    theirs.build(QUERY.shape, MEMORY.shape)
    ours = MultiHeadAttention(4, 8, num_key_value_heads=groups, use_bias=False)
    randomised(ours, QUERY.shape)
    copy_to_keras(ours, theirs)
    expected = theirs(QUERY, MEMORY, attention_mask=MASK)
    for return_scores in (False, True):
        y = ours(QUERY, MEMORY, attention_mask=MASK, return_scores=return_scores)
        np.testing.assert_allclose(y[0] if return_scores else y, expected, atol=1e-5)


def copy_to_keras(ours, theirs):
    by_name = {"/".join(w.path.split("/")[-2:]): w.numpy() for w in ours.weights}
    for weight in theirs.weights:
        name = "/".join(weight.path.split("/")[-2:]).replace(
            "attention_output", "output"
        )
        weight.assign(by_name[name].reshape(weight.shape))


def test_fused_kernel_equals_scores(layer):
    fused = layer(QUERY, MEMORY, attention_mask=MASK)
    y, scores = layer(QUERY, MEMORY, attention_mask=MASK, return_scores=True)
    np.testing.assert_allclose(fused, y, atol=1e-5)
    np.testing.assert_allclose(ops.sum(scores, axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(np.array(scores)[~MASK[:, None].repeat(4, 1)], 0)


@pytest.mark.parametrize(
    ("options", "is_fused"),
    [
        ({}, True),
        ({"training": True}, False),
        ({"return_scores": True}, False),
    ],
    ids=str,
)
def test_fused_kernel_unless_scores_are_needed(monkeypatch, options, is_fused):
    """Also when built with dropout, at inference."""
    calls = []
    kernel = ops.dot_product_attention

    def spy(*args, **kwargs):
        calls.append(args)
        return kernel(*args, **kwargs)

    monkeypatch.setattr(ops, "dot_product_attention", spy)
    MultiHeadAttention(4, 8, dropout=0.1)(QUERY, MEMORY, **options)
    assert len(calls) == is_fused


@pytest.mark.parametrize("return_scores", [False, True])
@pytest.mark.parametrize("queries", [1, 5])
def test_nothing_to_see_gives_zeros(layer, queries, return_scores, monkeypatch):
    mask = MASK[:, :queries].copy()
    mask[1, -1] = False

    def heads(query):
        """What reaches the output layer, whose bias would hide zeros."""
        key, value = layer.project(MEMORY)
        with monkeypatch.context() as patch:
            patch.setattr(layer.output_projection, "call", lambda x: x)
            return layer.attend(
                query, key, value, attention_mask=mask, return_scores=return_scores
            )

    y = heads(QUERY[:, :queries])
    if return_scores:
        y, scores = y
        np.testing.assert_array_equal(scores[1, :, -1], 0)
    np.testing.assert_array_equal(y[1, -1], 0)
    assert np.abs(y[0]).min() > 0
    if not return_scores:
        slope = gradient(lambda q: ops.sum(heads(q) ** 2), QUERY[:, :queries])
        assert np.isfinite(slope).all()
        np.testing.assert_array_equal(slope[1, -1], 0)


def test_scores_of_half_precision_are_summed_in_float32():
    layer = MultiHeadAttention(1, 8, dtype="mixed_bfloat16")
    memory = rng.normal(size=(1, 3000, 8)).astype("float32")
    _, scores = layer(QUERY[:1], memory, return_scores=True)
    # Summed in bfloat16, 3000 small numbers stop growing at about 1/3000 * 256.
    total = ops.sum(ops.cast(scores, "float32"), axis=-1)
    np.testing.assert_allclose(total, 1, atol=5e-3)


def test_call_is_attend_after_project(layer):
    y = layer(QUERY, MEMORY, attention_mask=MASK)
    key, value = layer.project(MEMORY)
    heads = layer.num_key_value_heads
    assert tuple(key.shape) == tuple(value.shape) == (2, heads, 7, 2)
    np.testing.assert_array_equal(
        layer.attend(QUERY, key, value, attention_mask=MASK), y
    )


@pytest.mark.parametrize("return_scores", [False, True])
def test_one_query_equals_the_same_query_among_others(layer, return_scores):
    positions = np.full((1, 1), 3)
    y = layer(QUERY, MEMORY, attention_mask=MASK, return_scores=return_scores)
    one = layer(
        QUERY[:, 3:4],
        MEMORY,
        attention_mask=MASK[:, 3:4],
        query_positions=positions,
        return_scores=return_scores,
    )
    for alone, among in zip(
        keras.tree.flatten(one), keras.tree.flatten(y), strict=True
    ):
        among = among[:, 3:4] if len(among.shape) == 3 else among[:, :, 3:4]
        np.testing.assert_allclose(alone, among, atol=1e-5)


@pytest.mark.parametrize("return_scores", [False, True])
def test_beams_share_the_keys_of_their_sentence(layer, return_scores):
    beams = rng.normal(size=(6, 1, 8)).astype("float32")
    positions = np.array([[0], [1], [2], [3], [4], [5]])
    mask = MASK[:, :1]
    options = {"query_positions": positions, "return_scores": return_scores}
    shared = layer.attend(beams, *layer.project(MEMORY), attention_mask=mask, **options)
    repeated = layer.attend(
        beams,
        *layer.project(MEMORY.repeat(3, axis=0)),
        attention_mask=mask.repeat(3, axis=0),
        **options,
    )
    for ours, expected in zip(
        keras.tree.flatten(shared), keras.tree.flatten(repeated), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("rowwise", [False, True])
def test_cache_holds_what_project_gives(layer, rowwise):
    cache = layer.start_cache(2, 6)
    for i in range(5):
        index = np.full(2, i) if rowwise else i
        cache = layer.update_cache(cache, QUERY[:, i : i + 1], index)
    key, value = layer.project(QUERY)
    np.testing.assert_allclose(cache["key"][:, :, :5], key, atol=1e-6)
    np.testing.assert_allclose(cache["value"][:, :, :5], value, atol=1e-6)
    np.testing.assert_array_equal(cache["key"][:, :, 5], 0)


def test_rows_of_a_cache_may_stand_at_different_places(layer):
    index = np.array([1, 4])
    cache = layer.update_cache(layer.start_cache(2, 6), QUERY[:, :1], index)
    filled = np.abs(cache["value"]).sum(axis=(1, 3)) > 0
    np.testing.assert_array_equal(filled, np.arange(6) == index[:, None])


def test_beams_may_share_a_cache():
    """Each writes an entry of its own, and a mask says whose it may see."""
    layer = randomised(MultiHeadAttention(4, 8, positions="rotary"), QUERY.shape)
    beams = rng.normal(size=(2, 3, 4, 8)).astype("float32")  # batch, beams, places
    shared = layer.start_cache(2, 3 * 4)
    own = layer.start_cache(6, 4)
    for i in range(4):
        x = beams[:, :, i].reshape(6, 1, 8)
        shared = layer.update_cache(shared, x, i)
        own = layer.update_cache(own, x, i)
    same_beam = np.arange(3)[:, None] == np.arange(12) % 3
    y = layer.attend(
        x,
        shared["key"],
        shared["value"],
        attention_mask=same_beam[None],
        query_positions=[[3]],
    )
    expected = layer.attend(x, own["key"], own["value"], query_positions=[[3]])
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_cached_steps_compile_and_keep_free_rows():
    """As decoding runs them: in a graph, under XLA, with a batch that varies."""
    tf = pytest.importorskip("tensorflow")

    layer = randomised(MultiHeadAttention(4, 8, positions="rotary"), QUERY.shape)

    def decode(x):
        cache = layer.start_cache(tf.shape(x)[0], 6)
        for i in range(5):
            cache = layer.update_cache(cache, x[:, i : i + 1], tf.constant(i))
        seen = tf.range(6) < 5
        return layer.attend(
            x[:, 4:5],
            cache["key"],
            cache["value"],
            attention_mask=seen[None, None],
            query_positions=[[4]],
        )

    expected = layer(QUERY, QUERY)[:, 4:5]
    spec = [tf.TensorSpec((None, 5, 8), "float32")]
    for jit_compile in (False, True):
        compiled = tf.function(decode, input_signature=spec, jit_compile=jit_compile)
        np.testing.assert_allclose(compiled(QUERY), expected, atol=1e-5)


def test_dropout_is_on_the_probabilities():
    layer = randomised(MultiHeadAttention(4, 8, dropout=0.5), QUERY.shape)
    dropped, scores = layer(QUERY, MEMORY, return_scores=True, training=True)
    plain, expected = layer(QUERY, MEMORY, return_scores=True)
    assert np.abs(dropped - plain).max() > 1e-2
    np.testing.assert_allclose(scores, expected, atol=1e-6)  # given before dropout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 3, "hidden_dim": 8}, "hidden_dim=8 and num_heads=3.*divides"),
        (
            {"num_heads": 4, "hidden_dim": 8, "num_key_value_heads": 3},
            "num_key_value_heads=3.*divisor of num_heads",
        ),
        (
            {"num_heads": 4, "hidden_dim": 8, "positions": "sinusoidal"},
            "positions='sinusoidal'.*added to the embeddings",
        ),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiHeadAttention(**arguments)


def test_wrong_size():
    with pytest.raises(ValueError, match=r"hidden_dim=16.*axis is 8.*hidden_dim=8"):
        MultiHeadAttention(4, 16)(QUERY, MEMORY)
