"""A `config.json` of Hugging Face to the arguments of a `TextEncoder`, and back."""

# Bounds of what a config may ask for; the file of weights bounds it again.
MOST = {
    "vocab_size": 10_000_000,
    "layers": 1_000,
    "heads": 1_024,
    "features": 100_000,
    "positions": 1_000_000,
    "segments": 1_024,
}

# Keys of the sizes, where they differ.
_KEYS = {
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "activation": "hidden_act",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
}
_DISTILBERT_KEYS = {
    "num_layers": "n_layers",
    "num_heads": "n_heads",
    "hidden_dim": "dim",
    "intermediate_dim": "hidden_dim",
    "activation": "activation",
    "dropout": "dropout",
    "attention_dropout": "attention_dropout",
}
# Transformers' names of what `FeedForward` has; the first of each is written.
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
# What has one meaning here, and its only value.
_FIXED = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "is_encoder_decoder": False,
    "add_cross_attention": False,
}
_DISTILBERT_EPSILON = 1e-12  # it has no option for it


def encoder_arguments(config, model_type):
    """Arguments of the `TextEncoder` that a config describes; all but the pooler."""
    _check_options(config)
    keys = _DISTILBERT_KEYS if model_type == "distilbert" else _KEYS

    def size(name, most):
        return config.integer(keys[name], lowest=1, highest=MOST[most])

    arguments = {
        "vocabulary_size": config.integer(
            "vocab_size", lowest=1, highest=MOST["vocab_size"]
        ),
        "num_layers": size("num_layers", "layers"),
        "num_heads": size("num_heads", "heads"),
        "hidden_dim": size("hidden_dim", "features"),
        "intermediate_dim": size("intermediate_dim", "features"),
        **{
            name: config.number(keys[name], highest=0.99, default=0.1)
            for name in ("dropout", "attention_dropout")
        },
        "activation": _activation(config, keys["activation"]),
        "norm_epsilon": config.number("layer_norm_eps", default=1e-12),
        "use_key_bias": True,
        **_embedding_arguments(config, model_type),
    }
    if arguments["hidden_dim"] % arguments["num_heads"]:
        raise ValueError(
            f"{config.path} has {keys['hidden_dim']} = {arguments['hidden_dim']}, "
            f"which {keys['num_heads']} = {arguments['num_heads']} does not divide."
        )
    if model_type == "distilbert":
        arguments["norm_epsilon"] = _DISTILBERT_EPSILON
    return arguments


def encoder_config(encoder, model_type):
    """The part of a `config.json` that describes a `TextEncoder`."""
    _check_encoder(encoder, model_type)
    keys = _DISTILBERT_KEYS if model_type == "distilbert" else _KEYS
    block = encoder.encoder.blocks[0]
    names = {ours: theirs for theirs, ours in reversed(_ACTIVATIONS.items())}
    config = {
        "model_type": model_type,
        "vocab_size": encoder.vocabulary_size,
        "max_position_embeddings": encoder.first_position + encoder.max_length,
        "pad_token_id": encoder.pad_token_id,
        keys["num_layers"]: encoder.num_layers,
        keys["num_heads"]: encoder.num_heads,
        keys["hidden_dim"]: encoder.hidden_dim,
        keys["intermediate_dim"]: encoder.intermediate_dim,
        keys["activation"]: names[block.feed_forward.activation],
        keys["dropout"]: encoder.dropout,
        keys["attention_dropout"]: encoder.attention_dropout,
        "dtype": "float32",
    }
    if model_type != "distilbert":
        config["type_vocab_size"] = encoder.num_segments
        config["layer_norm_eps"] = encoder.norm_epsilon
    if model_type == "electra":
        config["embedding_size"] = encoder.embedding_dim
    if model_type == "roberta":
        config |= {"bos_token_id": 0, "eos_token_id": 2}
    return config


def least_parameters(arguments):
    """A number of weights that an encoder of these arguments has at the least."""
    hidden, intermediate = arguments["hidden_dim"], arguments["intermediate_dim"]
    block = 4 * hidden * hidden + 2 * hidden * intermediate
    tables = ("vocabulary_size", "max_length", "num_segments")
    rows = sum(arguments[key] for key in tables)
    return rows * arguments["embedding_dim"] + arguments["num_layers"] * block


def _embedding_arguments(config, model_type):
    positions = config.integer(
        "max_position_embeddings", lowest=1, highest=MOST["positions"]
    )
    pad = config.integer(
        "pad_token_id", highest=MOST["vocab_size"], default=int(model_type == "roberta")
    )
    first = pad + 1 if model_type == "roberta" else 0
    if first >= positions:
        raise ValueError(
            f"{config.path} has max_position_embeddings = {positions}, of which the "
            f"first {first} lie unused, so that none is left for tokens."
        )
    segments, key = 0, "dim"
    if model_type != "distilbert":
        segments = config.integer(
            "type_vocab_size", lowest=1, highest=MOST["segments"], default=2
        )
        key = "embedding_size" if model_type == "electra" else "hidden_size"
    return {
        "max_length": positions - first,
        "embedding_dim": config.integer(key, lowest=1, highest=MOST["features"]),
        "num_segments": segments,
        "pad_token_id": pad,
        "first_position": first,
    }


def _activation(config, key):
    name = config.text(key, default="gelu")
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"{config.path} has {key} = {name!r:.40}, which is not supported. "
            f"Supported: {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


def _check_options(config):
    for key, only in _FIXED.items():
        if (value := config.get(key, only)) != only:
            raise ValueError(
                f"{config.path} has {key} = {value!r:.40}, which is not supported: "
                f"only {only!r} is."
            )
    for key in ("pruned_heads", "quantization_config"):
        if config.get(key):
            raise ValueError(
                f"{config.path} has {key}, which is not supported. Load a checkpoint "
                "without it."
            )


def _check_encoder(encoder, model_type):
    """Says what a model type cannot hold of an encoder."""
    block = encoder.encoder.blocks[0]
    wrong = {
        "positions": encoder.positions != "learned",
        "norm_first": encoder.norm_first,
        "activation": block.feed_forward.activation not in _ACTIVATIONS.values(),
        "num_segments": bool(encoder.num_segments) == (model_type == "distilbert"),
        "embedding_dim": encoder.embedding_dim != encoder.hidden_dim
        and model_type != "electra",
        "first_position": encoder.first_position
        != (encoder.pad_token_id + 1 if model_type == "roberta" else 0),
        "norm_epsilon": model_type == "distilbert"
        and encoder.norm_epsilon != _DISTILBERT_EPSILON,
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(
                f"A checkpoint of the type {model_type!r} cannot hold a TextEncoder "
                f"with {name}={getattr(encoder, name)!r}. save_to_preset can."
            )
