"""Worker: KerasNLP's BertBackbone and its preprocessor, by `predict`.

The preprocessor pads every text to one length. Ours: that it is the model's 256 and
not its 512, the mean over real tokens, the weights of the checkpoint.
"""

from pathlib import Path

import keras
import keras_nlp
import tensorflow as tf
from keras import ops

from benchmarks.sizes import ENCODERS
from benchmarks.worker import serve
from benchmarks.workers.encoding import encodings
from benchmarks.workers.keras_fit import facts
from zoo.interop.weight_files import read_weights

# The layers of a block as the checkpoint calls them, in KerasNLP's order.
DENSE, NORM = ("weight", "bias"), ("LayerNorm.weight", "LayerNorm.bias")
BLOCK = {
    "attention.self.query": DENSE,
    "attention.self.key": DENSE,
    "attention.self.value": DENSE,
    "attention.output.dense": DENSE,
    "attention.output": NORM,
    "output": NORM,
    "intermediate.dense": DENSE,
    "output.dense": DENSE,
}
EMBEDDINGS = {
    "token_embedding": ["word_embeddings.weight"],
    "position_embedding": ["position_embeddings.weight"],
    "segment_embedding": ["token_type_embeddings.weight"],
    "embeddings_layer_norm": NORM,
}


def build(options):
    """Options: `model`, `size`, `max_length`, and those of `encodings`."""
    tokenizer = keras_nlp.models.BertTokenizer(
        str(Path(options["model"]) / "vocab.txt"), lowercase=True, strip_accents=True
    )
    preprocessor = keras_nlp.models.BertTextClassifierPreprocessor(
        tokenizer, sequence_length=options["max_length"]
    )
    preprocess = tf.function(
        preprocessor, input_signature=[tf.TensorSpec([None], tf.string)]
    )
    model = pooled(backbone(options, tokenizer.vocabulary_size()))

    def embed(texts):
        return model.predict(preprocess(tf.constant(texts)), verbose=0)

    versions = f"keras_nlp {keras_nlp.__version__}, {facts(model)['versions']}"
    return encodings(embed, options), {**facts(model), "versions": versions}


def backbone(options, vocabulary_size):
    """KerasNLP's encoder with the weights of a checkpoint."""
    arrays, _ = read_weights(options["model"])
    size = ENCODERS[options["size"]]
    encoder = keras_nlp.models.BertBackbone(
        vocabulary_size=vocabulary_size,
        num_layers=size.num_layers,
        num_heads=size.num_heads,
        hidden_dim=size.hidden_dim,
        intermediate_dim=size.intermediate_dim,
        max_sequence_length=len(arrays["embeddings.position_embeddings.weight"]),
    )
    names = {
        layer: [f"embeddings.{name}" for name in each]
        for layer, each in EMBEDDINGS.items()
    }
    for number in range(size.num_layers):
        names[f"transformer_layer_{number}"] = [
            f"encoder.layer.{number}.{part}.{name}"
            for part, each in BLOCK.items()
            for name in each
        ]
    for layer, each in names.items():
        _assign(encoder.get_layer(layer), [arrays[name] for name in each], each)
    return encoder


def _assign(layer, arrays, names):
    """A dense layer's weights are transposed there; heads have an axis of their own."""
    for weight, array, name in zip(layer.weights, arrays, names, strict=True):
        if array.ndim == 2 and "embeddings" not in name:
            array = array.T
        weight.assign(array.reshape(weight.shape))


def pooled(encoder):
    """The mean over real tokens, brought to length 1."""
    vectors = encoder.output["sequence_output"]
    mask = encoder.input["padding_mask"]
    real = ops.expand_dims(ops.cast(mask, "float32"), axis=-1)
    mean = ops.sum(vectors * real, axis=1) / ops.sum(real, axis=1)
    return keras.Model(encoder.input, keras.layers.UnitNormalization()(mean))


if __name__ == "__main__":
    serve(build)
