"""Images to captions: every kind of input and option, and what cannot be read."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from tests.tasks.captioned import CAPTIONS, PAIRS, examples, picture, written

IMAGES = [written(picture(*pair)) for pair in PAIRS[:4]]
NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype("uint8")
BROKEN = written(Image.fromarray(NOISE), "JPEG")[:-1500]


def test_it_learned_to_name_the_colours(captioner):
    scores = captioner.evaluate(examples())
    assert scores["exact_match"] >= 0.9
    assert scores["bleu_4"] > 0
    assert scores["cider_d"] > 1
    assert "caption_signature" in scores


def test_paths_bytes_and_arrays_are_the_same_image(captioner, tmp_path):
    image = picture(*PAIRS[0])
    path = tmp_path / "colours.png"
    image.save(path)
    expected = captioner.generate(IMAGES[0])
    assert expected == CAPTIONS[0]
    array = np.asarray(image)
    for form in (path, str(path), array, tf.constant(array)):
        assert captioner.generate(form) == expected
    assert captioner.generate(np.array([str(path)])) == [expected]
    assert captioner.generate(tf.constant(IMAGES[0])) == expected
    several = [path, IMAGES[1], array]
    answers = captioner.generate(several)
    assert answers == captioner.generate(tuple(several))
    assert answers[0] == answers[2] == expected
    batch = np.stack([np.asarray(picture(*pair)) for pair in PAIRS[:3]])
    assert captioner.generate(batch) == captioner.generate(IMAGES[:3])


def test_grey_and_transparent_arrays(captioner):
    grey = np.asarray(picture("white", "black").convert("L"))
    expected = captioner.generate(written(picture("white", "black")))
    assert captioner.generate(grey) == expected
    assert captioner.generate(grey[:, :, np.newaxis]) == expected
    clear = picture("black", "black").convert("RGBA")
    clear.putalpha(picture("black", "white").convert("L"))
    assert captioner.generate(np.asarray(clear)) == expected  # white shines through


def test_an_empty_list_has_no_captions(captioner):
    assert captioner.generate([]) == []
    assert captioner.generate([], return_scores=True) == ([], [])


def test_several_captions_come_best_first_with_scores(captioner):
    captions, scores = captioner.generate(
        IMAGES, num_return_sequences=3, return_scores=True
    )
    assert [len(row) for row in captions] == [3] * 4
    for row in scores:
        assert row == sorted(row, reverse=True)
    best = captioner.generate(IMAGES, return_scores=True)
    assert [row[0] for row in captions] == best[0]
    np.testing.assert_allclose([row[0] for row in scores], best[1], atol=1e-5)
    drawn = {"temperature": 3.0, "seed": 1}
    samples = captioner.generate(IMAGES, **drawn)
    assert captioner.generate(IMAGES[::-1], **drawn) == samples[::-1]
    several = captioner.generate(IMAGES[0], num_return_sequences=5, **drawn)
    assert len(set(several)) > 1


def test_a_caption_does_not_depend_on_its_batch(captioner):
    many = (IMAGES * 20)[:70]  # more than one piece of 64
    together, scores = captioner.generate(many, return_scores=True)
    for image, caption, score in zip(IMAGES, together, scores, strict=False):
        alone = captioner.generate(image, return_scores=True)
        assert alone[0] == caption
        assert alone[1] == pytest.approx(score, abs=1e-4)
    assert together[64:] == (together[:4] * 20)[64:70]


def test_options_trace_nothing_anew(captioner):
    captioner.generate(IMAGES)
    answer = captioner._functions.answer(False, 4)
    short = captioner.generate(IMAGES, max_length=1)
    assert all(captioner.tokenizer(text).shape[0] <= 1 for text in short)
    captioner.generate(IMAGES[:3], length_penalty=2.0)
    assert answer.experimental_get_tracing_count() == 1


def test_a_broken_image_leaves_the_others_alone(captioner, caplog):
    captions, scores = captioner.generate(
        [IMAGES[0], BROKEN, IMAGES[1], b"", b"GIF89a"], return_scores=True
    )
    assert captions == [CAPTIONS[0], "", CAPTIONS[1], "", ""]
    assert scores[1] == scores[3] == 0.0
    assert "The image at place 1" in caplog.text
    assert "JPEG is cut short or damaged" in caplog.text
    assert "place 3 (0 bytes) has no caption. The image is empty" in caplog.text
    assert "neither a JPEG nor a PNG" in caplog.text


def test_one_broken_image_is_an_error(captioner, tmp_path):
    with pytest.raises(ValueError, match="place 0 .*: The JPEG is cut short"):
        captioner.generate(BROKEN)
    path = tmp_path / "notes.jpg"
    path.write_text("no image")
    with pytest.raises(ValueError, match="notes.jpg.* neither a JPEG nor a PNG"):
        captioner.explain(path)


def test_what_is_no_image_is_refused(captioner, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"place 1 .*gone.png.*cannot be read"):
        captioner.generate([IMAGES[0], tmp_path / "gone.png"])
    with pytest.raises(IsADirectoryError, match="Pass the path of a JPEG"):
        captioner.generate(str(tmp_path))
    with pytest.raises(TypeError, match=r"array of uint8 .*got int 3"):
        captioner.generate(3)
    with pytest.raises(TypeError, match="place 0 .*NoneType None.* none of these"):
        captioner.generate([None])
    with pytest.raises(TypeError, match="got dict"):
        captioner.generate({"image": IMAGES[0]})
    with pytest.raises(ValueError, match=r"\(16, 32, 3\) of float32.* must be of type"):
        captioner.generate(np.zeros((16, 32, 3), "float32"))
    for shape in [(16, 32, 2), (0, 0, 3), (5,)]:
        with pytest.raises(ValueError, match=r"must be of type uint8"):
            captioner.generate(np.zeros(shape, "uint8"))
    with pytest.raises(FileNotFoundError, match="null byte"):
        captioner.generate("a\0b.png")
    with pytest.raises(ValueError, match="more than 100,000,000 pixels"):
        captioner.generate(np.zeros((10_001, 10_000, 1), "uint8"))
    with pytest.raises(ValueError, match="num_beams=0 is out of range"):
        captioner.generate(IMAGES, num_beams=0)
    with pytest.raises(TypeError, match="explain takes one image"):
        captioner.explain(IMAGES)


def test_what_is_explained_is_what_is_generated(captioner):
    for image in IMAGES:
        search = {"num_beams": 3, "length_penalty": 0.0}
        expected = captioner.generate(image, **search)
        assert captioner.explain(image, **search)["caption"] == expected
    with pytest.raises(ValueError, match="length_penalty=-1"):
        captioner.explain(IMAGES[0], length_penalty=-1)


def test_attention_lies_on_the_image(captioner):
    explained = captioner.explain(IMAGES[0])
    assert explained["caption"] == CAPTIONS[0]
    attention = explained["attention"]
    # The end token too; an image of 16 x 32 in patches of 8.
    assert attention.shape == (len(explained["target_pieces"]), 2, 4)
    np.testing.assert_allclose(attention.sum(axis=(1, 2)), 1, atol=1e-4)
    joined = "".join(explained["target_pieces"]).replace("\u2581", " ")
    assert explained["caption"] in joined


def test_broken_images_of_an_evaluation_are_counted(captioner, caplog):
    broken = tf.data.Dataset.from_tensors(
        {"image": BROKEN, "captions": ["red before blue"]}
    )
    with pytest.raises(ValueError, match=r"1 of 21 images cannot be used.* image 20"):
        captioner.evaluate(examples().concatenate(broken))
    rows = captioner.captions_of(examples().repeat(4).concatenate(broken), num_beams=1)
    assert len(rows) == 80
    assert "Left out 1 of 81 images" in caplog.text
    with pytest.raises(ValueError, match="There are no images"):
        captioner.evaluate(examples().take(0))


def test_images_without_a_worded_reference_are_no_images(captioner, caplog):
    image = IMAGES[:1]
    silent = tf.data.Dataset.from_tensor_slices({"image": image, "captions": [["..."]]})
    rows = captioner.captions_of(examples().repeat(4).concatenate(silent), num_beams=1)
    assert len(rows) == 80
    assert "image 80 ('...'): It has no caption with a word in it" in caplog.text
    with pytest.raises(ValueError, match="1 of 1 images cannot be used"):
        captioner.evaluate(silent)


def test_one_answer_to_each_is_scored(captioner):
    with pytest.raises(ValueError, match="Leave out num_return_sequences"):
        captioner.evaluate(examples(), num_return_sequences=2)


def test_saved_and_read_again_it_is_the_same(captioner, tmp_path):
    captioner.save_to_preset(tmp_path)
    again = zoo.ImageCaptioner.from_preset(str(tmp_path))
    expected = captioner.generate(IMAGES, return_scores=True)
    captions, scores = again.generate(IMAGES, return_scores=True)
    assert captions == expected[0]
    np.testing.assert_allclose(scores, expected[1], atol=1e-5)
    narrow = zoo.ImageCaptioner.from_preset(tmp_path, dtype="bfloat16")
    assert narrow.model.compute_dtype == "bfloat16"
    assert narrow.model.image_encoder.compute_dtype == "bfloat16"
    assert narrow.generate(IMAGES[0]) == CAPTIONS[0]
    captioner.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="holds a ImageCaptioner, not a Translator"):
        zoo.Translator.from_preset(tmp_path)
    with pytest.raises(ValueError, match="holds its own tokenizer"):
        zoo.ImageCaptioner.from_preset(tmp_path, captioner.tokenizer)


def test_from_preset_says_what_it_needs(captioner):
    tokenizer = captioner.tokenizer
    with pytest.raises(ValueError, match="'captioner_tony'. Did you mean 'captioner_"):
        zoo.ImageCaptioner.from_preset("captioner_tony", tokenizer)
    with pytest.raises(ValueError, match="needs tokenizer="):
        zoo.ImageCaptioner.from_preset("captioner_tiny")
    with pytest.raises(ValueError, match="an image_encoder and patch_size"):
        zoo.ImageCaptioner.from_preset(
            "captioner_tiny", tokenizer, image_encoder=network(), patch_size=8
        )
    with pytest.raises(ValueError, match="tokenizer does not fit.*has 290 tokens"):
        zoo.ImageCaptioner(
            zoo.presets.captioning_model("captioner_tiny", 300), tokenizer
        )
    with pytest.raises(TypeError, match="takes a zoo.CaptioningModel, got int"):
        zoo.ImageCaptioner(3, tokenizer)
    with pytest.raises(ValueError, match=r"any size.*input_shape="):
        zoo.ImageCaptioner.from_preset(
            "captioner_tiny", tokenizer, image_encoder=network((None, None, 3))
        )


def network(shape=(16, 32, 3)):
    """A small convolutional network, as keras.applications has large ones."""
    images = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(12, 4, strides=4, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(images, x, name="network")


@pytest.mark.parametrize(
    "trainable", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_another_network_reads_the_images(captioner, trainable, tmp_path):
    encoder = network()
    encoder.trainable = trainable
    other = zoo.ImageCaptioner.from_preset(
        "captioner_tiny",
        captioner.tokenizer,
        image_encoder=encoder,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_length=12,
    )
    before = encoder.get_weights()
    other.model.fit(other.batches(examples()), shuffle=False, verbose=0)
    pairs = zip(before, encoder.get_weights(), strict=True)
    changed = [not np.array_equal(old, new) for old, new in pairs]
    assert all(changed) if trainable else not any(changed)
    assert other.explain(IMAGES[0])["attention"].shape[1:] == (4, 8)
    other.save_to_preset(tmp_path)
    again = zoo.ImageCaptioner.from_preset(tmp_path)
    assert again.model.image_encoder.trainable is trainable
    assert again.generate(IMAGES[0]) == other.generate(IMAGES[0])
