"""What is there before the first step of `fit`."""

import keras
import numpy as np
import pytest

from tests.models.test_dropout_in_fit import FAMILIES

tf = pytest.importorskip("tensorflow")
OF_TENSORFLOW = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it traces steps"
)


def compiled(family):
    """A model with an optimizer, losses and metrics, and an epoch of one batch."""
    make, inputs = FAMILIES[family]
    model = make()
    if not model.built:
        model.build()
    zeros = keras.tree.map_structure(
        lambda x: np.zeros(x.shape, "float32"), model(inputs)
    )
    same = keras.tree.map_structure(lambda _: "mse", zeros)
    metrics = same if isinstance(same, dict) else [same]
    model.compile("adam", loss=same, weighted_metrics=metrics)
    return model, tf.data.Dataset.from_tensors((inputs, zeros))


@OF_TENSORFLOW
@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the pooler
@pytest.mark.parametrize("family", ["translation", "speech", "labelling"])
def test_a_step_is_traced_once(family, monkeypatch):
    model, epoch = compiled(family)
    traces, train_step = [], model.train_step

    def counted(data):
        traces.append(data)
        return train_step(data)

    monkeypatch.setattr(model, "train_step", counted)
    model.fit(epoch, epochs=2, shuffle=False, verbose=0)
    assert len(traces) == 1


@OF_TENSORFLOW
def test_variables_of_a_strategy_are_made_in_its_scope():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model, epoch = compiled("translation")
    history = model.fit(epoch, epochs=2, shuffle=False, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
