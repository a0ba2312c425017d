"""How a model that is made of a `TextEncoder` says so in its config."""

from zoo.models.text_encoder import TextEncoder


def encoder_config(encoder):
    """The encoder's arguments, all plain values; its dtype is that of the model."""
    config = encoder.get_config()
    return {key: config[key] for key in config if key not in _NOT_SIZES}


def with_encoder(config):
    """A model's config with the encoder's arguments replaced by an encoder."""
    encoder = TextEncoder(**config["encoder"], dtype=config.get("dtype"))
    return {**config, "encoder": encoder}


_NOT_SIZES = ("name", "trainable", "dtype")
