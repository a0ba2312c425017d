"""Folders of versions, as TensorFlow Serving watches them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import export


def write(folder):
    """A model that doubles numbers; returns the path of its version."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    endpoints = {
        "serving_default": (
            lambda x: {"y": model(x)},
            [tf.TensorSpec([None, 1], tf.float32, name="x")],
        )
    }
    return export.write_saved_model(folder, model, endpoints, {"x": np.ones((1, 1))})


def test_versions_count_up_and_a_failed_export_leaves_the_others(tmp_path, monkeypatch):
    (tmp_path / "7").mkdir()

    def fail(*arguments, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(export, "_write_warmup", fail)
    for folder in (tmp_path, tmp_path / "new" / "artifact"):
        with pytest.raises(OSError, match="No space left"):
            write(folder)
        assert [path.name for path in tmp_path.iterdir()] == ["7"]
    monkeypatch.undo()
    assert write(tmp_path) == str(tmp_path / "8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7", "8"]
    served = tf.saved_model.load(str(tmp_path / "8")).signatures["serving_default"]
    assert served(x=tf.constant([[3.0]]))["y"].numpy().tolist() == [[6.0]]


def test_a_number_that_another_process_took_meanwhile_is_left_to_it(
    tmp_path, monkeypatch
):
    assert write(tmp_path) == str(tmp_path / "1")
    number = iter([1, 2])
    monkeypatch.setattr(export, "_next_version", lambda _: next(number))
    assert write(tmp_path) == str(tmp_path / "2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_endpoints_are_traced_once_and_weights_written_once(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    calls = []

    def answer(x):
        calls.append(x)
        return {"y": model(x)}

    spec = [tf.TensorSpec([None, 2], tf.float32, name="x")]
    endpoints = {"serving_default": (answer, spec), "other": (answer, spec)}
    version = export.write_saved_model(
        tmp_path, model, endpoints, {"x": np.ones((1, 2))}
    )
    assert len(calls) == len(endpoints)
    saved = tf.train.load_checkpoint(f"{version}/variables/variables")
    shapes = saved.get_variable_to_shape_map()
    assert sorted(shape for shape in shapes.values() if shape) == [[2, 3], [3]]
    loaded = tf.saved_model.load(version)
    assert [tuple(variable.shape) for variable in loaded.variables] == [(2, 3), (3,)]
