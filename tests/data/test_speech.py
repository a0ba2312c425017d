"""Sounds and transcripts to batches, by what must hold for every batch."""

import io

import numpy as np
import pytest
import scipy.io.wavfile
import tensorflow as tf

from zoo.data import joined_sounds, sound_views, speech_batches, speech_epochs
from zoo.data.wav_decoding import decode_wav
from zoo.text import learn_tokenizer

RNG = np.random.default_rng(0)
RATE = 8_000
WORDS = ["one", "two", "three", "four", "one", "two", "three", "four", "five", "six"]
LENGTHS = [3_000, 8_000, 5_000, 4_000, 9_000, 2_500, 6_000, 7_000, 3_500, 4_500]
# A sound is a constant of its own, so that it is known again.
LEVELS = [(i + 1) / 16 for i in range(len(WORDS))]


def wav(samples, rate=RATE):
    file = io.BytesIO()
    scipy.io.wavfile.write(file, rate, np.asarray(samples, "float32"))
    return file.getvalue()


def sounds(words=WORDS, lengths=LENGTHS, rate=RATE):
    data = [
        wav(np.full(length * rate // RATE, level), rate)
        for length, level in zip(lengths, LEVELS, strict=False)
    ]
    return tf.data.Dataset.from_tensor_slices({"audio": data, "transcript": words})


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(WORDS, 300)


def batches(tokenizer, examples=None, **options):
    options = {"sample_rate_hz": RATE, "batch_seconds": 20, **options}
    return speech_batches(examples or sounds(), tokenizer, **options)


def rows(dataset):
    """(samples, target ids, labels, ctc labels) of every row that is no padding."""
    found = []
    for inputs, labels, _ in dataset.as_numpy_iterator():
        for row, count in enumerate(inputs["num_samples"]):
            assert not inputs["samples"][row, count:].any()
            if count:
                ids = (inputs["target_ids"][row], labels["tokens"][row])
                sound = inputs["samples"][row, :count]
                found.append((sound, *ids, labels["ctc"][row]))
    return found


def test_each_sound_comes_once_with_its_transcript(tokenizer):
    dataset = batches(tokenizer, augmented=False)
    found = {}
    for sound, target_ids, labels, ctc_labels in rows(dataset):
        assert len(set(sound)) == 1
        found[round(float(sound[0]) * 16) - 1] = (len(sound), labels)
        ids = labels[labels > 0]
        assert ids[-1] == tokenizer.end_token_id
        assert ctc_labels[ctc_labels > 0].tolist() == ids[:-1].tolist()
        start = tokenizer.start_token_id
        assert target_ids[target_ids > 0].tolist() == [start, *ids[:-1]]
    assert sorted(found) == list(range(10))
    for i, (length, labels) in found.items():
        assert length == LENGTHS[i]
        assert tokenizer.detokenize(labels[None]).numpy()[0].decode() == WORDS[i]


def test_a_weighted_mean_is_one_over_tokens(tokenizer):
    for inputs, labels, weights in batches(tokenizer).as_numpy_iterator():
        assert weights["tokens"].mean() == pytest.approx(1)
        tokens = (labels["tokens"] > 0).sum()
        is_row = inputs["num_samples"] > 0
        expected = is_row * len(is_row) / tokens
        np.testing.assert_allclose(weights["ctc"], expected, rtol=1e-5)


def test_a_batch_depends_on_seed_epoch_and_step_alone(tokenizer):
    def epochs(first_epoch, count, seed=1):
        dataset = batches(tokenizer, seed=seed, first_epoch=first_epoch, most_joined=3)
        return [list(dataset.as_numpy_iterator()) for _ in range(count)]

    whole, later = epochs(0, 3), epochs(2, 1)
    tf.nest.map_structure(np.testing.assert_array_equal, whole[2], later[0])
    assert len({len(epoch) for epoch in whole}) == 1
    first, second = (whole[i][0][0]["samples"] for i in (0, 1))
    assert first.shape != second.shape or (first != second).any()
    other = epochs(0, 1, seed=2)[0][0][0]["samples"]
    assert first.shape != other.shape or (first != other).any()


class Tones:
    """What `SpeechEpochs` asks of a corpus; notes which sounds are heard."""

    sample_rate_hz, samples_per_place, start_id, end_id = 100, 4, 1, 2

    def __init__(self, lengths):
        self.lengths = np.array(lengths)
        self.num_ids = np.full(len(lengths), 5)
        self.places_needed = np.full(len(lengths), 9)
        self.heard = []

    def row(self, row):
        self.heard += row.sounds.tolist()
        return np.zeros(row.num_samples, np.float32), [3] * (5 * len(row.sounds))


@pytest.mark.parametrize("most_rows", [None, 1])
def test_no_sound_is_lost_where_epochs_differ_in_rows(most_rows, caplog):
    corpus = Tones(np.random.default_rng(0).integers(100, 1_000, 120))
    own = speech_epochs.SpeechEpochs(
        corpus,
        **{"num_mels": 8, "max_length": 256, "max_seconds": 20},
        **{"batch_places": 31 * 25, "most_rows": most_rows, "augmented": True},
        **{"most_joined": 4, "num_buckets": 6, "shuffle": True, "seed": 0},
        batches_per_update=1,
    )
    for epoch in range(40):
        corpus.heard.clear()
        assert sum(1 for _ in own.batches(epoch)) == own.num_batches
        assert sorted(corpus.heard) == list(range(120)), caplog.text


def test_short_sounds_are_joined(tokenizer):
    found = rows(batches(tokenizer, augmented=False, most_joined=4, batch_seconds=60))
    assert 1 < len(found) < 10
    words, longest = [], 0
    for sound, _, labels, _ in found:
        text = tokenizer.detokenize(labels[None]).numpy()[0].decode()
        levels = [k for k in dict.fromkeys(sound.tolist()) if k > 0]
        expected = [WORDS[round(level * 16) - 1] for level in levels]
        assert text == " ".join(expected)
        words += expected
        longest = max(longest, len(expected))
    assert sorted(words) == sorted(WORDS) and 2 <= longest <= 4


def test_joined_sounds_are_no_longer_than_is_heard_at_once(tokenizer):
    options = {"most_joined": 8, "augmented": False, "max_seconds": 2.5}
    for epoch in range(4):
        found = rows(batches(tokenizer, **options, first_epoch=epoch).take(8))
        lengths = [len(sound) for sound, *_ in found]
        assert max(lengths) <= 2.5 * RATE
        assert max(lengths) > max(LENGTHS)
    heard = rows(batches(tokenizer, **options, max_length=4))
    assert max((labels > 0).sum() for _, _, labels, _ in heard) <= 4
    ids = [tokenizer.tokenize(word).numpy().tolist() for word in WORDS]
    assert sum((labels > 0).sum() for *_, labels in heard) == sum(map(len, ids))


def test_equal_tokens_that_meet_get_a_place_for_the_blank_between(
    tokenizer, monkeypatch
):
    """Sounds that follow at once: a few have a place to spare, others none."""
    monkeypatch.setattr(sound_views, "gaps", lambda count, *_: np.zeros(count, int))
    (token,) = tokenizer.tokenize("one").numpy()
    place = RATE // 25
    examples = sounds(["one"] * 10, [place] * 7 + [2 * place] * 3)
    dataset = batches(tokenizer, examples, augmented=False, most_joined=2)
    numbers = set()
    for sound, *_, labels in rows(dataset.repeat(4)):
        num_tokens = int((labels == token).sum())
        assert 2 * num_tokens - 1 <= len(sound) // place
        numbers.add(num_tokens)
    assert numbers == {1, 2}


def test_views_are_other_sounds_of_the_same_transcript(tokenizer):
    dataset = batches(tokenizer, batch_seconds=60)
    found = [rows(dataset) for _ in range(4)]
    lengths = {len(sound) for epoch in found for sound, *_ in epoch}
    assert len(lengths) > 20
    assert {len(epoch) for epoch in found} == {10}
    inputs, _, _ = next(dataset.as_numpy_iterator())
    for name, share in (("hidden_frames", 0.1), ("hidden_mels", 0.2)):
        spans = inputs[name]
        assert spans.shape[1:] == (2, 2) and (spans >= 0).all()
        if name == "hidden_mels":
            assert (spans.sum(axis=-1) <= 80).all()
            assert 0 < spans[..., 1].max() <= share * 80


def test_shapes_are_few_and_the_budget_is_kept(tokenizer):
    dataset = batches(tokenizer, num_buckets=2, most_joined=2, batch_seconds=30)
    shapes = set()
    for _ in range(5):
        for inputs, _, _ in dataset.as_numpy_iterator():
            shape = inputs["samples"].shape
            shapes.add((*shape, inputs["target_ids"].shape[1]))
            assert shape[1] % 320 == 0
            assert shape[0] * (shape[1] // 320 + inputs["target_ids"].shape[1]) <= 750
    assert len(shapes) <= 4  # the last batch of each may be smaller


def test_sounds_of_a_batch_are_bounded(tokenizer):
    dataset = batches(tokenizer, most_sounds=2)
    sizes = [len(labels["ctc"]) for _, labels, _ in dataset.as_numpy_iterator()]
    assert set(sizes) <= {1, 2} and 2 in sizes
    with pytest.raises(ValueError, match="most_sounds=0 must be an integer, 1 or more"):
        batches(tokenizer, most_sounds=0)


def test_the_first_epoch_begins_with_short_sounds(tokenizer):
    dataset = batches(tokenizer, augmented=False, batch_seconds=4)
    lengths = [
        [inputs["samples"].shape[1] for inputs, *_ in dataset.as_numpy_iterator()]
        for _ in range(2)
    ]
    assert lengths[0] == sorted(lengths[1]) != lengths[1]


def test_any_rate_is_resampled(tokenizer):
    found = rows(batches(tokenizer, sounds(rate=16_000), augmented=False))
    assert sorted(len(sound) for sound, *_ in found) == sorted(LENGTHS)


def test_speed_and_noise():
    sound = np.sin(np.arange(900) / 9).astype("float32")
    assert sound_views.at_speed(sound, 1.0) is sound
    for speed in (0.9, 1.1):
        other = sound_views.at_speed(sound, speed)
        assert len(other) == sound_views.length_at_speed(900, speed)
        expected = np.sin(np.arange(len(other)) * speed / 9)
        np.testing.assert_allclose(other, expected, atol=2e-3)
    generators = [np.random.default_rng(i) for i in range(9)]
    noisy = [sound_views.recorded_otherwise(sound, x) for x in generators]
    loudness = [np.abs(x).max() for x in noisy]
    assert max(loudness) > 2 * min(loudness)
    silence = sound_views.recorded_otherwise(np.zeros(5, "float32"), generators[0])
    assert not silence.any()


def test_another_microphone_makes_some_frequencies_louder():
    white = np.random.default_rng(1).normal(size=4_001).astype("float32")
    other = sound_views.recorded_otherwise(white, np.random.default_rng(4))
    assert other.shape == white.shape and other.dtype == white.dtype
    gain = np.abs(np.fft.rfft(other)) / np.abs(np.fft.rfft(white))
    bands = [20 * np.log10(np.median(band)) for band in np.array_split(gain, 20)]
    assert 3 < max(bands) - min(bands) < 20
    assert np.abs(np.diff(bands)).max() < 10  # smoothly: 20 dB in 2 bands at most


def test_joined_for_a_test_each_is_in_one_of_them():
    joined = list(joined_sounds(sounds(), 2, 3, seed=1).as_numpy_iterator())
    words = [x["transcript"].decode().split() for x in joined]
    assert sorted(sum(words, [])) == sorted(WORDS)
    assert all(2 <= len(own) <= 3 for own in words[:-1])
    for example, own in zip(joined, words, strict=True):
        samples, rate, error = decode_wav(example["audio"])
        levels = [x for x in dict.fromkeys(np.round(samples.numpy() * 16)) if x > 0]
        assert [WORDS[int(level) - 1] for level in levels] == own
        assert (int(rate), error) == (RATE, "")
    with pytest.raises(ValueError, match="least <= most expected, got 3 and 2"):
        joined_sounds(sounds(), 3, 2)
    with pytest.raises(ValueError, match='of {"audio", "transcript"} strings is need'):
        joined_sounds(tf.data.Dataset.from_tensors({"text": "a"}), 2, 3)


def test_a_transcript_without_a_letter_is_none(tokenizer):
    examples = sounds([*WORDS[:9], "_"])
    with pytest.raises(ValueError, match=r"sound 9 \('_'\): It has no transcript with"):
        batches(tokenizer, examples)


def test_a_transcript_that_is_no_utf8_is_told_as_that(tokenizer):
    """And not as one for which the sound is too short, by tokens of nonsense."""
    examples = sounds([*WORDS[:9], b"\xff" * 30])
    with pytest.raises(ValueError, match=r"sound 9: A transcript is no UTF-8"):
        batches(tokenizer, examples)


def test_sounds_that_cannot_be_joined(caplog):
    nothing = {
        "audio": [b"no sound", *[wav(np.full(800, 0.5))] * 2],
        "transcript": ["one", b"\xff", "..."],
    }
    broken = tf.data.Dataset.from_tensor_slices(nothing)
    with pytest.raises(ValueError, match="no sound can be used. sound 0 "):
        joined_sounds(broken, 1, 2)
    (joined,) = joined_sounds(sounds().take(1).concatenate(broken), 1, 1)
    assert joined["transcript"] == WORDS[0]
    assert "Joined all but 3 of 4 sounds, which cannot be used." in caplog.text
    for told in ("('one'): The sound is no WAV", "is no UTF-8", "no transcript with a"):
        assert told in caplog.text


@pytest.mark.parametrize(
    ("examples", "options", "words"),
    [
        (sounds(WORDS[:2] * 5, [3_000] * 9 + [100]), {}, "0.01 s are too short for it"),
        (sounds(["one"] * 9 + ["..."]), {}, "no transcript with a word in it"),
        (sounds(), {"max_seconds": 0.1}, "max_seconds=0.1 or"),
        (sounds(), {"batch_seconds": 1}, "batch_seconds=1 is too small"),
        (sounds(), {"most_joined": 0}, "most_joined=0"),
        (sounds(), {"most_joined": 1.5}, "most_joined=1.5 must be an integer"),
        (sounds(), {"num_buckets": 0}, "num_buckets=0 must be an integer"),
        (sounds().batch(2), {}, "string scalars"),
        (sounds().take(0), {}, "There are no sounds"),
        (sounds().map(lambda x: {"audio": x["audio"]}), {}, "transcript"),
    ],
)
def test_errors(tokenizer, examples, options, words):
    with pytest.raises(ValueError, match=words):
        batches(tokenizer, examples, **options)


def test_broken_sounds_are_named(tokenizer, caplog):
    data = [wav(np.full(3_000, 0.5))] * 60 + [b"no sound"]
    examples = tf.data.Dataset.from_tensor_slices(
        {"audio": data, "transcript": ["one"] * 61}
    )
    assert len(rows(batches(tokenizer, examples))) == 60
    assert (
        "Left out 1 of 61 sounds. sound 60 ('one'): The sound is no WAV" in caplog.text
    )
