"""A captioner on JAX: the same captions, from the same folder, and it trains."""

import json

import numpy as np
import pytest

from tests.on_backend import run_on
from tests.tasks.captioned import PAIRS, examples

PROGRAM = """
import json, sys
import keras, zoo
from tests.tasks.captioned import PAIRS, examples, picture, written
captioner = zoo.ImageCaptioner.from_preset(sys.argv[1])
images = [written(picture(*pair)) for pair in PAIRS[:5]] + [b"broken"]
captions, scores = captioner.generate(images, num_beams=2, return_scores=True)
explained = captioner.explain(images[0])
batches = captioner.batches(examples()).repeat(3)
history = captioner.model.fit(batches, shuffle=False, verbose=0).history
print(json.dumps({
    "backend": keras.backend.backend(), "captions": captions, "scores": scores,
    "pieces": explained["target_pieces"], "shape": explained["attention"].shape,
    "loss": history["loss"][0],
    "changed": captioner.generate(images[:5], num_beams=1, return_scores=True)[1],
}))
"""


@pytest.mark.slow
def test_jax_reads_it_captions_alike_and_trains_on(captioner, tmp_path):
    captioner.save_to_preset(tmp_path)
    output = run_on("jax", "-c", PROGRAM, tmp_path)
    found = json.loads(output.splitlines()[-1])
    assert found["backend"] == "jax"
    images = [e["image"] for e in examples().take(5).as_numpy_iterator()]
    assert len(images) == len(PAIRS[:5])
    captions, scores = captioner.generate(images, num_beams=2, return_scores=True)
    assert found["captions"] == [*captions, ""]
    np.testing.assert_allclose(found["scores"], [*scores, 0.0], atol=1e-4)
    explained = captioner.explain(images[0])
    assert found["pieces"] == explained["target_pieces"]
    assert tuple(found["shape"]) == explained["attention"].shape
    assert np.isfinite(found["loss"])
    assert not np.allclose(found["changed"], scores)
