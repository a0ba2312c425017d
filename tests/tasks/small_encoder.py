"""Sizes of an encoder that learns a dozen lines in seconds."""

SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
