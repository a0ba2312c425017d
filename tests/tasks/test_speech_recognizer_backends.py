"""A recogniser on JAX: the same transcripts, from the same folder, and it trains."""

import json

import numpy as np
import pytest

from tests.on_backend import run_on
from tests.tasks.spoken import RATE, sung, untrained_recognizer

PROGRAM = """
import json, sys
import keras, zoo
from tests.tasks.spoken import RATE, examples, sung
recognizer = zoo.SpeechRecognizer.from_preset(sys.argv[1])
sounds = [sung(["low", "high"]), sung(["mid"] * 60)]
options = {"sample_rate_hz": RATE, "return_scores": True}
beams = recognizer.generate(sounds, num_beams=2, **options)
best_path = recognizer.generate(sounds, ctc=True, **options)
times = recognizer.word_times(sounds[0], sample_rate_hz=RATE, ctc=True)
batches = recognizer.batches(examples(20), max_length=64)
history = recognizer.model.fit(batches, shuffle=False, verbose=0).history
after = recognizer.generate(sounds, num_beams=2, **options)
print(json.dumps({
    "backend": keras.backend.backend(), "beams": beams, "best_path": best_path,
    "times": times, "loss": history["loss"][0], "changed": after[1],
}))
"""


@pytest.mark.slow
def test_jax_reads_it_hears_alike_and_trains_on(tmp_path):
    recognizer = untrained_recognizer()
    recognizer.save_to_preset(tmp_path)
    output = run_on("jax", "-c", PROGRAM, tmp_path)
    found = json.loads(output.splitlines()[-1])
    assert found["backend"] == "jax"
    sounds = [sung(["low", "high"]), sung(["mid"] * 60)]
    options = {"sample_rate_hz": RATE, "return_scores": True}
    for name, search in {"beams": {"num_beams": 2}, "best_path": {"ctc": True}}.items():
        transcripts, scores = recognizer.generate(sounds, **search, **options)
        assert found[name][0] == transcripts
        np.testing.assert_allclose(found[name][1], scores, atol=1e-4)
    times = recognizer.word_times(sounds[0], sample_rate_hz=RATE, ctc=True)
    assert found["times"] == times
    assert np.isfinite(found["loss"])
    assert found["changed"] != found["beams"][1]
