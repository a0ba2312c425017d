import json

import numpy as np
import pytest
import tensorflow as tf

from tests.on_backend import run_on
from tests.tasks.test_translator import LONG, TEXTS

PROGRAM = """
import json, sys
import keras, zoo
from tests.tasks.conftest import LINES, pairs
translator = zoo.Translator.from_preset(sys.argv[1])
texts = json.loads(sys.argv[2])
answers, scores = translator.generate(texts, num_beams=2, return_scores=True)
samples = translator.generate(texts, temperature=2.0, seed=1)
explained = translator.explain(texts[0])
batches = translator.batches(pairs(LINES), batch_tokens=1024).take(2)
translator.model.compile(keras.optimizers.Adam(0.05), translator.model.loss)
history = translator.model.fit(batches, shuffle=False, verbose=0).history
after = translator.generate(texts, num_beams=2)
version = translator.export(sys.argv[1] + "/export", num_beams=2)
try:
    translator.export(sys.argv[1] + "/config.json")
    refused = ""
except RuntimeError as error:
    refused = str(error)
print(json.dumps({
    "backend": keras.backend.backend(), "answers": answers, "scores": scores,
    "samples": samples, "pieces": explained["target_pieces"], "refused": refused,
    "version": version,
    "loss": history["loss"][0], "after": after,
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_reads_it_answers_alike_trains_on_and_exports(
    translator, backend, tmp_path
):
    translator.save_to_preset(tmp_path)
    texts = [*TEXTS, LONG, ""]
    output = run_on(backend, "-c", PROGRAM, tmp_path, json.dumps(texts))
    found = json.loads(output.splitlines()[-1])
    assert found["backend"] == backend
    answers, scores = translator.generate(texts, num_beams=2, return_scores=True)
    assert found["answers"] == answers
    np.testing.assert_allclose(found["scores"], scores, atol=1e-4)
    assert found["samples"] == translator.generate(texts, temperature=2.0, seed=1)
    assert found["pieces"] == translator.explain(texts[0])["target_pieces"]
    assert np.isfinite(found["loss"])
    assert found["after"] != answers
    assert found["version"] == f"{tmp_path}/export/1"
    served = tf.saved_model.load(found["version"]).signatures["serving_default"]
    translations = served(text=tf.constant(texts))["translation"].numpy()
    assert [text.decode() for text in translations] == found["after"]
    assert "The export folder" in found["refused"]
    assert "cannot be written" in found["refused"]
