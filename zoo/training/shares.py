"""What each process trains of a batch."""

from zoo.training.distribution import num_processes, num_replicas, process_index

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None


def share_of(data):
    """Gives this process its rows of each batch, as many as every other.

    Every process makes the same batches and takes other rows of them, so that none is
    trained twice. Rows are filled up to a multiple of the replicas by copies of the
    last one with weight 0; the others' weights grow so that they keep their mean of 1
    over the batch, and the loss stays the mean over what counts in all replicas.

    Args:
        data: tf.data.Dataset of (inputs, labels[, sample_weight]), rows first, or what
            else `model.fit` takes; that is only taken where there is one replica.
    """
    replicas = num_replicas()
    if replicas == 1:
        return data
    if tf is None or not isinstance(data, tf.data.Dataset):
        raise ValueError(
            f"{replicas} devices train together, and the data are a "
            f"{type(data).__name__}, whose batches nobody can split. Give a "
            "tf.data.Dataset, or train with distribute='none'."
        )
    processes, index = num_processes(), process_index()

    def share(inputs, labels, weight=None):
        rows = tf.shape(tf.nest.flatten(inputs)[0])[0]
        most = -(-rows // replicas) * replicas
        mine = tf.range(most // processes * index, most // processes * (index + 1))
        is_real = mine < rows
        mine = tf.minimum(mine, rows - 1)
        scale = tf.where(is_real, tf.cast(most / rows, tf.float32), 0.0)

        def weighted(weight):
            places = [-1] + [1] * (weight.shape.rank - 1)
            return tf.gather(weight, mine) * tf.reshape(scale, places)

        inputs, labels = tf.nest.map_structure(
            lambda x: tf.gather(x, mine), (inputs, labels)
        )
        if weight is None:
            return inputs, labels, scale
        return inputs, labels, tf.nest.map_structure(weighted, weight)

    return data.map(share)
