"""Sound and tokens to the next tokens, and to tokens place by place."""

import keras
import numpy as np
import pytest
from keras import ops

from zoo.losses import SmoothedCrossentropy
from zoo.models import SpeechModel
from zoo.models.mel_frames import scaling

RNG = np.random.default_rng(0)
COUNTS = np.array([3_000, 1_700], "int32")
SAMPLES = RNG.normal(size=(2, 3_000)).astype("float32") / 10
IDS = np.array([[1, 5, 7, 9, 0], [1, 8, 6, 0, 0]])
INPUTS = {"samples": SAMPLES, "num_samples": COUNTS, "target_ids": IDS}


def speech_model(**options):
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 2, "num_decoder_layers": 1, "num_heads": 2, "hidden_dim": 16}
    more = {"intermediate_dim": 32, "num_mels": 12, "filters": 20, "dropout": 0.2}
    model = SpeechModel(30, **{**sizes, **more, "sample_rate_hz": 8_000, **options})
    model.build()
    return model


def outputs(model, **inputs):
    answers = model({**INPUTS, **inputs}, training=False)
    return {k: ops.convert_to_numpy(v) for k, v in answers.items()}


def test_shapes():
    answers = outputs(speech_model())
    assert answers["ctc"].shape == (2, 10, 30)  # 80 samples a frame, 4 frames a place
    assert answers["tokens"].shape == (2, 5, 30)
    alone = speech_model()({"samples": SAMPLES, "num_samples": COUNTS})
    assert set(alone) == {"ctc"}


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_what_follows_a_sound_changes_nothing(dtype):
    model = speech_model(dtype=dtype)
    padded = outputs(model)
    alone = outputs(
        model, samples=SAMPLES[1:, :1_700], num_samples=COUNTS[1:], target_ids=IDS[1:]
    )
    num_places = alone["ctc"].shape[1]
    assert num_places == 6
    # Products of other shapes round to other numbers of eight bits, and on some
    # processors are other functions.
    close = {"float32": {"rtol": 1e-5, "atol": 1e-5}}.get(dtype, {"atol": 0.05})
    np.testing.assert_allclose(padded["ctc"][1, :num_places], alone["ctc"][0], **close)
    np.testing.assert_allclose(padded["tokens"][1], alone["tokens"][0], **close)

    loud = SAMPLES.copy()
    loud[1, 1_700:] = 9
    changed = outputs(model, samples=loud)
    np.testing.assert_array_equal(
        changed["ctc"][1, :num_places], padded["ctc"][1, :num_places]
    )
    np.testing.assert_array_equal(changed["tokens"], padded["tokens"])


def with_lora(model):
    model.ctc_projection.enable_lora(2)
    model.ctc_projection.lora_kernel_b.assign(np.ones((2, 30)))


def in_eight_bits(model):
    model.ctc_projection.quantize("int8")


@pytest.mark.parametrize("change", [lambda model: None, with_lora, in_eight_bits])
def test_logits_of_a_few_tokens(change):
    model = speech_model()
    model.ctc_projection.bias.assign(np.arange(30) / 10)
    change(model)
    memory, mask = model.encode(SAMPLES, COUNTS)
    token_ids = np.array([[5, 7, 5], [9, 29, 0], [8, 0, 0], [0, 0, 0]])  # 2 a sound
    some = model.ctc_logits_of(memory, mask, ops.convert_to_tensor(token_ids))
    everything = ops.convert_to_numpy(model.ctc_logits(memory, mask))
    for row, ids in enumerate(token_ids):
        expected = everything[row // 2][:, [0, *ids]]
        # A blank among the tokens is padding, whose value nobody reads.
        real = np.array([True, *(ids > 0)])
        np.testing.assert_allclose(
            ops.convert_to_numpy(some[row])[:, real], expected[:, real], atol=1e-5
        )


def test_padding_is_blank_for_certain_so_the_loss_passes_over_it():
    model = speech_model()
    labels = np.array([[8, 6, 2]])
    one = {"samples": SAMPLES[:1, :1_700], "num_samples": COUNTS[1:]}
    alone = keras.losses.ctc(labels, model(one)["ctc"])
    longer = {"samples": SAMPLES[:1], "num_samples": COUNTS[1:]}
    padded = keras.losses.ctc(np.pad(labels, ((0, 0), (0, 3))), model(longer)["ctc"])
    np.testing.assert_allclose(alone, padded, rtol=1e-5)


def test_padding_is_blank_for_certain_in_float16_too():
    answers = outputs(speech_model(dtype="mixed_float16"))["ctc"]
    assert np.isfinite(answers).all()
    assert (answers[1, 6:, 0] - answers[1, 6:, 1:].max(axis=-1) > 1e4).all()


def test_loudness_hardly_matters():
    first = outputs(speech_model())
    louder = outputs(speech_model(), samples=SAMPLES * 7)
    np.testing.assert_allclose(louder["ctc"], first["ctc"], atol=1e-2)


def test_rotary_positions_are_the_encoders():
    model = speech_model(positions="rotary")
    assert model.encoder.blocks[0].self_attention.positions == "rotary"
    rebuilt = SpeechModel.from_config(model.get_config())
    assert rebuilt.positions == rebuilt.encoder.blocks[0].self_attention.positions
    with pytest.raises(ValueError, match="positions='none'.*'sinusoidal' or 'rotary'"):
        speech_model(positions="none")
    with pytest.raises(ValueError, match=r"max_seconds must be in 1 \.\.\. 120, got 0"):
        speech_model(max_seconds=0)


@pytest.mark.parametrize("samples", [np.zeros((1, 800)), np.full((1, 700), 0.5)])
def test_silence_and_a_constant_are_finite(samples):
    model = speech_model()
    one = {
        "samples": samples,
        "num_samples": np.array([samples.shape[1]]),
        "target_ids": IDS[:1],
    }
    assert all(np.isfinite(x).all() for x in outputs(model, **one).values())
    one["num_samples"] = np.array([1])
    assert all(np.isfinite(x).all() for x in outputs(model, **one).values())
    one["num_samples"] = np.array([0])
    answers = outputs(model, **one)
    assert all(np.isfinite(x).all() for x in answers.values())
    assert (answers["ctc"].argmax(axis=-1) == 0).all()


def test_hidden_spans_do_not_matter():
    model = speech_model(norm_first=False)
    hidden = {"hidden_frames": np.array([[[0, 38]], [[0, 0]]])}
    first = outputs(model, **hidden)
    other = SAMPLES.copy()
    other[0] = other[0, ::-1]
    second = outputs(model, samples=other, **hidden)
    np.testing.assert_allclose(first["ctc"], second["ctc"], atol=1e-5)
    assert np.abs(outputs(model)["ctc"][0] - first["ctc"][0]).max() > 1e-3
    bands = outputs(model, hidden_mels=np.array([[[2, 3], [5, 1]], [[0, 0], [0, 0]]]))
    assert np.abs(outputs(model)["ctc"][0] - bands["ctc"][0]).max() > 1e-3
    np.testing.assert_allclose(outputs(model)["ctc"][1], bands["ctc"][1], atol=1e-6)


def test_bands_are_taken_from_further_up():
    model = speech_model(norm_first=False)
    scales = np.array([1.0, 1.2], "float32")
    scaled = outputs(model, mel_scales=scales)
    np.testing.assert_allclose(outputs(model)["ctc"][0], scaled["ctc"][0], atol=1e-5)
    assert np.abs(outputs(model)["ctc"][1] - scaled["ctc"][1]).max() > 1e-3
    ramp = np.arange(5, dtype="float32")
    moved = ramp @ ops.convert_to_numpy(scaling(ops.convert_to_tensor(scales), 5))
    np.testing.assert_allclose(moved, [ramp, [0, 1.2, 2.4, 3.6, 4]], rtol=1e-5)


@pytest.mark.parametrize("rate", [0, 900, 22_050, 8000.5, 8000.0, "8000"])
def test_a_rate_must_make_whole_frames(rate):
    with pytest.raises(ValueError, match="no multiple of 100 from 1,000 up"):
        speech_model(sample_rate_hz=rate)


@pytest.mark.parametrize("name", ["num_mels", "max_length"])
@pytest.mark.parametrize("size", [0, -3, 10.5, "16000"])
def test_sizes_are_whole_numbers(name, size):
    with pytest.raises(ValueError, match=f"{name}=.* must be a whole number of at lea"):
        speech_model(**{name: size})


@pytest.mark.slow
def test_both_losses_fall_together(tmp_path):
    model = speech_model(dropout=0.0)
    labels = np.array([[5, 7, 9, 2, 0], [8, 6, 2, 0, 0]])
    targets = {"ctc": np.array([[5, 7, 9], [8, 6, 0]]), "tokens": labels}
    weights = {"ctc": np.ones(2), "tokens": (labels > 0) * 10 / 7}
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss={"ctc": keras.losses.CTC(), "tokens": SmoothedCrossentropy(0.0)},
        loss_weights={"ctc": 0.3, "tokens": 0.7},
    )
    history = model.fit(INPUTS, targets, sample_weight=weights, epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
    answers = outputs(model)
    assert (answers["tokens"].argmax(axis=-1) == labels)[labels > 0].all()

    model.save(tmp_path / "model.keras")
    reloaded = outputs(keras.saving.load_model(tmp_path / "model.keras"))
    np.testing.assert_allclose(reloaded["ctc"], answers["ctc"], atol=1e-5)
    np.testing.assert_allclose(reloaded["tokens"], answers["tokens"], atol=1e-5)
