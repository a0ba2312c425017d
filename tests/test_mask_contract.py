"""No architecture may let padding, neighbours or the future change an answer.

A new architecture joins by a line in `CASES`.
"""

import keras
import numpy as np
import pytest
from keras import ops

from tests.contracts import TOLERANCE, MaskCase
from zoo.layers import (
    TransformerDecoder,
    TransformerEncoder,
    segment_attention_mask,
)
from zoo.models import (
    CaptioningModel,
    ImageEncoder,
    LabellingModel,
    MaskedLanguageModel,
    SpeechModel,
    TextEncoder,
    TranslationModel,
)

HIDDEN_DIM = 16
MODERN = {
    "norm_first": True,
    "norm": "rms",
    "activation": "swiglu",
    "num_key_value_heads": 2,
}


def vectors(rng, length):
    return rng.normal(size=(length, HIDDEN_DIM)).astype("float32")


def token_ids(rng, length):
    return rng.integers(1, 30, size=length).astype("int32")


def segment_mask(batch, query, key):
    if f"{query}_segment_ids" not in batch:
        return None
    return segment_attention_mask(
        batch[f"{query}_segment_ids"], batch[f"{key}_segment_ids"]
    )


# Stacks of layers


def stack(name, stack_class, **options):
    is_decoder = stack_class is TransformerDecoder

    def make(dtype):
        layer = stack_class(2, 4, HIDDEN_DIM, 32, dtype=dtype, **options)
        layer.build((None, None, HIDDEN_DIM))
        return layer

    return MaskCase(
        name,
        make,
        streams=("source", "target") if is_decoder else ("source",),
        place=vectors,
        call=call_decoder if is_decoder else call_encoder,
        shifted=shift_decoder if is_decoder else shift_encoder,
        causal=is_decoder,
        decode=decode_with_decoder if is_decoder else None,
        filler=3.0,
    )


def call_encoder(layer, batch):
    return layer(
        batch["source"],
        padding_mask=batch["source_mask"],
        attention_mask=segment_mask(batch, "source", "source"),
        positions=batch.get("source_positions"),
    )


def shift_encoder(layer, batch, delta):
    return call_encoder(layer, {**batch, "source": ops.add(batch["source"], delta)})


def call_decoder(layer, batch):
    return layer(
        batch["target"],
        batch["source"],
        padding_mask=batch["target_mask"],
        memory_mask=batch["source_mask"],
        self_attention_mask=segment_mask(batch, "target", "target"),
        cross_attention_mask=segment_mask(batch, "target", "source"),
        positions=batch.get("target_positions"),
    )


def shift_decoder(layer, batch, delta):
    return call_decoder(layer, {**batch, "target": ops.add(batch["target"], delta)})


def decode_with_decoder(layer, batch, rowwise):
    target, mask = batch["target"], batch["source_mask"]
    crosses = layer.project_memory(batch["source"])
    caches = layer.start_cache(len(target), target.shape[1] + 2)
    outputs = []
    for i in range(target.shape[1]):
        index = np.full(len(target), i, "int32") if rowwise else i
        x = target[:, i : i + 1]
        x, caches = layer.step(x, index, caches, crosses, memory_mask=mask)
        outputs.append(x)
    return ops.concatenate(outputs, axis=1)


# Models that read token ids


def sequence_to_sequence(name, model_class, **options):
    def make(dtype):
        model = model_class(
            30,
            num_layers=2,
            num_heads=4,
            hidden_dim=HIDDEN_DIM,
            intermediate_dim=32,
            dtype=dtype,
            **options,
        )
        model.build()
        return model

    return MaskCase(
        name,
        make,
        streams=("source", "target"),
        place=token_ids,
        call=lambda model, batch: model(model_inputs(batch)),
        shifted=shift_model,
        causal=True,
        decode=decode_with_model,
    )


def model_inputs(batch):
    """The model's own names; it knows padding by the id 0."""
    inputs = {f"{stream}_ids": batch[stream] for stream in ("source", "target")}
    packing = ("segment_ids", "positions")
    return {**inputs, **{k: v for k, v in batch.items() if k.endswith(packing)}}


def shift_model(model, batch, delta):
    """Adds `delta` where the target ids are looked up."""
    inputs = model_inputs(batch)
    memory, mask = model.encode(
        inputs["source_ids"],
        segment_ids=inputs.get("source_segment_ids"),
        positions=inputs.get("source_positions"),
    )
    return shifted_decode(
        model,
        delta,
        inputs["target_ids"],
        memory,
        memory_mask=mask,
        segment_ids=inputs.get("target_segment_ids"),
        positions=inputs.get("target_positions"),
        memory_segment_ids=inputs.get("source_segment_ids"),
    )


def shifted_decode(model, delta, *arguments, **options):
    """`model.decode` with `delta` added where the target ids are looked up."""
    embed = model.target_embedding.call
    model.target_embedding.call = lambda ids: (
        embed(ids) + ops.cast(delta, model.compute_dtype)
    )
    try:
        return model.decode(*arguments, **options)
    finally:
        model.target_embedding.call = embed


def decode_with_model(model, batch, rowwise):
    memory, mask = model.encode(batch["source"])
    return decode_step_by_step(model, batch, rowwise, memory, mask)


def decode_step_by_step(model, batch, rowwise, memory, mask=None):
    target_ids = batch["target"]
    crosses = model.project_memory(memory)
    cache = model.start_cache(len(target_ids), target_ids.shape[1] + 2)
    outputs = []
    for i in range(target_ids.shape[1]):
        index = np.full(len(target_ids), i, "int32") if rowwise else i
        logits, cache = model.step(
            target_ids[:, i], index, cache, crosses, memory_mask=mask
        )
        outputs.append(logits)
    return ops.stack(outputs, axis=1)


# A model that reads an image; that is the same in every row


def captioning(name, **options):
    def make(dtype):
        sizes = (2, 4, HIDDEN_DIM, 32)
        encoder = ImageEncoder(8, 4, *sizes, stem="convolutional", dtype=dtype)
        model = CaptioningModel(encoder, 30, *sizes, **options)
        model.build()
        return model

    return MaskCase(
        name,
        make,
        streams=("target",),
        place=token_ids,
        call=lambda model, batch: shift_caption(model, batch, 0.0),
        shifted=shift_caption,
        causal=True,
        decode=lambda model, batch, rowwise: decode_step_by_step(
            model, batch, rowwise, model.encode(images(batch))
        ),
    )


def images(batch):
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3))
    return np.repeat(image, len(batch["target"]), axis=0)


def shift_caption(model, batch, delta):
    return shifted_decode(
        model,
        delta,
        batch["target"],
        model.encode(images(batch)),
        segment_ids=batch.get("target_segment_ids"),
        positions=batch.get("target_positions"),
    )


# A model that hears a sound; that is the same in every row, and padded with the targets


def speech(name, **options):
    def make(dtype):
        sizes = (2, 2, 4, HIDDEN_DIM, 32)
        # With 8 mels a convolution has a width of 1, at which TensorFlow's is wrong
        # in bfloat16 where the processor has AMX.
        model = SpeechModel(
            30, *sizes, num_mels=12, dtype=dtype, **{"filters": 12, **options}
        )
        model.build()
        return model

    return MaskCase(
        name,
        make,
        streams=("target",),
        place=token_ids,
        call=lambda model, batch: shift_transcript(model, batch, 0.0),
        shifted=shift_transcript,
        causal=True,
        decode=lambda model, batch, rowwise: decode_step_by_step(
            model, batch, rowwise, *heard(model, batch)
        ),
    )


def heard(model, batch):
    """The memory of a sound of 6 places, the last not whole, and its mask.

    It is padded as the targets are, with a noise that must not be heard, and beside it
    is a sound as long as all that.
    """
    rng = np.random.default_rng(0)
    sound = rng.normal(size=6 * 640 - 100).astype("float32")
    rows, length = batch["target"].shape
    longest = len(sound) + 640 * (length - 3)  # the shortest target has 3
    samples = rng.normal(0, 9, size=(rows + 1, longest)).astype("float32")
    samples[:rows, : len(sound)] = sound
    counts = np.array([*[len(sound)] * rows, longest])
    memory, mask = model.encode(samples, counts)
    return memory[:rows], mask[:rows]


def shift_transcript(model, batch, delta):
    memory, mask = heard(model, batch)
    return shifted_decode(
        model,
        delta,
        batch["target"],
        memory,
        memory_mask=mask,
        segment_ids=batch.get("target_segment_ids"),
        positions=batch.get("target_positions"),
    )


# Models that read one text


def text(name, head=lambda encoder: encoder, **options):
    def make(dtype):
        model = head(TextEncoder(30, 2, 4, HIDDEN_DIM, 32, dtype=dtype, **options))
        model.build()
        return model

    return MaskCase(
        name,
        make,
        streams=("source",),
        place=token_ids,
        call=call_text,
        shifted=shift_text,
        causal=False,
    )


def text_inputs(batch):
    names = {
        "source": "token_ids",
        "source_segment_ids": "document_ids",
        "source_positions": "positions",
    }
    return {names[key]: value for key, value in batch.items() if key in names}


def call_text(model, batch):
    outputs = model(text_inputs(batch))
    return outputs["sequence_output"] if isinstance(outputs, dict) else outputs


def shift_text(model, batch, delta):
    """Adds `delta` where the token ids are looked up."""
    encoder = model if isinstance(model, TextEncoder) else model.encoder
    embedding = encoder.token_embedding
    embed = embedding.call
    delta = ops.cast(delta, model.compute_dtype)[..., : encoder.embedding_dim]
    embedding.call = lambda ids: embed(ids) + delta
    try:
        return call_text(model, batch)
    finally:
        embedding.call = embed


CASES = [
    stack("encoder", TransformerEncoder),
    stack("encoder rotary", TransformerEncoder, positions="rotary", **MODERN),
    stack("encoder alibi", TransformerEncoder, positions="alibi"),
    stack("decoder", TransformerDecoder),
    stack("decoder rotary", TransformerDecoder, positions="rotary", **MODERN),
    stack("decoder alibi", TransformerDecoder, positions="alibi", norm_first=True),
    sequence_to_sequence("translation", TranslationModel),
    sequence_to_sequence(
        "translation pre-norm", TranslationModel, norm_first=True, tie_embeddings=False
    ),
    captioning("captioning"),
    captioning("captioning post-norm", norm_first=False, tie_embeddings=False),
    speech("speech"),
    speech("speech of spectrograms", filters=[4, 6, 5], positions="rotary"),
    text("text"),
    text("text rotary pre-norm", positions="rotary", norm_first=True),
    text("text alibi", positions="alibi"),
    text("text projected", embedding_dim=8, first_position=2),
    text("labelling", head=lambda encoder: LabellingModel(encoder, 5)),
    text("masked language model", head=MaskedLanguageModel),
]


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16"])
def dtype(request):
    return request.param


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def model(case, dtype):
    keras.utils.set_random_seed(0)
    return case.make(dtype)


@pytest.fixture(scope="module")
def alone(case, model):
    """Pairs of an example and its outputs when it stands alone and unpadded."""
    return [
        (example, case.outputs(model, case.batch([example]))[0])
        for example in case.examples()
    ]


@pytest.fixture(scope="module")
def assert_close(dtype):
    def check(outputs, expected):
        np.testing.assert_allclose(outputs, expected, rtol=0, atol=TOLERANCE[dtype])

    return check


def test_padding_does_not_change_an_answer(case, model, alone, assert_close):
    for example, expected in alone:
        padded = case.outputs(model, case.batch([example], padding=3))[0]
        assert_close(padded[: len(expected)], expected)


def test_neighbours_in_the_batch_do_not_change_an_answer(
    case, model, alone, assert_close
):
    batch = case.batch([example for example, _ in alone])
    for row, (_, expected) in zip(case.outputs(model, batch), alone, strict=True):
        assert_close(row[: len(expected)], expected)


def test_packed_rows_answer_as_separate_ones(case, model, alone, assert_close):
    batch = case.packed([example for example, _ in alone], padding=2)
    row, start = case.outputs(model, batch)[0], 0
    for _, expected in alone:
        assert_close(row[start : start + len(expected)], expected)
        start += len(expected)


def test_decoding_with_a_cache_answers_as_without(case, model, alone, assert_close):
    if case.decode is None:
        pytest.skip("an encoder reads all places at once")
    batch = case.batch([example for example, _ in alone])
    for rowwise in (False, True):
        outputs = ops.convert_to_numpy(
            ops.cast(case.decode(model, batch, rowwise), "float32")
        )
        for row, (_, expected) in zip(outputs, alone, strict=True):
            assert_close(row[: len(expected)], expected)


def test_only_places_that_may_be_seen_have_influence(case, model):
    examples = case.examples()
    batch = case.batch(examples, padding=2)
    real = batch[f"{case.streams[-1]}_mask"]
    for place in (0, 1, 2):  # every example has these
        influence = case.influence(model, batch, place)
        may_see = real & (np.arange(real.shape[1]) <= place if case.causal else True)
        np.testing.assert_array_equal(influence > 0, may_see)


def test_packed_neighbours_have_no_influence(case, model):
    batch = case.packed(case.examples(), padding=2)
    segments = batch[f"{case.streams[-1]}_segment_ids"]
    place = int(np.flatnonzero(segments[0] == 2)[1])
    may_see = segments == 2
    if case.causal:
        may_see &= np.arange(segments.shape[1]) <= place
    influence = case.influence(model, batch, place)
    np.testing.assert_array_equal(influence > 0, may_see)


def test_a_row_of_padding_alone_stays_finite(case, model, alone, assert_close):
    batch = case.batch([example for example, _ in alone])
    for stream in case.streams:
        batch[stream][-1] = case.filler
        batch[f"{stream}_mask"][-1] = False
    outputs = case.outputs(model, batch)
    assert np.isfinite(outputs).all()
    assert np.isfinite(case.influence(model, batch, place=1)).all()
    assert_close(outputs[0, : len(alone[0][1])], alone[0][1])


def test_the_contract_bites():
    """A stack that forgets its mask fails."""
    case = stack("encoder", TransformerEncoder)
    model = case.make("float32")
    example = case.examples()[0]
    batch = case.batch([example], padding=3)
    expected = case.outputs(model, case.batch([example]))[0]
    batch["source_mask"][:] = True
    outputs = case.outputs(model, batch)[0, : len(expected)]
    assert np.abs(outputs - expected).max() > 100 * TOLERANCE["float32"]
