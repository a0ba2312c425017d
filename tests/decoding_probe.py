"""Decodes on the backend that KERAS_BACKEND names: `test_decoding.py` compares.

python -m tests.decoding_probe OUTPUTS.npz
"""

import sys

import keras
import numpy as np

from tests.decoding_models import HistoryModel
from zoo.decoding import beam_search, greedy, sample

if keras.backend.backend() == "jax":
    import jax

START_IDS = np.array([0, 1, 3])
OPTIONS = {"max_length": 6, "end_id": 2}


def main(path):
    model = HistoryModel(9, vocabulary_size=12, max_length=6)

    def everything(start_ids):
        def run(function, cache, **options):
            return function(model.step, cache, start_ids, **OPTIONS, **options)

        shared = model.start_shared_cache(3, 3 * 6)
        one, three = model.start_cache(3), model.start_cache(9)
        return {
            "beam": run(beam_search, three, num_beams=3),
            "shared": run(beam_search, shared, num_beams=3, share_cache=True),
            "greedy": run(greedy, one),
            "sample": run(sample, one, seed=2, temperature=1.5),
            "nucleus": run(sample, one, seed=3, top_k=9, top_p=0.8),
        }

    if keras.backend.backend() == "jax":
        everything = jax.jit(everything)
    arrays = {}
    for name, results in everything(START_IDS).items():
        answers, scores = (keras.ops.convert_to_numpy(result) for result in results)
        arrays |= {f"{name}_answers": answers, f"{name}_scores": scores}
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
