import hashlib
import logging
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.data.epochs_probe import epoch_of, flat, same
from zoo.data import translation_batches
from zoo.text import learn_tokenizer

WORDS = (
    "ein",
    "Mann",
    "steht",
    "auf",
    "der",
    "roten",
    "Leiter",
    "neben",
    "zwei Katzen",
)


def some_pairs(num_pairs=300, seed=0):
    generator = np.random.default_rng(seed)
    texts = [
        " ".join(generator.choice(WORDS, size=generator.integers(1, 14)))
        for _ in range(2 * num_pairs)
    ]
    return texts[:num_pairs], texts[num_pairs:]


SOURCES, TARGETS = some_pairs()
PAIRS = tf.data.Dataset.from_tensor_slices({"source": SOURCES, "target": TARGETS})


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(SOURCES + TARGETS, 340)


@pytest.fixture
def make(tokenizer):
    def make(pairs=PAIRS, **options):
        options = {"batch_tokens": 512, "num_buckets": 4, **options}
        return translation_batches(pairs, tokenizer, tokenizer, **options)

    return make


def pairs_shown(epoch, tokenizer):
    """The (source, target) texts of an epoch, from its arrays alone."""
    shown = []
    for inputs, labels, _ in epoch:
        segments = inputs.get("source_segment_ids", inputs["source_ids"] != 0)
        target_segments = inputs.get("target_segment_ids", labels != 0)
        for row in range(len(labels)):
            for segment in range(1, segments[row].max() + 1):
                source = inputs["source_ids"][row][segments[row] == segment]
                target = labels[row][target_segments[row] == segment]
                shown.append((source, target))
    texts = [
        tokenizer.detokenize([pair[side].tolist() for pair in shown]).numpy()
        for side in (0, 1)
    ]
    return sorted((a.decode(), b.decode()) for a, b in zip(*texts, strict=True))


OPTIONS = [
    {},
    {"packed": True},
    {"subword_sampling": 0.2},
    {"packed": True, "subword_sampling": 0.2},
    {"shuffle": False},
    {"packed": True, "shuffle": False},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_epoch_shows_every_pair_once(make, tokenizer, options):
    dataset = make(**options)
    expected = sorted(zip(SOURCES, TARGETS, strict=True))
    for _ in range(3):
        epoch = epoch_of(dataset)
        assert len(epoch) == dataset.cardinality().numpy()
        assert pairs_shown(epoch, tokenizer) == expected


def test_arrays_of_one_pair(tokenizer):
    pair = tf.data.Dataset.from_tensors({"source": "ein Mann", "target": "Katze"})
    ((inputs, labels, weight),) = translation_batches(pair, tokenizer, tokenizer)
    source = tokenizer("ein Mann").numpy().tolist()
    target = tokenizer("Katze").numpy().tolist()
    assert inputs["source_ids"].numpy().tolist() == [[*source, 3]]
    assert inputs["target_ids"].numpy().tolist() == [[2, *target]]
    assert labels.numpy().tolist() == [[*target, 3]]
    assert weight.numpy().tolist() == [[1.0] * (len(target) + 1)]


@pytest.mark.parametrize("num_pairs", [1, 2, 5])
@pytest.mark.parametrize("options", OPTIONS)
def test_few_pairs(make, tokenizer, num_pairs, options):
    dataset = make(PAIRS.take(num_pairs), **options)
    expected = sorted(zip(SOURCES[:num_pairs], TARGETS[:num_pairs], strict=True))
    assert pairs_shown(epoch_of(dataset), tokenizer) == expected


@pytest.mark.parametrize("options", OPTIONS)
def test_shapes_types_and_weights(make, options):
    epoch = epoch_of(make(**options))
    shapes = {tuple(array.shape for array in tf.nest.flatten(b)) for b in epoch}
    assert len(shapes) <= (1 if options.get("packed") else 4)
    for inputs, labels, weight in epoch:
        assert inputs["source_ids"].size + labels.size <= 512
        assert inputs["target_ids"].shape == labels.shape == weight.shape
        for array in (*inputs.values(), labels):
            assert array.dtype == np.int32
        assert weight.dtype == np.float32
        assert np.array_equal(weight == 0, labels == 0)
        assert np.array_equal(labels == 0, inputs["target_ids"] == 0)
        assert len(set(weight[weight > 0])) == 1
        np.testing.assert_allclose(weight.mean(), 1.0, rtol=1e-5)


def test_packed_rows(make, tokenizer):
    for inputs, _, _ in epoch_of(make(packed=True)):
        for side in ("source", "target"):
            ids, segments = inputs[f"{side}_ids"], inputs[f"{side}_segment_ids"]
            assert np.array_equal(ids == 0, segments == 0)
            assert segments.max() > 1
            for row in range(len(ids)):
                for segment in range(1, segments[row].max() + 1):
                    at = segments[row] == segment
                    positions = inputs[f"{side}_positions"][row][at]
                    assert positions.tolist() == list(range(at.sum()))
                    first, last = ids[row][at][0], ids[row][at][-1]
                    assert (last == 3) if side == "source" else (first == 2)
        sources, targets = inputs["source_segment_ids"], inputs["target_segment_ids"]
        assert np.array_equal(sources.max(axis=1), targets.max(axis=1))


def test_at_most_one_batch_has_empty_rows(make):
    empty = [(labels == 0).all(axis=1).sum() for _, labels, _ in epoch_of(make())]
    assert np.count_nonzero(empty) <= 1


@pytest.mark.parametrize("options", OPTIONS[:4])
def test_epochs_differ_but_shapes_do_not(make, options):
    dataset = make(**options)
    first, second = epoch_of(dataset), epoch_of(dataset)
    assert len(first) == len(second)
    assert not same(first, second)
    if not options.get("subword_sampling"):
        assert sorted(b[1].shape for b in first) == sorted(b[1].shape for b in second)


def test_without_shuffling_epochs_are_the_same(make):
    dataset = make(shuffle=False)
    assert same(epoch_of(dataset), epoch_of(dataset))


@pytest.mark.parametrize(
    "options",
    [OPTIONS[0], *(pytest.param(x, marks=pytest.mark.slow) for x in OPTIONS[1:4])],
)
def test_first_epoch_goes_on_where_another_process_stopped(make, options):
    dataset = make(seed=5, **options)
    epochs = [epoch_of(dataset) for _ in range(4)]
    resumed = make(seed=5, first_epoch=2, **options)
    assert same(epoch_of(resumed), epochs[2])
    assert same(epoch_of(resumed), epochs[3])
    assert not same(epoch_of(make(seed=6, **options)), epochs[0])


def test_an_iteration_left_early_does_not_count(make):
    dataset, other = make(), make()
    next(iter(dataset))
    for _ in dataset.take(2):
        pass
    iter(dataset)
    assert same(epoch_of(dataset), epoch_of(other))
    next(iter(dataset))
    assert same(epoch_of(dataset), epoch_of(other))


class Recorder(keras.callbacks.Callback):
    """The loss after each batch of `fit`, in order."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(round(float(logs["loss"]), 5))


def test_fit_resumes_with_the_same_batches(make):
    def sum_of_labels(labels, x):
        return keras.ops.cast(labels, "float32") + 0.0 * x[..., 0]

    def model():
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("source_ids", "target_ids")
        }
        x = keras.layers.Embedding(340, 2, embeddings_initializer="zeros")(
            inputs["target_ids"]
        )
        model = keras.Model(inputs, x)
        model.compile("sgd", sum_of_labels, jit_compile=False)
        return model

    def train(dataset, **options):
        recorder = Recorder()
        model().fit(dataset, shuffle=False, verbose=0, callbacks=[recorder], **options)
        return recorder.seen

    at_once = train(make(), epochs=4)
    first_half = train(make(), epochs=2)
    second_half = train(make(first_epoch=2), initial_epoch=2, epochs=4)
    assert len(set(at_once)) > len(at_once) // 2
    assert first_half + second_half == at_once


def digests():
    """A line for each of two epochs of three kinds of batches."""
    tokenizer = learn_tokenizer(SOURCES + TARGETS, 340)
    lines = []
    for options in (OPTIONS[0], OPTIONS[1], OPTIONS[3]):
        dataset = translation_batches(
            PAIRS, tokenizer, tokenizer, batch_tokens=256, seed=3, **options
        )
        for _ in range(2):
            digest = hashlib.sha256()
            for array in flat(epoch_of(dataset)):
                digest.update(array.tobytes())
            lines.append(digest.hexdigest())
    return lines


def test_two_processes_give_the_same_batches():
    # This file, run as a script, prints its digests.
    code = f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = digests()
    assert len(set(here)) == 6
    assert finished.stdout.split() == here


def test_subwords_change_from_epoch_to_epoch(make):
    dataset = make(subword_sampling=0.3)
    lengths = [sum((b[1] != 0).sum() for b in epoch_of(dataset)) for _ in range(3)]
    plain = sum((b[1] != 0).sum() for b in epoch_of(make()))
    assert len(set(lengths)) == 3
    assert min(lengths) > plain


def test_too_long_pairs_are_left_out_and_counted(make, tokenizer, caplog):
    longest = np.maximum(
        tokenizer(SOURCES).row_lengths(), tokenizer(TARGETS).row_lengths()
    )
    left_out = int((longest + 1 > 12).sum())
    assert 0 < left_out < 300
    with caplog.at_level(logging.WARNING):
        dataset = make(max_length=12)
        epoch = epoch_of(dataset)
    (message,) = [record.message for record in caplog.records]
    assert message == (
        f"Left out {left_out} of 300 pairs: they have more than max_length=12 ids."
    )
    assert len(pairs_shown(epoch, tokenizer)) == 300 - left_out
    assert max(labels.shape[1] for _, labels, _ in epoch) == 12


def test_nothing_left_is_an_error(make):
    with pytest.raises(ValueError, match="no pair to train on. Given were 300, each"):
        make(max_length=1)


def test_too_small_a_budget_is_an_error(make):
    with pytest.raises(ValueError, match=r"batch_tokens=16 is too small: the longest"):
        make(batch_tokens=16)


def test_examples_without_pairs_are_refused(make):
    with pytest.raises(
        ValueError, match=r'of \{"source", "target"\} strings is needed'
    ):
        make(tf.data.Dataset.from_tensors("a text"))


def test_one_shape_is_static(make):
    inputs, labels, _ = make(packed=True).element_spec
    assert inputs["source_ids"].shape[1] is not None
    assert labels.shape[1] is not None


if __name__ == "__main__":
    print("\n".join(digests()))


@pytest.mark.parametrize("packed", [False, True])
def test_accumulated_gradients_are_of_the_mean_over_all_tokens(make, packed):
    batches = make(packed=packed, batches_per_update=2)
    epoch = epoch_of(batches)
    assert len(epoch) % 2 == 0
    for update in zip(epoch[::2], epoch[1::2], strict=True):
        means, tokens = [], []
        for _, labels, weights in update:
            losses = np.random.default_rng(0).random(labels.shape)
            means.append((losses * weights).mean())  # Keras accumulates their mean
            tokens.append(losses[labels != 0])
        expected = np.concatenate(tokens).mean()
        assert np.mean(means) == pytest.approx(expected, rel=1e-6)


def test_epochs_before_the_first_are_refused(make):
    with pytest.raises(ValueError, match="first_epoch=-1. Epochs are counted from 0"):
        make(first_epoch=-1)


def test_updates_of_no_batch_are_refused(make):
    with pytest.raises(ValueError, match="batches_per_update=0.*accumulation_steps"):
        make(batches_per_update=0)
    with pytest.raises(ValueError, match="only 3 pairs.*smaller"):
        make(PAIRS.take(3), batches_per_update=4)
