"""What Hugging Face calls each weight of a model, for each model type."""

import operator
from typing import NamedTuple

import keras

from zoo.layers import LayerNorm


class Place(NamedTuple):
    """A weight and its name in a checkpoint.

    Attributes:
        name: str.
        variable: `keras.Variable`; None for a bias that the model goes without, which
            is written as zeros.
        shape: tuple, in the checkpoint.
        transposed: bool. PyTorch's dense layers hold `(output, input)`.
        copies: tuple of str. Other names under which the same numbers may be there,
            alone or beside `name`.
    """

    name: str
    variable: keras.Variable | None
    shape: tuple
    transposed: bool = False
    copies: tuple = ()


_EMBEDDINGS = {
    "token_embedding": "embeddings.word_embeddings",
    "segment_embedding": "embeddings.token_type_embeddings",
    "position_embedding": "embeddings.position_embeddings",
    "embedding_norm": "embeddings.LayerNorm",
    "embedding_projection": "embeddings_project",
}
_BLOCK = {
    "self_attention.query_projection": "attention.self.query",
    "self_attention.key_projection": "attention.self.key",
    "self_attention.value_projection": "attention.self.value",
    "self_attention.output_projection": "attention.output.dense",
    "self_attention_norm": "attention.output.LayerNorm",
    "feed_forward.expand": "intermediate.dense",
    "feed_forward.contract": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}
_DISTILBERT_BLOCK = {
    "self_attention.query_projection": "attention.q_lin",
    "self_attention.key_projection": "attention.k_lin",
    "self_attention.value_projection": "attention.v_lin",
    "self_attention.output_projection": "attention.out_lin",
    "self_attention_norm": "sa_layer_norm",
    "feed_forward.expand": "ffn.lin1",
    "feed_forward.contract": "ffn.lin2",
    "feed_forward_norm": "output_layer_norm",
}
# Of a masked language model: dense, norm, bias and its copy, copy of the embeddings.
_PREDICTIONS = {
    "bert": (
        "cls.predictions.transform.dense",
        "cls.predictions.transform.LayerNorm",
        "cls.predictions.bias",
        "cls.predictions.decoder.bias",
        "cls.predictions.decoder.weight",
    ),
    "distilbert": (
        "vocab_transform",
        "vocab_layer_norm",
        "vocab_projector.bias",
        None,
        "vocab_projector.weight",
    ),
    "electra": (
        "generator_predictions.dense",
        "generator_predictions.LayerNorm",
        "generator_lm_head.bias",
        None,
        "generator_lm_head.weight",
    ),
    "roberta": (
        "lm_head.dense",
        "lm_head.layer_norm",
        "lm_head.bias",
        "lm_head.decoder.bias",
        "lm_head.decoder.weight",
    ),
}
# Of a text classifier: the layer that pools and the one that scores; the first None
# where it is the encoder's own pooler.
_CLASSIFIER = {
    "bert": (None, "classifier"),
    "distilbert": ("pre_classifier", "classifier"),
    "electra": ("classifier.dense", "classifier.out_proj"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
}


def places(model_type, task_name, model, prefix):
    """All weights of a built model with their names in a checkpoint.

    >>> places("bert", "TextEmbedder", text_encoder, prefix="")[0].name
    "embeddings.word_embeddings.weight"

    Args:
        model_type: `"bert"`, `"distilbert"`, `"electra"` or `"roberta"`.
        task_name: `"TextEmbedder"`, `"TextClassifier"`, `"TokenClassifier"` or
            `"MaskedLM"`.
        model: that task's model: `TextEncoder`, `ClassificationModel`,
            `LabellingModel` or `MaskedLanguageModel`.
        prefix: str, such as `"bert."`, before what is the encoder's.

    Returns:
        list of `Place`.
    """
    encoder = model if task_name == "TextEmbedder" else model.encoder
    found = _encoder_places(model_type, encoder, prefix)
    pooler = prefix + "pooler.dense"
    if task_name == "TextClassifier":
        pools, scores = _CLASSIFIER[model_type]
        pooler = pools or pooler
        found += _layer_places(model.classifier, scores)
    if task_name == "TokenClassifier":
        found += _layer_places(model.classifier, "classifier")
    if task_name == "MaskedLM":
        found = _masked_places(model_type, model, found)
    if encoder.pooler is not None:
        found += _layer_places(encoder.pooler, pooler)
    return found


def _encoder_places(model_type, encoder, prefix):
    distilled = model_type == "distilbert"
    block_names = _DISTILBERT_BLOCK if distilled else _BLOCK
    stack = prefix + ("transformer.layer" if distilled else "encoder.layer")
    found = []
    for attribute, name in _EMBEDDINGS.items():
        if (layer := getattr(encoder, attribute)) is not None:
            found += _layer_places(layer, prefix + name)
    for number, block in enumerate(encoder.encoder.blocks):
        for attribute, name in block_names.items():
            layer = operator.attrgetter(attribute)(block)
            found += _layer_places(layer, f"{stack}.{number}.{name}")
    return found


def _masked_places(model_type, model, found):
    dense, norm, bias, bias_copy, embeddings_copy = _PREDICTIONS[model_type]
    tokens, *others = found
    copies = (bias_copy,) if bias_copy else ()
    found = [
        tokens._replace(copies=(embeddings_copy,)),
        *others,
        *_layer_places(model.transform, dense),
        *_layer_places(model.norm, norm),
        Place(bias, model.bias, tuple(model.bias.shape), copies=copies),
    ]
    if model.next_sentence is not None:
        found += _layer_places(model.next_sentence, "cls.seq_relationship")
    return found


def _layer_places(layer, name):
    """The weights of an embedding, a norm or a dense layer."""
    if isinstance(layer, LayerNorm):
        pairs = {"weight": layer.gamma, "bias": layer.beta}
        return [Place(f"{name}.{k}", v, tuple(v.shape)) for k, v in pairs.items()]
    if not isinstance(layer, keras.layers.Dense):
        table = layer.embeddings
        return [Place(f"{name}.weight", table, tuple(table.shape))]
    inputs, outputs = layer.kernel.shape
    return [
        Place(f"{name}.weight", layer.kernel, (outputs, inputs), transposed=True),
        Place(f"{name}.bias", layer.bias, (outputs,)),
    ]
