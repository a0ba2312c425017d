"""Sound to vectors: the mel bands are Whisper's, padding changes nothing.

`references/whisper_mel.npz` was recorded with `mel_filter_bank` and `spectrogram` of
`transformers.audio_utils` 5.23: Slaney's scale and norm, a Hann window of 400 every 160
samples, zeros around the sound, power, log10.
"""

from pathlib import Path

import numpy as np
import pytest
from keras import ops

from tests.contracts import assert_layer_contract
from zoo.layers import FrameEmbedding, LogMel, SpectrogramEmbedding
from zoo.layers.log_mel import mel_filters

REFERENCES = dict(np.load(Path(__file__).parent / "references" / "whisper_mel.npz"))
rng = np.random.default_rng(0)
FRAMES = rng.normal(size=(2, 11, 6)).astype("float32")


@pytest.mark.parametrize(("rate", "num_mels"), [(16_000, 80), (8_000, 40)])
def test_the_filters_are_whispers(rate, num_mels):
    ours = mel_filters(rate, rate * 25 // 1000, num_mels)
    expected = REFERENCES[f"filters_{rate}_{num_mels}"]
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_bands_of_a_window_of_odd_length_are_where_its_frequencies_are():
    rate, window = 11_000, 275
    loudest = mel_filters(rate, window, 20)[:, 10].argmax() * rate / window
    even = mel_filters(rate, 5 * 2 * window, 20)[:, 10].argmax() * rate / (10 * window)
    assert abs(loudest - even) <= rate / window / 2


EMBEDDINGS = [
    lambda: FrameEmbedding(8, filters=12),
    lambda: SpectrogramEmbedding(8, filters=[4, 6, 5]),
]


def test_the_logarithms_are_whispers():
    samples = REFERENCES["samples"]
    ours = ops.convert_to_numpy(LogMel()(samples[None]))[0]
    # One more frame of theirs begins where the sound has ended.
    np.testing.assert_allclose(ours, REFERENCES["log_mel"][:-1], atol=1e-4)


def test_silence_is_finite():
    assert (ops.convert_to_numpy(LogMel()(np.zeros((1, 800)))) == -10).all()


@pytest.mark.parametrize("count", [1, 159, 160, 161, 1000])
def test_zeros_after_a_sound_change_no_frame(count):
    layer = LogMel(num_mels=8)
    samples = rng.normal(size=(1, count)).astype("float32")
    frames = ops.convert_to_numpy(layer(samples))
    assert frames.shape[1] == layer.num_frames(count) == -(-count // 160)
    padded = ops.convert_to_numpy(layer(np.pad(samples, ((0, 0), (0, 777)))))
    np.testing.assert_allclose(padded[:, : frames.shape[1]], frames, atol=1e-5)


def test_log_mel_keeps_the_layer_contract():
    samples = rng.normal(size=(2, 500)).astype("float32")
    assert_layer_contract(LogMel(8_000, 12), samples, output_shape=(2, 7, 12))


@pytest.mark.parametrize("make", EMBEDDINGS)
def test_embeddings_keep_the_layer_contract(make):
    layer = make()
    assert layer.compute_output_shape(FRAMES.shape) == (2, 3, 8)
    vectors, mask = layer(FRAMES)
    assert vectors.shape == (2, 3, 8) and mask is None
    clone = type(layer).from_config(layer.get_config())
    clone.build(FRAMES.shape)
    clone.set_weights(layer.get_weights())
    np.testing.assert_allclose(clone(FRAMES)[0], vectors, atol=1e-6)


@pytest.mark.parametrize("make", EMBEDDINGS)
@pytest.mark.parametrize("count", range(1, 11))
def test_padded_frames_change_no_vector(make, count):
    layer = make()
    alone, _ = layer(FRAMES[:, :count])
    mask = np.arange(FRAMES.shape[1])[None].repeat(2, axis=0) < count
    padded, mask = layer(FRAMES, padding_mask=mask)
    assert ops.convert_to_numpy(mask).sum(axis=1).tolist() == [alone.shape[1]] * 2
    np.testing.assert_allclose(padded[:, : alone.shape[1]], alone, atol=1e-6)


def test_filters_are_halves():
    with pytest.raises(ValueError, match="pass an even number such as 1024"):
        FrameEmbedding(8, filters=7)
    with pytest.raises(ValueError, match="channels of two at least"):
        SpectrogramEmbedding(8, filters=[4])


def test_a_spectrogram_a_little_higher_is_told_alike():
    """Eight bands are one vector's, so what is eight bands higher is one place on."""
    layer = SpectrogramEmbedding(5, filters=[2, 3, 4])
    tone = np.zeros((1, 12, 64), "float32")
    tone[:, :, 20:23] = rng.normal(size=(1, 12, 3))
    layer(tone)
    layer.project.kernel.assign(np.tile(layer.project.kernel[:4], (8, 1)))
    higher = layer(np.roll(tone, 8, axis=2))[0]
    np.testing.assert_allclose(higher, layer(tone)[0], atol=1e-5)
    assert np.abs(layer(np.zeros_like(tone))[0] - higher).max() > 1e-3
