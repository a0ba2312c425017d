"""WAV files of every kind to samples, beside SciPy's reader; broken ones to words."""

import io
import struct

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal
import soundfile
import tensorflow as tf

from zoo.data.resampling import resample
from zoo.data.wav_decoding import decode_wav

RNG = np.random.default_rng(0)
SOUND = (0.4 * RNG.normal(size=(1_001, 2))).clip(-1, 1).astype("float32")
KINDS = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "f4": 1.0, "f8": 1.0}


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def decoded(data):
    return decode_wav(data)


@tf.function(
    input_signature=[tf.TensorSpec([None]), *[tf.TensorSpec([], tf.int32)] * 2]
)
def resampled(samples, rate_hz, new_rate_hz):
    return resample(samples, rate_hz, new_rate_hz)


def decode(data):
    samples, rate, error = decoded(data)
    return samples.numpy(), int(rate), error.numpy().decode()


def wav(sound, kind="i2", rate=8_000):
    """The bytes of a WAV, written by SciPy."""
    if kind[0] in "iu":
        sound = np.round(sound.astype("float64") * (KINDS[kind] - 1))
        sound += 128 if kind == "u1" else 0
    file = io.BytesIO()
    scipy.io.wavfile.write(file, rate, sound.astype(kind))
    return file.getvalue()


def riff(sound, tag=1, channels=1, rate=8_000, bits=16, extra=b"", **claims):
    """The bytes of a WAV, chunk by chunk."""
    step = claims.get("align", channels * bits // 8)
    form = struct.pack("<HHIIHH", tag, channels, rate, 0, step % 2**16, bits)
    form = chunk(b"fmt ", form + extra)
    data = form + b"data" + struct.pack("<I", claims.get("length", len(sound))) + sound
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_what_scipy_reads(kind, channels):
    data = wav(SOUND[:, :channels].squeeze(), kind)
    rate, expected = scipy.io.wavfile.read(io.BytesIO(data))
    expected = expected.astype("float64") - (128 if kind == "u1" else 0)
    expected = (expected / KINDS[kind]).reshape(len(SOUND), -1).mean(axis=1)
    samples, found, error = decode(data)
    assert (found, error) == (rate, "")
    np.testing.assert_allclose(samples, expected, atol=1e-6)


SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_it_reads_what_libsndfile_writes(kind, subtype, channels):
    """As plain and as EXTENSIBLE, a header of other chunks and another length."""
    sound = RNG.uniform(-1, 1, (334, channels))
    file = io.BytesIO()
    soundfile.write(file, sound, 22_050, subtype, format=kind)
    expected, rate = soundfile.read(io.BytesIO(file.getvalue()), always_2d=True)
    data = file.getvalue()
    assert (struct.unpack("<H", data[20:22])[0] == 0xFFFE) == (kind == "WAVEX")
    samples, found, error = decode(data)
    assert (found, error) == (rate, "")
    np.testing.assert_allclose(samples, expected.mean(axis=1), atol=1e-6)
    middle = data.index(b"data")
    for length in (b"\xff\xff\xff\xff", struct.pack("<I", 2**31)):
        streamed = data[: middle + 4] + length + data[middle + 8 :]
        listed = streamed[:middle] + chunk(b"LIST", b"odd") + streamed[middle:]
        np.testing.assert_array_equal(decode(listed)[0], samples)
    step = (len(data) - middle - 8) // len(sound)
    cut = data[: middle + 8 + 7 * step + step // 2]
    np.testing.assert_array_equal(decode(cut)[0], samples[:7])


@pytest.mark.parametrize("extensible", [False, True])
def test_24_bits(extensible):
    numbers = np.array([0, 1, -1, 2**23 - 1, -(2**23), 300, -70_000])
    data = b"".join(int(n).to_bytes(3, "little", signed=True) for n in numbers)
    options = {"bits": 24, "rate": 96_000}
    if extensible:
        guid = struct.pack("<H", 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
        options |= {"tag": 0xFFFE, "extra": struct.pack("<HHI", 22, 24, 0) + guid}
    samples, rate, error = decode(riff(data, **options))
    assert (rate, error) == (96_000, "")
    np.testing.assert_allclose(samples, numbers / 2**23, atol=1e-7)


def test_other_chunks_stand_before_and_after():
    data = wav(SOUND[:, 0])
    middle = data.index(b"data")
    listed = (
        data[:middle] + chunk(b"LIST", b"odd") + data[middle:] + chunk(b"id3 ", b"x")
    )
    np.testing.assert_array_equal(decode(listed)[0], decode(data)[0])


@pytest.mark.parametrize("left", [0, 1, 2, 3, 501])
def test_of_a_file_cut_short_what_is_there_is_heard(left):
    data = wav(SOUND)
    begin = data.index(b"data") + 8
    samples, rate, error = decode(data[: begin + left])
    assert (rate, error) == (8_000, "")
    np.testing.assert_array_equal(samples, decode(data)[0][: left // 4])


@pytest.mark.parametrize("length", [0xFFFFFFFF, 10_000])
def test_a_length_that_the_writer_did_not_know(length):
    sound = np.arange(7, dtype="<i2").tobytes()
    samples, _, error = decode(riff(sound, length=length))
    assert error == ""
    np.testing.assert_allclose(samples * 2**15, range(7), atol=1e-3)


def test_a_length_of_0_that_was_never_mended():
    """As writers to a pipe leave it, which know neither length."""
    data = bytearray(riff(np.arange(7, dtype="<i2").tobytes()))
    data[4:8], data[40:44] = struct.pack("<I", 36), struct.pack("<I", 0)
    samples, _, error = decode(bytes(data))
    assert error == ""
    np.testing.assert_allclose(samples * 2**15, range(7), atol=1e-3)
    empty = riff(b"") + chunk(b"LIST", b"of words")
    empty = b"RIFF" + struct.pack("<I", len(empty) - 8) + empty[8:]
    samples, rate, error = decode(empty)
    assert (len(samples), rate, error) == (0, 8_000, "")


def test_what_is_far_too_loud_is_bounded():
    sound = np.array([0.5, 1e25, -1e25], "<f4").tobytes()
    samples, _, _ = decode(riff(sound, tag=3, bits=32))
    np.testing.assert_allclose(samples, [0.5, 1e5, -1e5])


def test_what_is_not_finite_is_silence():
    sound = np.array([0.5, np.nan, np.inf, -0.25], "<f4").tobytes()
    samples, _, error = decode(riff(sound, tag=3, bits=32))
    assert error == "" and samples.tolist() == [0.5, 0, 0, -0.25]


WHOLE = wav(SOUND)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no bytes"),
        (b"RIFF", "no WAV"),
        (b"\xff\xd8\xff an image", "no WAV"),
        (b"fLaC and a sound", "is FLAC, which is read in training alone"),
        (riff(b"\0" * 8, align=4), "take 4 bytes, but 1 of 16 bits take 2"),
        (WHOLE[:12], "no description of its format"),
        (WHOLE[:30], "no description of its format"),
        (WHOLE[:40], "no sound in it: it is cut short"),
        (riff(b"\0" * 8, tag=6, bits=8), "format 6 with 8 bits"),
        (riff(b"\0" * 8, bits=12), "format 1 with 12 bits. Integers of 8, 16"),
        (riff(b"\0" * 8, channels=0), "0 channels; 1 to 64"),
        (riff(b"\0" * 8, channels=65_535), "65535 channels"),
        (riff(b"\0" * 8, rate=0), "0 samples a second; 1,000 to"),
        (riff(b"\0" * 8, rate=2**32 - 1), "2147483647 samples a second"),
        (riff(b"\0" * 7_200_002, rate=1_000), "longer than 3,600 seconds"),
    ],
)
def test_an_error_says_what_is_wrong(data, words):
    samples, rate, error = decode(data)
    assert words in error and (rate, len(samples)) == (0, 0)


def test_no_bytes_make_it_raise():
    for _ in range(300):
        data = bytearray(WHOLE[: RNG.integers(len(WHOLE))])
        for _ in range(RNG.integers(1, 6)):
            if data:
                place = RNG.integers(min(len(data), 48))
                data[place] = RNG.integers(256)
        samples, rate, error = decode(bytes(data))
        assert np.isfinite(samples).all() and (error == "") == (rate > 0)


@pytest.mark.parametrize(
    ("rate", "new_rate"),
    [(8_000, 16_000), (44_100, 16_000), (16_000, 8_000), (11_025, 8_000)],
)
def test_resampling_keeps_what_the_new_rate_can_hold(rate, new_rate):
    seconds = 0.5
    fade = np.hanning(int(rate * seconds))
    time = np.arange(len(fade)) / rate
    tones = {300: 0.4, 1_234: 0.2, 3_200: 0.1}
    sound = fade * sum(a * np.sin(2 * np.pi * hz * time) for hz, a in tones.items())
    ours = resampled(sound.astype("float32"), rate, new_rate).numpy()
    assert len(ours) == -(-len(sound) * new_rate // rate)
    step = rate // np.gcd(rate, new_rate)
    whole = np.pad(sound, (0, 4 * rate + -len(sound) % step))
    expected = scipy.signal.resample(whole, len(whole) * new_rate // rate)[: len(ours)]
    np.testing.assert_allclose(ours, expected, atol=1e-4)


RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000)
PAIRS = [(rate, new) for new in (16_000, 8_000) for rate in RATES if rate != new]


@pytest.mark.parametrize(("rate", "new_rate"), PAIRS)
def test_resampling_is_the_sum_of_a_sinc_for_each_sample(rate, new_rate):
    """Also where a sound is short, and begins and ends with a click."""
    highest = min(rate, new_rate) / 2
    generator = np.random.default_rng(0)
    for count in (1, 20, rate // 20):
        phases = 2 * np.pi * highest * np.arange(count) / rate
        sounds = [0.5 * np.cos(share * phases + 0.3) for share in (0, 0.1, 0.5, 0.9)]
        sounds.append(generator.normal(0, 0.1, count))
        times = np.arange(-(-count * new_rate // rate)) * rate / new_rate
        away = times[:, None] - np.arange(count)
        cut = 2 * highest / rate
        expected = cut * np.sinc(cut * away) @ np.stack(sounds, axis=1)
        for sound, other in zip(sounds, expected.T, strict=True):
            ours = resampled(sound.astype("float32"), rate, new_rate)
            np.testing.assert_allclose(ours, other, atol=1e-4)


def test_resampling_leaves_out_what_the_new_rate_cannot_hold():
    time = np.arange(16_000) / 16_000
    sound = np.hanning(len(time)) * np.sin(2 * np.pi * 6_000 * time)
    ours = resampled(sound.astype("float32"), 16_000, 8_000).numpy()
    assert np.abs(ours).max() < 1e-3


def test_the_same_rate_and_no_sound_stay_as_they_are():
    sound = SOUND[:, 0]
    np.testing.assert_array_equal(resample(sound, 8_000, 8_000), sound)
    assert resample(tf.zeros([0]), 8_000, 16_000).shape == (0,)
