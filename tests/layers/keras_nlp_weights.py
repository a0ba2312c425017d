"""Copies the weights of our blocks into KerasNLP's layers, by name."""

_OUR_NAMES = {
    "attention_layer/": "attention/",
    "attention_layer_norm/": "attention_norm/",
    "/attention_output/": "/output/",
    "feedforward_layer_norm/": "feed_forward_norm/",
    "feedforward_intermediate_dense/": "feed_forward/expand/",
    "feedforward_output_dense/": "feed_forward/contract/",
}


def copy_to_keras_nlp(ours, theirs):
    values = {w.path.removeprefix(ours.path): w.numpy() for w in ours.weights}
    for weight in theirs.weights:
        name = weight.path.removeprefix(theirs.path)
        for their_part, our_part in _OUR_NAMES.items():
            name = name.replace(their_part, our_part)
        weight.assign(values.pop(name).reshape(weight.shape))
    assert not values, f"KerasNLP's layer has no {sorted(values)}"
