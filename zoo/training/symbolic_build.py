"""What Keras makes with a first batch, among TensorFlow's replicas."""


def build_from(model, specification):
    """Makes a model's metrics from the `tf.TensorSpec`s of a batch.

    Keras takes the mean of the replicas' first batches for that, and bool inputs, such
    as masks, have none.
    """
    model._symbolic_build(data_batch=specification)
    model._maybe_symbolic_build = _nothing


def _nothing(**what):
    """In place of what is done already."""
