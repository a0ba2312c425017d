"""Training among TensorFlow's workers, where `model.fit` fails.

With `MultiWorkerMirroredStrategy` Keras 3 cannot make the iterator that its `fit` needs
(https://github.com/keras-team/keras/issues/20329). The steps are the model's own.
"""

import keras

from zoo.training.distribution import num_processes, num_replicas

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None


def fit_among_workers(
    model, data, *, initial_epoch, epochs, callbacks, verbose, shuffle
):
    """What `model.fit` does with a tf.data.Dataset of this worker's rows."""
    del shuffle  # a dataset has its order
    strategy = tf.distribute.get_strategy()
    # As `fit` does: metrics are not made within a replica.
    model._symbolic_build(data_batch=data.element_spec)
    steps = int(data.cardinality())
    replicas = num_replicas() // num_processes()
    rows = strategy.distribute_datasets_from_function(
        lambda context: _for_each_replica(data, replicas)
    )

    @tf.function
    def train(batch):
        logs = strategy.run(model.train_step, args=(batch,))
        return {name: strategy.reduce("MEAN", x, axis=None) for name, x in logs.items()}

    callbacks = keras.callbacks.CallbackList(
        callbacks,
        add_progbar=bool(verbose),
        verbose=verbose,
        epochs=epochs,
        steps=steps if steps > 0 else None,
        model=model,
    )
    callbacks.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        for step, batch in enumerate(rows):
            callbacks.on_train_batch_begin(step)
            logs = {name: float(value) for name, value in train(batch).items()}
            callbacks.on_train_batch_end(step, logs)
        # Over all that was counted, not the mean of the replicas' means.
        logs = {name: float(x) for name, x in model.get_metrics_result().items()}
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end()


def _for_each_replica(data, replicas):
    """Splits each batch, whose rows are a multiple of the replicas, in so many."""
    if replicas == 1:
        return data

    def split(x):
        shape = tf.shape(x)
        share = shape[0] // replicas
        return tf.reshape(x, tf.concat([[replicas, share], shape[1:]], axis=0))

    return data.map(lambda *batch: tf.nest.map_structure(split, batch)).unbatch()
