"""Training among TensorFlow's workers, where `model.fit` fails.

With `MultiWorkerMirroredStrategy` Keras 3 cannot make the iterator that its `fit` needs
(https://github.com/keras-team/keras/issues/20329). The steps are the model's own.
"""

import keras

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None


def needs_loop():
    """Whether this process is one of TensorFlow's workers."""
    if keras.backend.backend() != "tensorflow":
        return False
    strategy = tf.distribute.get_strategy()
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def fit_among_workers(
    model, data, *, initial_epoch, epochs, callbacks, verbose, shuffle
):
    """What `model.fit` does with a tf.data.Dataset of this worker's rows."""
    del shuffle  # a dataset has its order
    strategy = tf.distribute.get_strategy()
    rows = strategy.distribute_datasets_from_function(lambda context: data)

    @tf.function
    def train(batch):
        logs = strategy.run(model.train_step, args=(batch,))
        return {name: strategy.reduce("MEAN", x, axis=None) for name, x in logs.items()}

    steps = int(data.cardinality())
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
        callbacks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callbacks.on_train_end()
