"""Training is compiled by XLA where it helps, and where it can be."""

import tensorflow as tf

from zoo.tasks import should_jit_compile


def test_training_is_compiled_by_xla_on_one_gpu_only(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert should_jit_compile() is False
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert should_jit_compile() == "auto"
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        assert should_jit_compile() is False
