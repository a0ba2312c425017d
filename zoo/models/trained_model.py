"""What all models that `fit` trains share."""

import keras


class TrainedModel(keras.Model):
    """Abstract: a keras.Model whose variables are all there before its first step.

    Where a step makes those of the optimizer, the metrics and the losses, TensorFlow
    traces it twice, each variable with a branch that sets it: the first step of a
    speech model took a minute, and takes two thirds of it.
    """

    def fit(self, x=None, *arguments, **options):
        # Keras does as much on other backends and with a tf.distribute.Strategy.
        alone_on_tensorflow = getattr(self, "_distribute_strategy", self) is None
        if alone_on_tensorflow and hasattr(x, "element_spec"):  # a tf.data.Dataset
            self._symbolic_build(data_batch=x.element_spec)
        return super().fit(x, *arguments, **options)
