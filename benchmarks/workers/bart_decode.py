"""Worker: KerasNLP's BART with its own compiled `generate`.

The encoder-decoder of KerasNLP that generates; BART differs from our model in
learned positions and GELU, not in its matrix products.
"""

import keras
import keras_nlp
import numpy as np
import tensorflow as tf

from benchmarks.sizes import SIZES
from benchmarks.worker import serve

START_ID = 2


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    keras.utils.set_random_seed(0)
    size, batch, beams = SIZES[options["size"]], options["batch"], options["beams"]
    num_tokens, vocabulary_size = options["num_tokens"], options["vocabulary_size"]
    model = keras_nlp.models.BartSeq2SeqLM(
        keras_nlp.models.BartBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=size.num_layers,
            num_heads=size.num_heads,
            hidden_dim=size.hidden_dim,
            intermediate_dim=size.intermediate_dim,
            max_sequence_length=num_tokens + 1,
        )
    )
    sampler = keras_nlp.samplers.BeamSampler(beams) if beams > 1 else "greedy"
    model.compile(sampler=sampler)
    inputs = _inputs(batch, num_tokens, vocabulary_size)

    def repeat():
        # No stop token: it generates up to the length of the decoder's ids.
        answers = model.generate(inputs, stop_token_ids=None)["decoder_token_ids"]
        return answers.shape[0] * (answers.shape[1] - 1)  # without the start token

    facts = {
        "parameters": model.count_params(),
        "versions": f"keras_nlp {keras_nlp.__version__}, tensorflow {tf.__version__}, "
        f"keras {keras.__version__}",
    }
    return repeat, facts


def _inputs(batch, num_tokens, vocabulary_size):
    source_ids = np.random.default_rng(0).integers(
        4, vocabulary_size, (batch, num_tokens), dtype="int32"
    )
    target_ids = np.zeros((batch, num_tokens + 1), "int32")
    target_ids[:, 0] = START_ID
    return {
        "encoder_token_ids": source_ids,
        "encoder_padding_mask": np.ones(source_ids.shape, bool),
        "decoder_token_ids": target_ids,
        "decoder_padding_mask": target_ids != 0,
    }


if __name__ == "__main__":
    serve(build)
