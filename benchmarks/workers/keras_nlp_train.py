"""Worker: a translation model of KerasNLP's layers, as its guide builds it.

The guide is "English-to-Spanish translation with KerasNLP": token and position
embedding, encoder, decoder, dropout, a dense layer with softmax, no padding
masks. Ours: the number of layers, the sizes, Adam instead of RMSprop.
"""

import keras
import keras_nlp

from benchmarks.sizes import SIZES
from benchmarks.worker import serve
from benchmarks.workers.keras_fit import facts, fit_repetitions, labelled


def translation_guide_model(size, vocabulary_size, max_length):
    """The guide's functional model, stacked to our number of layers."""
    options = {
        "intermediate_dim": size.intermediate_dim,
        "num_heads": size.num_heads,
        "dropout": size.dropout,
    }

    def embed(token_ids):
        return keras_nlp.layers.TokenAndPositionEmbedding(
            vocabulary_size=vocabulary_size,
            sequence_length=max_length,
            embedding_dim=size.hidden_dim,
        )(token_ids)

    source_ids = keras.Input((None,), dtype="int32", name="source_ids")
    memory = embed(source_ids)
    for _ in range(size.num_layers):
        memory = keras_nlp.layers.TransformerEncoder(**options)(memory)
    target_ids = keras.Input((None,), dtype="int32", name="target_ids")
    x = embed(target_ids)
    for _ in range(size.num_layers):
        x = keras_nlp.layers.TransformerDecoder(**options)(x, memory)
    x = keras.layers.Dropout(size.dropout)(x)
    outputs = keras.layers.Dense(vocabulary_size, activation="softmax")(x)
    inputs = {"source_ids": source_ids, "target_ids": target_ids}
    return keras.Model(inputs, outputs)


def build(options):
    """Options: `size`, `vocabulary_size`, `batches`, `steps`, `jit_compile`,
    `max_length`, `with_weights`."""
    keras.utils.set_random_seed(0)
    model = translation_guide_model(
        SIZES[options["size"]], options["vocabulary_size"], options["max_length"]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(1e-4),
        loss="sparse_categorical_crossentropy",
        jit_compile=options["jit_compile"],
    )
    batches = labelled(options["batches"], with_weights=options["with_weights"])
    return fit_repetitions(model, batches, options["steps"]), facts(model)


if __name__ == "__main__":
    serve(build)
