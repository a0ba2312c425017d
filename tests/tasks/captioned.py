"""Pictures of two colours, and a captioner that learns in seconds to name them."""

import io
import itertools

import keras
import tensorflow as tf
from PIL import Image

import zoo

COLOURS = ("red", "lime", "blue", "white", "black")
# One colour left of another.
PAIRS = list(itertools.permutations(COLOURS, 2))
CAPTIONS = [f"{a} before {b}" for a, b in PAIRS]


def picture(left, right, width=32, height=16):
    image = Image.new("RGB", (width, height), right)
    image.paste(Image.new("RGB", (width // 2, height), left))
    return image


def written(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def examples():
    return tf.data.Dataset.from_tensor_slices(
        {
            "image": [written(picture(*pair)) for pair in PAIRS],
            "captions": [[caption] for caption in CAPTIONS],
        }
    )


def trained_captioner():
    """Names both colours of nearly every picture; captions of at most 12 tokens."""
    keras.utils.set_random_seed(0)
    tokenizer = zoo.text.learn_tokenizer(CAPTIONS * 20, vocabulary_size=290)
    captioner = zoo.ImageCaptioner.from_preset(
        "captioner_tiny",
        tokenizer=tokenizer,
        image_encoder=zoo.ImageEncoder((16, 32), 8, 1, 2, 32, 64, 0.0),
        num_layers=1,
        num_heads=2,
        hidden_dim=32,
        intermediate_dim=64,
        dropout=0.0,
        max_length=12,
    )
    captioner.model.compile(
        keras.optimizers.Adam(5e-3),
        loss=zoo.losses.SmoothedCrossentropy(),
        jit_compile=False,
    )
    batches = captioner.batches(examples(), augmented=False)
    captioner.model.fit(batches.repeat(120), shuffle=False, verbose=0)
    return captioner
