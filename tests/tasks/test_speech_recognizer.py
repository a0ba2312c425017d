"""Sounds in, transcripts out: every form of a sound, and what goes wrong."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.spoken import RATE, examples, sung, untrained_recognizer
from zoo.data.wav_decoding import decode_wav
from zoo.tasks import file_requests, speech_losses
from zoo.tasks.sound_requests import bytes_in_turn, checked_sounds, wav_of
from zoo.tasks.word_times import word_times

WORDS = ["low", "high", "mid"]
SOUND = sung(WORDS)


@pytest.fixture(scope="module")
def recognizer():
    return untrained_recognizer()


@pytest.mark.parametrize(
    "options",
    [{"ctc": True}, pytest.param({"num_beams": 2}, marks=pytest.mark.slow)],
)
def test_paths_bytes_and_arrays_are_the_same_sound(recognizer, tmp_path, options):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav_of(SOUND, RATE))
    stereo = np.stack([SOUND, SOUND], axis=1)
    forms = [path, str(path), path.read_bytes(), SOUND, stereo.astype("float64")]
    options = {"sample_rate_hz": RATE, **options}
    together, scores = recognizer.generate(forms, return_scores=True, **options)
    assert len(set(together)) == 1
    np.testing.assert_allclose(scores, scores[0], atol=1e-4)
    for sound in (forms[0], forms[3]):
        alone, score = recognizer.generate(sound, return_scores=True, **options)
        assert alone == together[0] and score == pytest.approx(scores[0], abs=1e-4)


def test_long_and_short_sounds_share_a_request(recognizer):
    long = np.tile(SOUND, 20)
    assert len(long) > 20 * RATE
    options = {"sample_rate_hz": RATE, "ctc": True}
    silence = np.zeros(900, "float32")
    sounds = [SOUND, long, silence, SOUND[:0], SOUND]
    answers, scores = recognizer.generate(sounds, return_scores=True, **options)
    for sound, answer in zip(sounds, answers, strict=True):
        assert recognizer.generate(sound, **options) == answer
    assert answers[2] == answers[3] == "" and scores[2] == scores[3] == 0
    assert recognizer.generate([], **options) == []


def test_words_end_with_the_sound(recognizer):
    noise = np.random.default_rng(0).normal(size=RATE // 5).astype("float32")
    words = recognizer.word_times(noise, sample_rate_hz=RATE, num_beams=1)
    assert words and all(word["end"] <= 0.2 + 0.04 for word in words)


def test_several_transcripts_come_best_first(recognizer):
    options = {"num_beams": 3, "num_return_sequences": 3, "sample_rate_hz": RATE}
    answers, scores = recognizer.generate(SOUND, return_scores=True, **options)
    assert len(answers) == 3 and scores == sorted(scores, reverse=True)
    best = recognizer.generate(SOUND, num_beams=3, sample_rate_hz=RATE)
    assert best == answers[0]
    drawn = [
        recognizer.generate(SOUND, temperature=1.0, seed=i, sample_rate_hz=RATE)
        for i in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_numbers_of_sounds_and_options_trace_nothing_anew(recognizer):
    for options in ({"num_beams": 1}, {"temperature": 1.0}, {"temperature": 2.0}):
        for sounds in ([SOUND], [SOUND, SOUND]):
            recognizer.generate(sounds, sample_rate_hz=RATE, max_length=4, **options)
    for sampling in (False, True):
        answer = recognizer._functions.answer(False, sampling, 1)
        assert answer.experimental_get_tracing_count() == 1


def test_a_broken_sound_leaves_the_others_alone(recognizer, caplog):
    good = wav_of(SOUND, RATE)
    answers = recognizer.generate([good, b"no sound", good], ctc=True)
    assert answers[0] == answers[2] and answers[1] == ""
    assert "place 1 (8 bytes) has no transcript. The sound is no WAV" in caplog.text
    with pytest.raises(ValueError, match="place 0 .8 bytes.: The sound is no WAV"):
        recognizer.generate(b"no sound", ctc=True)


@pytest.mark.parametrize(
    ("sound", "options", "error", "words"),
    [
        (3, {}, TypeError, "A sound is a path, the bytes of a WAV file"),
        ([3], {}, TypeError, "place 0 .int 3. is none of these"),
        ("no.wav", {}, FileNotFoundError, "Pass the path of a WAV file"),
        (SOUND, {}, ValueError, "Pass sample_rate_hz="),
        (SOUND, {"sample_rate_hz": 10}, ValueError, "sample_rate_hz=10 must lie"),
        (np.zeros(9, "int16"), {}, ValueError, "Divide integers of 16 bits by 32768"),
        (np.zeros((2, 2, 2)), {}, ValueError, "pass several sounds as a list"),
        (SOUND, {"ctc": True, "num_return_sequences": 2}, ValueError, "path is one"),
    ],
)
def test_what_is_no_sound_is_refused(recognizer, sound, options, error, words):
    if "sample_rate_hz=" not in words and sound is SOUND:
        options = {"sample_rate_hz": RATE, **options}
    with pytest.raises(error, match=words):
        recognizer.generate(sound, **options)


def test_an_array_is_written_as_it_is():
    for sound in (SOUND, np.stack([SOUND, -SOUND, SOUND], axis=1)):
        sounds, _, single = checked_sounds(sound, 44_100)
        ((data,),) = bytes_in_turn(sounds, 44_100)
        samples, rate, error = decode_wav(tf.constant(data))
        assert single and (int(rate), error) == (44_100, "")
        expected = sound if sound.ndim == 1 else sound.mean(axis=1)
        np.testing.assert_allclose(samples, expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"ctc": True}, {"num_beams": 2}])
def test_explain_says_when_and_where(recognizer, options):
    explanation = recognizer.explain(SOUND, sample_rate_hz=RATE, **options)
    answer = recognizer.generate(SOUND, sample_rate_hz=RATE, **options)
    assert explanation["transcript"] == answer
    np.testing.assert_allclose(explanation["samples"], SOUND, atol=1e-6)
    pieces, seconds = explanation["target_pieces"], explanation["seconds"]
    assert len(pieces) == len(seconds) > 0
    assert (np.diff(seconds) > 0).all() and seconds[-1] < len(SOUND) / RATE
    attention = explanation["attention"]
    assert attention.shape == (len(pieces), -(-len(SOUND) // (RATE // 25)))
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)
    with pytest.raises(TypeError, match="one sound"):
        recognizer.explain([SOUND], sample_rate_hz=RATE)


def test_sounds_of_many_lengths_are_explained_by_few_traces(recognizer):
    for step in range(6):
        sound = SOUND[: len(SOUND) - step * RATE // 10]
        recognizer.explain(sound, sample_rate_hz=RATE, ctc=True)
    attention = recognizer._functions.attention()
    assert attention.experimental_get_tracing_count() <= 3


def test_what_is_too_long_to_explain_is_refused_before_it_is_heard(
    recognizer, monkeypatch
):
    def best(*arguments):
        raise AssertionError("It was heard.")

    monkeypatch.setattr(recognizer, "_best", best)
    with pytest.raises(ValueError, match=r"place 0 .*: The sound is longer than 20 se"):
        recognizer.explain(np.tile(SOUND, 20), sample_rate_hz=RATE)
    with pytest.raises(ValueError, match=r"place 0 .*: The sound is no WAV"):
        recognizer.explain(b"nothing")


def test_sounds_are_read_few_at_a_time(monkeypatch):
    monkeypatch.setattr(file_requests, "_TOGETHER_BYTES", 4 * len(SOUND) * 5 // 2)
    sounds, _, _ = checked_sounds([SOUND] * 3 + [np.tile(SOUND, 4), SOUND], RATE)
    parts = list(bytes_in_turn(sounds, RATE))
    assert [len(part) for part in parts] == [2, 1, 1, 1]
    assert sum(parts, []) == [wav_of(sound, RATE) for sound in sounds]
    parts = file_requests.in_turn(range(7), lambda _: 1, 3)
    assert list(parts) == [[0, 1, 2], [3, 4, 5], [6]]


def test_numbers_that_are_none_are_silence():
    sound = [0.5, np.nan, 1e300, -np.inf, -0.25]
    ((data,),) = bytes_in_turn([np.array(sound)], RATE)
    samples, _, error = decode_wav(tf.constant(data))
    assert error == "" and samples.numpy().tolist() == [0.5, 0, 0, 0, -0.25]


def test_more_than_the_graph_counts_is_refused():
    """A view of one sample, which takes no memory."""
    sound = np.broadcast_to(np.float32(0), (2**28, 2))
    with pytest.raises(ValueError, match=r"has 2,147,483,692 bytes; at most"):
        checked_sounds(sound, RATE)


def test_ctc_gives_more_tokens_than_the_decoder_may(recognizer):
    sound = np.tile(SOUND, 10)
    transcript = recognizer.generate(sound, sample_rate_hz=RATE, ctc=True)
    assert len(recognizer.tokenizer.tokenize(transcript)) > recognizer.model.max_length


def test_nothing_is_drawn_by_ctc(recognizer):
    options = {"sample_rate_hz": RATE, "ctc": True}
    drawn = recognizer.generate(SOUND, temperature=5.0, seed=1, **options)
    assert drawn == recognizer.generate(SOUND, **options)


@pytest.mark.parametrize("options", [{"ctc": True}, {"num_beams": 2}])
def test_words_have_times_in_sounds_of_any_length(recognizer, options):
    options = {"sample_rate_hz": RATE, **options}
    sounds = [np.tile(SOUND, 20), SOUND, SOUND[:0]]
    times = recognizer.word_times(sounds, **options)
    for sound, words in zip(sounds, times, strict=True):
        transcript = recognizer.generate(sound, **options)
        heard = " ".join(word["word"] for word in words)
        assert "".join(heard.split()) == "".join(transcript.split())
        begins = [word["begin"] for word in words]
        assert begins == sorted(begins)
        assert all(0 <= word["begin"] < word["end"] for word in words)
        assert all(word["end"] <= len(sound) / RATE + 0.04 for word in words)
    assert times[0] and recognizer.word_times(SOUND, **options) == times[1]
    answers = recognizer.word_times([b"nothing", SOUND], **options)
    assert answers == [[], times[1]]
    with pytest.raises(ValueError, match="WAV"):
        recognizer.word_times(b"nothing")


def test_words_are_told_apart_by_their_spaces():
    tokenizer = zoo.text.learn_tokenizer(["two dogs", "a café"] * 9, 280)
    ids = tokenizer(["two caf\u00e9 \U0001f415"])[0].numpy().tolist()
    places = list(range(5, 5 + len(ids)))
    times = word_times(ids, places, tokenizer)
    assert [word["word"] for word in times] == ["two", "café", "\U0001f415"]
    assert times[0]["begin"] == 0.2 and times[-1]["end"] == (places[-1] + 1) / 25
    assert word_times([], [], tokenizer) == []


def test_saved_and_read_again_it_is_the_same(recognizer, tmp_path):
    recognizer.save_to_preset(tmp_path)
    again = zoo.SpeechRecognizer.from_preset(str(tmp_path), ctc_weight=1.0)
    options = {"sample_rate_hz": RATE, "ctc": True, "return_scores": True}
    answer, score = recognizer.generate(SOUND, **options)
    assert again.generate(SOUND, **options) == (answer, pytest.approx(score))
    with pytest.raises(ValueError, match="Leave it out"):
        zoo.SpeechRecognizer.from_preset(str(tmp_path), tokenizer=again.tokenizer)


def test_from_preset_says_what_it_needs(recognizer):
    with pytest.raises(ValueError, match="Did you mean 'speech_tiny'.*no folder"):
        zoo.SpeechRecognizer.from_preset("speech_tini")
    with pytest.raises(ValueError, match="needs tokenizer="):
        zoo.SpeechRecognizer.from_preset("speech_tiny")
    with pytest.raises(ValueError, match=r"ctc_weight must be in 0 ... 1, got 2"):
        zoo.SpeechRecognizer.from_preset(
            "speech_tiny", tokenizer=recognizer.tokenizer, ctc_weight=2
        )
    with pytest.raises(TypeError, match="takes a zoo.SpeechModel, got str"):
        zoo.SpeechRecognizer("model", recognizer.tokenizer)
    model = zoo.presets.speech_model("speech_tiny", 300)
    with pytest.raises(ValueError, match="275 tokens, the model 300"):
        zoo.SpeechRecognizer(model, recognizer.tokenizer)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
@pytest.mark.parametrize("ctc_weight, unused", [(0.0, "ctc_proj"), (1.0, "decoder")])
def test_a_loss_of_weight_0_trains_nothing(ctc_weight, unused):
    recognizer = untrained_recognizer()
    model = recognizer.model
    model.compile("adam", **speech_losses(ctc_weight), jit_compile=False)
    before = {weight.path: weight.numpy() for weight in model.weights}
    model.fit(
        recognizer.batches(examples(8), augmented=False, num_buckets=1),
        shuffle=False,
        verbose=0,
    )
    changed = {w.path for w in model.weights if (w.numpy() != before[w.path]).any()}
    assert any("encoder" in path for path in changed)
    assert not any(unused in path for path in changed)
