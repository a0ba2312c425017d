"""Worker: CTranslate2 in fp32, a translator of our size with random weights."""

import os
import tempfile

import ctranslate2
import numpy as np
from ctranslate2.specs import transformer_spec

from benchmarks.sizes import SIZES
from benchmarks.worker import serve

SPECIAL_TOKENS = ["<unk>", "<s>", "</s>"]


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    num_tokens, vocabulary_size = options["num_tokens"], options["vocabulary_size"]
    tokens = [f"w{i}" for i in range(vocabulary_size - len(SPECIAL_TOKENS))]
    with tempfile.TemporaryDirectory() as folder:
        _write_model(
            folder, SIZES[options["size"]], SPECIAL_TOKENS + tokens, num_tokens
        )
        translator = ctranslate2.Translator(
            folder,
            device="cpu",
            compute_type="float32",
            inter_threads=1,
            intra_threads=os.cpu_count(),
        )
    draw = np.random.default_rng(0).integers(
        0, len(tokens), (options["batch"], num_tokens - 1)
    )
    sources = [[*(tokens[i] for i in row), "</s>"] for row in draw]

    def repeat():
        answers = translator.translate_batch(
            sources,
            beam_size=options["beams"],
            min_decoding_length=num_tokens,
            max_decoding_length=num_tokens,
            max_batch_size=0,  # as one batch
        )
        return sum(len(answer.hypotheses[0]) for answer in answers)

    return repeat, {"versions": f"ctranslate2 {ctranslate2.__version__}"}


def _write_model(folder, size, vocabulary, num_tokens):
    """A model file of CTranslate2, post-norm, ReLU, tied embeddings."""
    random = np.random.default_rng(0)
    dim = size.hidden_dim

    def normal(rows, columns):
        values = random.standard_normal((rows, columns), dtype="float32")
        return values * columns**-0.5

    def fill_dense(dense, rows, columns):
        dense.weight, dense.bias = normal(rows, columns), np.zeros(rows, "float32")

    def fill_norm(norm):
        norm.gamma, norm.beta = np.ones(dim, "float32"), np.zeros(dim, "float32")

    def fill_attention(attention, *first_rows):
        for dense, rows in zip(attention.linear, (*first_rows, dim), strict=True):
            fill_dense(dense, rows, dim)
        fill_norm(attention.layer_norm)

    def fill_feed_forward(feed_forward):
        fill_dense(feed_forward.linear_0, size.intermediate_dim, dim)
        fill_dense(feed_forward.linear_1, dim, size.intermediate_dim)
        fill_norm(feed_forward.layer_norm)

    spec = transformer_spec.TransformerSpec.from_config(
        size.num_layers, size.num_heads, pre_norm=False
    )
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        fill_attention(layer.self_attention, 3 * dim)
        fill_feed_forward(layer.ffn)
    for layer in spec.decoder.layer:
        fill_attention(layer.attention, dim, 2 * dim)
    table = normal(len(vocabulary), dim)
    for embeddings in (spec.encoder.embeddings[0], spec.decoder.embeddings):
        embeddings.weight, embeddings.multiply_by_sqrt_depth = table, True
    spec.decoder.projection.weight = table
    spec.decoder.projection.bias = np.zeros(len(vocabulary), "float32")
    for side in (spec.encoder, spec.decoder):
        side.position_encodings.encodings = normal(num_tokens + 2, dim)
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.validate()
    spec.optimize()
    spec.save(folder)


if __name__ == "__main__":
    serve(build)
