"""The model of each task as the checkpoints of each model type have it."""

import re

from zoo.interop.hugging_face_labels import label_config, label_options
from zoo.models import (
    ClassificationModel,
    LabellingModel,
    MaskedLanguageModel,
    TextEncoder,
)

# The activation of the dense layer before a text classifier's last one, ...
CLASSIFIER_POOLERS = {
    "bert": "tanh",
    "distilbert": "relu",
    "electra": "gelu",
    "roberta": "tanh",
}
# ... and of the one that any checkpoint of these may hold, whether it is read or not.
_POOLERS = {"bert": "tanh", "roberta": "tanh"}
# Types whose head of a masked language model has this whatever hidden_act is.
_GELU_HEADS = ("electra", "roberta")
_PAIRS = "zoo_pairs"  # transformers keeps it and has no word of its own for it
_ENDS = {
    "TextEmbedder": "Model",
    "MaskedLM": "ForMaskedLM",
    "TextClassifier": "ForSequenceClassification",
    "TokenClassifier": "ForTokenClassification",
}
_CLASSES = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "electra": "Electra",
    "roberta": "Roberta",
}


def task_of(config):
    """What a `config.json` describes: `(model_type, task_name)`."""
    model_type = config.text("model_type")
    if model_type not in _CLASSES:
        raise ValueError(
            f"{config.path} is of the model type {model_type!r:.60}, which is not "
            f"supported. Supported: {', '.join(_CLASSES)}."
        )
    known = _architectures(model_type)
    names = config.get("architectures", [_CLASSES[model_type] + "Model"])
    # What stands there may be no string, and then not to be looked up.
    if not (isinstance(names, list) and len(names) == 1 and names[0] in list(known)):
        raise ValueError(
            f"{config.path} has architectures = {names!r:.100}, but one of these is "
            f"needed: {', '.join(known)}."
        )
    return model_type, known[names[0]]


def _architectures(model_type):
    """`{architecture: task_name}`"""
    known = {_CLASSES[model_type] + end: task for task, end in _ENDS.items()}
    if model_type == "bert":
        known["BertForPreTraining"] = "MaskedLM"
    if model_type == "electra":  # the discriminator, of which the encoder is of use
        known["ElectraForPreTraining"] = "TextEmbedder"
    return known


def task_options(config, task_name):
    """What a `config.json` says about a task beside its model."""
    if task_name in ("TextClassifier", "TokenClassifier"):
        options = label_options(config)
        if task_name == "TextClassifier":
            return {**options, "pairs": config.flag(_PAIRS, False)}
        if options["multi_label"]:
            raise ValueError(
                f"{config.path} has problem_type = 'multi_label_classification', which "
                "is not supported for labels of tokens."
            )
        return {"labels": options["labels"]}
    if task_name == "MaskedLM" and config.flag("tie_word_embeddings", True) is False:
        raise ValueError(
            f"{config.path} has tie_word_embeddings = false. Models whose output is "
            "not tied to the embeddings are not supported."
        )
    return {}


def make_model(config, model_type, task_name, arguments, tensors, options):
    """The model of a task, built, its weights still random.

    Args:
        config: `JsonFile`.
        model_type, task_name: str, from `task_of`.
        arguments: dict, of the `TextEncoder`.
        tensors: `{name: array}`; their names say whether there is a pooler, and
            whether next sentences are predicted.
        options: dict, from `task_options`.
    """
    activation = _POOLERS.get(model_type)
    if task_name == "TextClassifier":
        activation = CLASSIFIER_POOLERS[model_type]
    elif not any(name.endswith("pooler.dense.weight") for name in tensors):
        activation = None
    encoder = TextEncoder(**arguments, pooler=activation)
    if task_name == "TextEmbedder":
        model = encoder
    elif task_name == "MaskedLM":
        _check_activation(config.path, model_type, encoder)
        has_next = "cls.seq_relationship.weight" in tensors
        model = MaskedLanguageModel(encoder, next_sentence=has_next)
    else:
        kinds = {"TextClassifier": ClassificationModel}
        model_class = kinds.get(task_name, LabellingModel)
        dropout = _head_dropout(config, model_type, task_name, encoder.dropout)
        model = model_class(encoder, len(options["labels"]), dropout=dropout)
    model.build()
    return model


def left_out(model_type, task_name, prefix):
    """Patterns of the tensors that may be there and are not imported."""
    patterns = [re.escape(prefix) + r"embeddings\.position_ids"]
    if (model_type, task_name) == ("roberta", "TextClassifier"):
        patterns.append(r"roberta\.pooler\.dense\.(weight|bias)")  # its head reads none
    if (model_type, task_name) == ("electra", "TextEmbedder"):
        patterns.append(r"discriminator_predictions\..*")
    return patterns


def head_config(model, model_type, task_name, options):
    """The part of a `config.json` that describes a head, and the architecture."""
    encoder = model if task_name == "TextEmbedder" else model.encoder
    _check_pooler(encoder, model_type, task_name)
    name = _CLASSES[model_type] + _ENDS[task_name]
    if task_name == "MaskedLM":
        _check_activation("The model", model_type, encoder)
        if model.next_sentence is not None:
            if model_type != "bert":
                raise ValueError(
                    f"A checkpoint of the type {model_type!r} cannot hold a "
                    "MaskedLanguageModel with next_sentence=True. save_to_preset can."
                )
            name = "BertForPreTraining"
    config = {"architectures": [name]}
    if task_name in ("TextClassifier", "TokenClassifier"):
        classes = model.classifier.units
        if len(options["labels"]) != classes:
            raise ValueError(
                f"There are {len(options['labels'])} labels for a model of {classes} "
                "classes. Pass one label for each."
            )
        if options.get("pairs", False):
            config[_PAIRS] = True
        multi_label = options.get("multi_label", False)
        config |= label_config(options["labels"], multi_label, task_name)
        if model_type != "distilbert":
            config["classifier_dropout"] = model.dropout.rate
        elif task_name == "TextClassifier":
            config["seq_classif_dropout"] = model.dropout.rate
    return config


def _head_dropout(config, model_type, task_name, otherwise):
    if model_type != "distilbert":
        return config.number("classifier_dropout", default=otherwise)
    if task_name == "TextClassifier":
        return config.number("seq_classif_dropout", default=0.2)
    return otherwise


def _check_activation(name, model_type, encoder):
    if model_type in _GELU_HEADS and encoder.activation != "gelu":
        raise ValueError(
            f"{name} has the activation {encoder.activation!r}. A masked language "
            f"model of the type {model_type!r} is supported with 'gelu' only, which "
            "its head always has."
        )


def _check_pooler(encoder, model_type, task_name):
    allowed = {None, _POOLERS.get(model_type)}
    if task_name == "TextClassifier":
        allowed = {CLASSIFIER_POOLERS[model_type]}
    found = encoder.get_config()["pooler"]
    if found not in allowed:
        raise ValueError(
            f"A {task_name} of the type {model_type!r} cannot hold a TextEncoder with "
            f"pooler={found!r}, only with {' or '.join(map(repr, allowed))}. "
            "save_to_preset can."
        )
