"""A smaller graph gives the same answers."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from zoo.shared_nodes import share_equal_nodes


class Model(tf.Module):
    """What traced layers look like: shapes asked for again, a loop, random draws."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal([4, 4], seed=[1, 2]))

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def answer(self, x):
        def step(i, y):
            y = tf.reshape(y, [tf.shape(y)[0] * 2, 2])
            y = tf.reshape(y, [tf.shape(y)[0] // 2, 4])
            self.kernel.assign_add(tf.ones([4, 4]))
            return i + 1, tf.tanh(y @ self.kernel) + tf.ones([1, 4]) * 2.0

        for _ in range(9):
            x = tf.reshape(x, [tf.shape(x)[0] * 2, 2])
            x = tf.reshape(x, [tf.shape(x)[0] // 2, 4])
        _, y = tf.while_loop(lambda i, _: i < 3, step, [0, x])
        draws = [tf.random.uniform([5]), tf.random.uniform([5])]
        return {"y": y, "kernel": self.kernel.read_value(), "draws": tf.stack(draws)}


def num_nodes(directory):
    content = (directory / "saved_model.pb").read_bytes()
    library = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    return sum(len(function.node_def) for function in library.library.function)


def test_a_smaller_graph_gives_the_same(tmp_path):
    model = Model()
    tf.saved_model.save(model, str(tmp_path))
    before = num_nodes(tmp_path)
    share_equal_nodes(tmp_path)
    assert num_nodes(tmp_path) < 0.75 * before
    loaded = tf.saved_model.load(str(tmp_path))
    x = np.arange(12, dtype="float32").reshape(3, 4) / 10
    for _ in range(2):  # writes to variables stay, each in its turn
        expected, actual = model.answer(x), loaded.answer(x)
        np.testing.assert_array_equal(expected["y"], actual["y"])
        np.testing.assert_array_equal(expected["kernel"], actual["kernel"])


def test_random_draws_stay_apart(tmp_path):
    tf.saved_model.save(Model(), str(tmp_path))
    share_equal_nodes(tmp_path)
    loaded = tf.saved_model.load(str(tmp_path))
    first, second = loaded.answer(tf.ones([1, 4]))["draws"]
    assert np.all(first.numpy() != second.numpy())


def test_what_is_small_stays_as_it_is(tmp_path):
    tf.saved_model.save(Model(), str(tmp_path))
    share_equal_nodes(tmp_path)
    content = (tmp_path / "saved_model.pb").read_bytes()
    share_equal_nodes(tmp_path)
    assert (tmp_path / "saved_model.pb").read_bytes() == content
