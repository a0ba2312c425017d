"""The SavedModel of a captioner: bytes in, the captions of the task out."""

import base64
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.tasks.captioned import PAIRS, picture, written
from tests.tasks.test_image_captioner import BROKEN, IMAGES

# Runs in a process of its own, with nothing but tensorflow and tensorflow_text.
CLIENT = """
import base64, json, sys
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
images = [base64.b64decode(image) for image in json.load(sys.stdin)]
answer = model.signatures["serving_default"](image_bytes=tf.constant(images))
found = sorted({name.split(".")[0] for name in sys.modules} & {"zoo", "keras_nlp"})
print(json.dumps({
    "caption": [text.decode() for text in answer["caption"].numpy()],
    "score": answer["score"].numpy().tolist(),
    "error": [text.decode() for text in answer["error"].numpy()],
    "found": found,
}))
"""


def cases():
    """Every kind of file, by name."""
    image = picture("red", "blue", 64, 40)
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = image.convert("RGBA")
    clear.putalpha(128)
    deep = np.linspace(0, 65535, 64 * 40).reshape(40, 64).astype("uint16")
    return {
        "png": written(image),
        "jpeg": written(image, "JPEG"),
        "progressive": written(image, "JPEG", progressive=True),
        "grey jpeg": written(image.convert("L"), "JPEG"),
        "grey png": written(image.convert("L")),
        "cmyk": written(image.convert("CMYK"), "JPEG"),
        "transparent": written(clear),
        "palette": written(image.convert("P")),
        "16 bits": written(Image.fromarray(deep)),
        "turned": written(image, "JPEG", exif=turned),
        "one pixel": written(image.resize((1, 1))),
        "wide": written(image.resize((10_000, 3))),
        "broken": BROKEN,
        "huge": huge(),
        "empty": b"",
    }


def huge():
    """A PNG whose header alone says 50,000 x 50,000."""
    data = bytearray(written(picture("red", "blue")))
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    return bytes(data)


@pytest.fixture(scope="module")
def served(captioner_export):
    return tf.saved_model.load(captioner_export)


@pytest.mark.slow
def test_a_process_without_zoo_gives_the_captions_of_the_task(
    captioner, captioner_export, tmp_path
):
    images = list(cases().values())
    result = subprocess.run(
        [sys.executable, "-c", CLIENT, captioner_export],
        input=json.dumps([base64.b64encode(image).decode() for image in images]),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    captions, scores = captioner.generate(images, num_beams=3, return_scores=True)
    assert answer["caption"] == captions
    np.testing.assert_allclose(answer["score"], scores, atol=1e-4)
    assert answer["found"] == []
    errors = dict(zip(cases(), answer["error"], strict=True))
    assert [name for name, error in errors.items() if error] == [
        *("broken", "huge", "empty")
    ]
    assert "50000 x 50000 pixels; at most 100,000,000" in errors["huge"]
    assert captions[0] == "red before blue"


def test_n_best_equals_the_task(captioner, served):
    images = [*IMAGES[:2], BROKEN]
    answer = served.signatures["n_best"](image_bytes=tf.constant(images))
    captions, scores = captioner.generate(
        images, num_beams=3, num_return_sequences=3, return_scores=True
    )
    found = [[text.decode() for text in row] for row in answer["captions"].numpy()]
    assert found == captions
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-4)
    assert found[2] == ["", "", ""]
    assert not answer["scores"][2].numpy().any()
    assert [bool(error) for error in answer["error"].numpy()] == [False, False, True]


def test_explain_equals_the_task(captioner, served):
    images = [IMAGES[0], BROKEN]
    answer = served.signatures["explain"](image_bytes=tf.constant(images))
    expected = captioner.explain(IMAGES[0], num_beams=3)
    assert answer["caption"].numpy().tolist() == [expected["caption"].encode(), b""]
    pieces = [piece.decode() for piece in answer["target_pieces"][0].numpy()]
    assert pieces == expected["target_pieces"]
    np.testing.assert_allclose(answer["attention"][0], expected["attention"], atol=1e-5)
    assert not answer["attention"][1].numpy().any()
    nothing = served.signatures["explain"](image_bytes=tf.constant([BROKEN]))
    assert nothing["attention"].shape == (1, 0, 2, 4)
    assert nothing["target_pieces"].shape == (1, 0)


def test_streaming_ends_with_the_greedy_caption(captioner, served):
    images = [IMAGES[0], BROKEN, IMAGES[3]]
    state = served.signatures["start"](image_bytes=tf.constant(images))
    seen = [state["caption"].numpy()]
    while not state["finished"].numpy().all():
        for name, tensor in state.items():
            assert tensor.shape[0] == len(images), name
        state = served.signatures["step"](**state)
        seen.append(state["caption"].numpy())
        assert len(seen) < 20
    expected = [captioner.generate(x, num_beams=1) for x in (IMAGES[0], IMAGES[3])]
    assert [text.decode() for text in seen[-1]] == [expected[0], "", expected[1]]
    assert state["error"][1].numpy() != b""
    for before, after in zip(seen, seen[1:], strict=False):
        assert after[0].decode().startswith(before[0].decode().rstrip("\ufffd"))


def test_every_number_of_images_is_answered(captioner, served):
    images = [written(picture(*pair)) for pair in PAIRS] * 4  # more than 64
    answer = served.signatures["serving_default"](image_bytes=tf.constant(images))
    expected = captioner.generate(images, num_beams=3)
    assert [text.decode() for text in answer["caption"].numpy()] == expected
    none = served.signatures["serving_default"](image_bytes=tf.zeros([0], tf.string))
    assert {name: x.shape for name, x in none.items()} == dict.fromkeys(
        ("caption", "score", "error"), (0,)
    )


def test_signatures_are_what_is_promised(captioner, served, captioner_export):
    assert set(served.signatures) == {
        *("serving_default", "n_best", "explain", "start", "step")
    }
    outputs = served.signatures["serving_default"].structured_outputs
    assert set(outputs) == {"caption", "score", "error"}
    warmup = os.path.join(captioner_export, "assets.extra/tf_serving_warmup_requests")
    assert os.path.getsize(warmup) > 0
