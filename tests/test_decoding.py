"""Greedy search, sampling and beam search keep what they promise."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.decoding_models import HistoryModel, all_answers, strip
from tests.on_backend import run_on
from zoo.decoding import beam_search, greedy, sample
from zoo.layers import TransformerDecoder
from zoo.sampling import row_seeds

END = 2
START_IDS = np.array([0, 1, 3])
MAX_LENGTH = 6


def search(model, num_beams, start_ids=START_IDS, share_cache=False, **options):
    options = {"max_length": MAX_LENGTH, "end_id": END, **options}
    if share_cache:
        entries = options["max_length"] * num_beams
        cache = model.start_shared_cache(len(start_ids), entries)
    else:
        cache = model.start_cache(len(start_ids) * num_beams)
    return tuple(
        np.array(result)
        for result in beam_search(
            model.step,
            cache,
            start_ids,
            num_beams=num_beams,
            share_cache=share_cache,
            **options,
        )
    )


def generate(function, model, start_ids=START_IDS, **options):
    options = {"max_length": MAX_LENGTH, "end_id": END, **options}
    cache = model.start_cache(len(start_ids))
    return tuple(
        np.array(result) for result in function(model.step, cache, start_ids, **options)
    )


def table_step(probabilities):
    """A step of given probabilities, a row for each position."""
    table = np.log(np.array(probabilities, "float32"))

    def step(token_ids, index, cache):
        logits = ops.take(ops.convert_to_tensor(table), index, axis=0)
        shape = (token_ids.shape[0], table.shape[1])
        return ops.broadcast_to(logits, shape), cache

    return step


# Beam search


@pytest.mark.parametrize("share_cache", [False, True])
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_with_enough_beams_equals_exhaustive_search(seed, length_penalty, share_cache):
    """All answers, best first, in rows that have different limits."""
    model = HistoryModel(seed, vocabulary_size=4, max_length=3)
    limits = np.array([3, 1, 2])
    num_beams = len(all_answers(4, END, 3))
    answers, scores = search(
        model,
        num_beams,
        max_length=3,
        limits=limits,
        length_penalty=length_penalty,
        share_cache=share_cache,
    )
    for i, (start_id, limit) in enumerate(zip(START_IDS, limits, strict=True)):
        expected = sorted(
            (-model.score(start_id, answer, length_penalty), answer)
            for answer in all_answers(4, END, limit)
        )
        count = len(expected)
        np.testing.assert_allclose(
            scores[i, :count], [-score for score, _ in expected], rtol=1e-4, atol=1e-5
        )
        found = [strip(row, END, limit) for row in answers[i, :count]]
        assert found == [answer for _, answer in expected]
        assert (scores[i, count:] == -np.inf).all()
        assert not answers[i, count:].any()


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.5])
@pytest.mark.parametrize("seed", range(6))
def test_a_search_for_the_best_alone_stops_early_but_finds_it(seed, length_penalty):
    model = HistoryModel(100 + seed, vocabulary_size=3, max_length=5)
    for start_id in (0, 1):
        answers, scores = search(
            model,
            num_beams=40,
            start_ids=np.array([start_id]),
            max_length=5,
            length_penalty=length_penalty,
            num_results=1,
        )
        best = max(
            all_answers(3, END, 5),
            key=lambda answer: model.score(start_id, answer, length_penalty),
        )
        assert strip(answers[0, 0], END, 5) == best
        assert scores[0, 0] == pytest.approx(
            model.score(start_id, best, length_penalty), rel=1e-4
        )


@pytest.mark.parametrize("num_beams", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_an_answer_keeps_the_score_of_its_own_tokens(seed, num_beams):
    """Whatever happens in other places after it has finished."""
    model = HistoryModel(200 + seed, vocabulary_size=5, max_length=MAX_LENGTH)
    answers, scores = search(model, num_beams)
    for i, start_id in enumerate(START_IDS):
        assert (np.diff(scores[i]) <= 0).all()
        found = [strip(row, END, MAX_LENGTH) for row in answers[i]]
        assert len(set(found)) == num_beams
        expected = [model.score(start_id, answer, 0.6) for answer in found]
        # The logarithm of a probability near 1 is only good to 1e-7.
        np.testing.assert_allclose(scores[i], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("num_beams", [2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_a_shared_cache_gives_the_same_answers(seed, num_beams):
    model = HistoryModel(300 + seed, vocabulary_size=7, max_length=MAX_LENGTH)
    apart, scores = search(model, num_beams)
    shared, shared_scores = search(model, num_beams, share_cache=True)
    np.testing.assert_array_equal(shared, apart)
    np.testing.assert_allclose(shared_scores, scores, rtol=1e-4)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_greedy(seed, length_penalty):
    model = HistoryModel(400 + seed, vocabulary_size=6, max_length=MAX_LENGTH)
    limits = np.array([6, 3, 5])
    options = {"limits": limits, "length_penalty": length_penalty}
    answers, scores = search(model, 1, **options)
    greedy_answers, greedy_scores = generate(greedy, model, **options)
    np.testing.assert_array_equal(answers[:, 0], greedy_answers)
    np.testing.assert_allclose(scores[:, 0], greedy_scores, rtol=1e-5)


@pytest.mark.parametrize("num_results", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_fewer_results_are_the_first_of_more(seed, num_results):
    model = HistoryModel(500 + seed, vocabulary_size=6, max_length=MAX_LENGTH)
    answers, scores = search(model, 4)
    fewer, fewer_scores = search(model, 4, num_results=num_results)
    np.testing.assert_array_equal(fewer[:, :num_results], answers[:, :num_results])
    np.testing.assert_allclose(fewer_scores[:, :num_results], scores[:, :num_results])
    for i, k in np.ndindex(fewer_scores.shape):
        if fewer_scores[i, k] == -np.inf:
            assert not fewer[i, k].any()
        else:  # what comes after those wanted is a whole answer too
            answer = strip(fewer[i, k], END, MAX_LENGTH)
            expected = model.score(START_IDS[i], answer, 0.6)
            assert fewer_scores[i, k] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_length_penalty_is_that_of_the_paper():
    """Ends at once, or after a sure second token: (5 + n) / 6 decides."""
    step = table_step([[0.4, 0.6], [1.0, 1e-30]])
    answers, scores = beam_search(
        step, [], [0], num_beams=2, max_length=2, end_id=0, length_penalty=3.0
    )
    np.testing.assert_array_equal(answers[0], [[1, 0], [0, 0]])
    expected = [np.log(0.6) / (7 / 6) ** 3, np.log(0.4)]
    np.testing.assert_allclose(scores[0], expected, rtol=1e-5)


def count_steps(probabilities, **options):
    if keras.config.backend() == "jax":
        pytest.skip("JAX runs a step once, to trace it")
    steps = []
    step = table_step(probabilities)

    def counting(token_ids, index, cache):
        steps.append(int(index))
        return step(token_ids, index, cache)

    answers, _ = beam_search(
        counting,
        [],
        [1],
        num_beams=2,
        max_length=len(probabilities),
        end_id=0,
        **options,
    )
    assert steps == list(range(len(steps)))
    return len(steps), answers[0, 0]


def test_stops_as_soon_as_nothing_better_can_come():
    probabilities = [[0.6, 0.4], *[[1e-30, 1.0]] * 7]
    options = {"num_results": 1, "length_penalty": 0.0}
    assert count_steps(probabilities, **options)[0] == 1
    # With two results wanted, the second one is still to be found.
    assert count_steps(probabilities, length_penalty=0.0)[0] == 8


def test_goes_on_while_something_better_can_come():
    """The penalty of the full length divides what runs; that is worth waiting for."""
    probabilities = [[0.6, 0.4], *[[1e-30, 1.0]] * 7]
    steps, best = count_steps(probabilities, num_results=1, length_penalty=1.0)
    assert steps == 8
    np.testing.assert_array_equal(best, [1] * 8)
    # The limit bounds the length that it can still reach.
    options = {"num_results": 1, "length_penalty": 1.0, "limits": [2]}
    assert count_steps(probabilities, **options)[0] == 1


@pytest.mark.parametrize("share_cache", [False, True])
def test_an_answer_does_not_depend_on_its_batch(share_cache):
    model = HistoryModel(7, vocabulary_size=6, max_length=MAX_LENGTH)
    start_ids, limits = np.array([0, 1, 3, 4, 5]), np.array([6, 2, 0, 4, 5])
    options = {"share_cache": share_cache, "num_results": 2}
    together = search(model, 3, start_ids, limits=limits, **options)
    for i in range(5):
        one = slice(i, i + 1)
        alone = search(model, 3, start_ids[one], limits=limits[one], **options)
        np.testing.assert_array_equal(alone[0], together[0][one])
        np.testing.assert_allclose(alone[1], together[1][one], rtol=1e-5)


def test_a_row_with_limit_0_has_an_empty_answer():
    model = HistoryModel(0, vocabulary_size=6, max_length=MAX_LENGTH)
    limits = np.array([0, 6, 0])
    answers, scores = search(model, 2, limits=limits)
    assert not answers[[0, 2]].any()
    np.testing.assert_array_equal(scores[[0, 2]], [[0, -np.inf]] * 2)
    answers, scores = generate(greedy, model, limits=limits)
    assert not answers[[0, 2]].any()
    assert answers[1].any()
    np.testing.assert_array_equal(scores[[0, 2]], 0)


def test_scores_are_float32_where_logits_are_not():
    """Sums of bfloat16 numbers would be off by 1e-2."""
    model = HistoryModel(1, vocabulary_size=6, max_length=MAX_LENGTH)

    def step(dtype):
        def rounded(*arguments):
            logits, cache = model.step(*arguments)
            return ops.cast(ops.cast(logits, "bfloat16"), dtype), cache

        return rounded

    options = {"num_beams": 3, "max_length": MAX_LENGTH, "end_id": END}
    cache = model.start_cache(9)
    half = beam_search(step("bfloat16"), cache, START_IDS, **options)
    full = beam_search(step("float32"), cache, START_IDS, **options)
    assert keras.backend.standardize_dtype(half[1].dtype) == "float32"
    np.testing.assert_array_equal(half[0], full[0])
    np.testing.assert_allclose(half[1], full[1], rtol=1e-6)


@pytest.mark.parametrize("positions", [None, "rotary", "alibi"])
def test_beams_of_a_decoder_may_share_its_cache(positions):
    """Nothing is moved, and each beam sees its own ancestors at their distances."""
    decoder = TransformerDecoder(
        2, 4, 8, 16, num_key_value_heads=2, positions=positions
    )
    decoder.build((None, None, 8))
    rng = np.random.default_rng(0)
    memory = ops.convert_to_tensor(rng.normal(size=(3, 4, 8)).astype("float32"))
    embeddings = ops.convert_to_tensor(4 * rng.normal(size=(9, 8)).astype("float32"))
    crosses = decoder.project_memory(memory)

    def step(token_ids, index, cache, visible=None):
        x = ops.take(embeddings, token_ids, axis=0)[:, None]
        x, cache = decoder.step(x, index, cache, crosses, self_attention_mask=visible)
        return ops.matmul(x[:, 0], ops.transpose(embeddings)), cache

    options = {"num_beams": 4, "max_length": MAX_LENGTH, "end_id": END}
    moved = decoder.start_cache(3 * 4, MAX_LENGTH)
    shared = decoder.start_cache(3, MAX_LENGTH * 4)
    expected = beam_search(step, moved, START_IDS, **options)
    found = beam_search(step, shared, START_IDS, share_cache=True, **options)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-6)


# Greedy search and sampling


@pytest.mark.parametrize("seed", range(3))
def test_greedy_takes_the_likeliest_token_each_time(seed):
    model = HistoryModel(600 + seed, vocabulary_size=6, max_length=MAX_LENGTH)
    answers, scores = generate(greedy, model)
    for i, start_id in enumerate(START_IDS):
        expected = []
        while len(expected) < MAX_LENGTH and END not in expected:
            candidates = [(*expected, token_id) for token_id in range(6)]
            expected = max(candidates, key=lambda c: model.log_prob(start_id, c))
        assert strip(answers[i], END, MAX_LENGTH) == tuple(expected)
        assert scores[i] == pytest.approx(model.score(start_id, expected, 0.6), 1e-4)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"top_k": 1}])
def test_a_sample_in_the_limit_is_greedy(options):
    model = HistoryModel(2, vocabulary_size=6, max_length=MAX_LENGTH)
    sampled = generate(sample, model, seed=0, **options)
    for ours, theirs in zip(sampled, generate(greedy, model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_samples_have_the_probability_of_their_tokens():
    """Over whole answers: each comes as often as the model says."""
    model = HistoryModel(3, vocabulary_size=4, max_length=3)
    start_ids = np.full(10_000, 1)
    answers, scores = generate(sample, model, start_ids, max_length=3, seed=4)
    found = [strip(row, END, 3) for row in answers]
    everything = all_answers(4, END, 3)
    counts = np.array([found.count(answer) for answer in everything])
    expected = 10_000 * np.exp([model.log_prob(1, answer) for answer in everything])
    assert expected.sum() == pytest.approx(10_000)
    often = expected > 5
    statistic = np.sum((counts - expected)[often] ** 2 / expected[often])
    assert statistic < often.sum() + 4.5 * np.sqrt(2 * often.sum())
    for i in range(20):
        assert scores[i] == pytest.approx(model.score(1, found[i], 0.6), 1e-4)


def test_a_sample_does_not_depend_on_its_batch():
    model = HistoryModel(4, vocabulary_size=6, max_length=MAX_LENGTH)
    start_ids, limits = np.arange(6), np.array([6, 5, 6, 1, 6, 3])
    together = generate(sample, model, start_ids, limits=limits, seed=9)
    rows = np.array([5, 0, 2])
    options = {"limits": limits[rows], "seed": row_seeds(9, rows)}
    apart = generate(sample, model, start_ids[rows], **options)
    np.testing.assert_array_equal(apart[0], together[0][rows])
    np.testing.assert_allclose(apart[1], together[1][rows], rtol=1e-5)
    other = generate(sample, model, start_ids, limits=limits, seed=10)
    assert (other[0] != together[0]).any()


# Compiled


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_beam_search_is_traced_once(jit_compile):
    tf = pytest.importorskip("tensorflow")
    model = HistoryModel(5, vocabulary_size=6, max_length=MAX_LENGTH)

    @tf.function(jit_compile=jit_compile)
    def compiled(start_ids, limits, length_penalty, num_results):
        return beam_search(
            model.step,
            model.start_shared_cache(3, MAX_LENGTH * 4),
            start_ids,
            num_beams=4,
            max_length=MAX_LENGTH,
            end_id=END,
            limits=limits,
            length_penalty=length_penalty,
            num_results=num_results,
            share_cache=True,
        )

    for limits, length_penalty, num_results in [
        ([6, 6, 6], 0.6, 4),
        ([2, 0, 4], 0.0, 1),
        ([1, 1, 1], 3.0, 2),
    ]:
        options = {"length_penalty": length_penalty, "num_results": num_results}
        answers, scores = compiled(
            tf.constant(START_IDS),
            tf.constant(limits),
            **{name: tf.constant(value) for name, value in options.items()},
        )
        expected = search(model, 4, limits=np.array(limits), **options)
        np.testing.assert_array_equal(answers, expected[0])
        np.testing.assert_allclose(scores, expected[1], rtol=1e-4)
    assert compiled.experimental_get_tracing_count() == 1


def test_compiled_sampling_is_traced_once():
    tf = pytest.importorskip("tensorflow")
    model = HistoryModel(6, vocabulary_size=6, max_length=MAX_LENGTH)

    @tf.function(jit_compile=True)
    def compiled(options):
        cache = model.start_cache(3)
        return sample(
            model.step, cache, START_IDS, max_length=MAX_LENGTH, end_id=END, **options
        )

    for options in (
        {"seed": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0},
        {"seed": 2, "temperature": 0.5, "top_k": 3, "top_p": 1.0},
        {"seed": 3, "temperature": 2.0, "top_k": 0, "top_p": 0.7},
    ):
        answers, scores = compiled(
            {name: tf.constant(value) for name, value in options.items()}
        )
        expected = generate(sample, model, **options)
        np.testing.assert_array_equal(answers, expected[0])
        np.testing.assert_allclose(scores, expected[1], rtol=1e-4)
    assert compiled.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("share_cache", [False, True])
def test_batch_and_length_may_be_unknown_when_traced(share_cache):
    tf = pytest.importorskip("tensorflow")
    model = HistoryModel(8, vocabulary_size=6, max_length=MAX_LENGTH)

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)]
    )
    def any_shape(start_ids, max_length):
        rows = tf.shape(start_ids)[0]
        options = {"max_length": max_length, "end_id": END}
        if share_cache:
            cache = model.start_shared_cache(rows, max_length * 3)
        else:
            cache = model.start_cache(rows * 3)
        found = beam_search(
            *(model.step, cache, start_ids),
            num_beams=3,
            share_cache=share_cache,
            **options,
        )
        cache = model.start_cache(rows)
        return found, sample(model.step, cache, start_ids, seed=1, **options)

    for start_ids, max_length in [(START_IDS, 5), (START_IDS[:1], 3)]:
        options = {"start_ids": start_ids, "max_length": max_length}
        found, sampled = any_shape(tf.constant(start_ids, tf.int32), max_length)
        np.testing.assert_array_equal(found[0], search(model, 3, **options)[0])
        expected = generate(sample, model, seed=1, **options)
        np.testing.assert_array_equal(sampled[0], expected[0])


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_gives_the_same_answers(tmp_path, backend):
    model = HistoryModel(9, vocabulary_size=12, max_length=MAX_LENGTH)
    run_on(backend, "-m", "tests.decoding_probe", tmp_path / "theirs.npz")
    theirs = np.load(tmp_path / "theirs.npz")
    ours = {
        "beam": search(model, 3),
        "shared": search(model, 3, share_cache=True),
        "greedy": generate(greedy, model),
        "sample": generate(sample, model, seed=2, temperature=1.5),
        "nucleus": generate(sample, model, seed=3, top_k=9, top_p=0.8),
    }
    for name, (answers, scores) in ours.items():
        np.testing.assert_array_equal(theirs[f"{name}_answers"], answers)
        np.testing.assert_allclose(theirs[f"{name}_scores"], scores, rtol=1e-4)


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length_penalty": -0.5}, "must not be negative.*length_penalty=-0.5.*Use 0"),
        ({"num_results": 3}, "num_results=3, num_beams=2.*at least as many beams"),
        ({"num_results": 0}, "between 1 and `num_beams`.*num_results=0"),
        ({"num_beams": 0}, "`num_beams` must be at least 1.*num_beams=0"),
        ({"max_length": 0}, "`max_length` must be at least 1.*max_length=0"),
        ({"num_beams": 4}, r"12 in all.*shape \(6, 6\).*batch \* num_beams rows"),
        ({"share_cache": True}, r"3 in all.*shape \(6, 6\)"),
    ],
)
def test_impossible_options_are_refused(options, message):
    model = HistoryModel(0, vocabulary_size=4, max_length=MAX_LENGTH)
    options = {"num_beams": 2, "max_length": MAX_LENGTH, "end_id": END, **options}
    with pytest.raises(ValueError, match=message):
        beam_search(model.step, model.start_cache(6), START_IDS, **options)
