"""Several devices and several processes train as one does."""

import json
import os
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.on_backend import ROOT
from tests.training.tiny import Task, batches, tiny_model
from zoo import training
from zoo.losses import ContrastiveCrossentropy
from zoo.training import distribution, shares
from zoo.training.shares import share_of

# Twenty steps and more; clipping depends on the whole gradient.
CLIP = ("--clip", "0.1")
JAX = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    # Devices that wait for one another need a thread each.
    "NPROC": "16",
}


def start(folder, *arguments, **environment):
    command = [sys.executable, "-m", "tests.training.distributed", str(folder)]
    environment = {"KERAS_BACKEND": "tensorflow", **environment}
    return subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, code=0):
    """What a process printed, which is to end with a code."""
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == code, printed + errors
    return printed


def train(folder, *arguments, **environment):
    return finish(start(folder, *arguments, **environment))


def read(path):
    return np.array(json.loads(path.read_text()))


def assert_same_training(folder, expected):
    """Losses of the last steps to 1e-5, the epochs' accuracy, and the weights."""
    losses, wanted = (read(path / "losses.json") for path in (folder, expected))
    np.testing.assert_allclose(losses, wanted[-len(losses) :], rtol=0, atol=1e-5)
    accuracies = [read(path / "accuracy.json") for path in (folder, expected)]
    np.testing.assert_allclose(*accuracies, rtol=0, atol=1e-5)
    with np.load(folder / "weights.npz") as x, np.load(expected / "weights.npz") as y:
        assert x.files == y.files
        for name in x.files:
            np.testing.assert_allclose(x[name], y[name], rtol=0, atol=1e-5)
    return len(losses)


def addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return [f"127.0.0.1:{port}" for port in ports]


def tensorflow_workers():
    """The environments of two workers."""
    workers = addresses(2)
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": workers}, "task": task}
        yield {"TF_CONFIG": json.dumps(config)}


def jax_processes():
    """The environments of two processes."""
    (address,) = addresses(1)
    for index in range(2):
        yield {
            **JAX,
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "KERAS_DISTRIBUTION_PROCESS_ID": str(index),
        }


def test_two_replicas_of_tensorflow_train_as_one_device(tmp_path):
    train(tmp_path / "one", *CLIP)
    printed = train(tmp_path / "two", "--devices", "2", *CLIP)
    assert "answers 2\n2 replicas" in printed
    assert assert_same_training(tmp_path / "two", tmp_path / "one") >= 20


def test_replicas_of_tensorflow_take_masks_and_norm_whole_batches(tmp_path):
    code = f"""
import types
import keras
import numpy as np
import tensorflow as tf
from zoo import training

cpu = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
data = tf.data.Dataset.from_tensor_slices(({{"x": x, "mask": x > 0}}, x[:, :1]))


def losses(name, rows):
    keras.utils.set_random_seed(0)
    inputs = {{"x": keras.Input((4,)), "mask": keras.Input((4,), dtype="bool")}}
    seen = keras.ops.where(inputs["mask"], inputs["x"], 0.0)
    norm = keras.layers.BatchNormalization()
    model = keras.Model(inputs, keras.layers.Dense(1)(norm(seen)))
    model.compile("sgd", "mse", metrics=["mae"], jit_compile=False)
    task = types.SimpleNamespace(model=model)
    history = training.fit(
        task, lambda epoch: data.batch(rows), epochs=3, run_dir=name, verbose=0
    )
    assert not norm.synchronized  # JAX would not read it
    return history["loss"] + history["mae"]


alone = losses({str(tmp_path / "one")!r}, 4)
training.distribute()
together = losses({str(tmp_path / "two")!r}, 4)
np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
print(training.distribution.num_replicas(), np.isfinite(losses("odd", 3)).sum())
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert process.stdout == "2 6\n", process.stderr


@pytest.mark.slow
def test_two_devices_of_jax_train_as_one(tmp_path):
    pytest.importorskip("jax")
    train(tmp_path / "one", **JAX)
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    printed = train(tmp_path / "two", **{**JAX, "XLA_FLAGS": flags})
    assert "answers 2\n2 replicas" in printed
    assert assert_same_training(tmp_path / "two", tmp_path / "one") >= 20


@pytest.mark.slow
def test_devices_of_jax_share_a_large_model(tmp_path):
    pytest.importorskip("jax")
    train(tmp_path / "one", *CLIP, **JAX)
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    options = (*CLIP, "--parameters", str(distribution.LARGE))
    printed = train(tmp_path / "four", *options, **{**JAX, "XLA_FLAGS": flags})
    assert "answers 2\n2 replicas" in printed  # of two devices each
    assert assert_same_training(tmp_path / "four", tmp_path / "one") >= 20


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_two_processes_train_as_one(engine, tmp_path):
    pytest.importorskip(engine)
    environments = {"tensorflow": tensorflow_workers, "jax": jax_processes}[engine]
    options = (*CLIP, "--epochs", "1")
    folder = tmp_path / "two"
    processes = [start(folder, *options, **env) for env in environments()]
    processes.append(
        start(tmp_path / "one", *options, **(JAX if engine == "jax" else {}))
    )
    first, second, _ = map(finish, processes)
    assert "answers 2\n2 replicas 22 steps" in first
    assert second.endswith("2 replicas 22 steps\n") and "answers" not in second
    assert assert_same_training(folder, tmp_path / "one") == 22


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_a_process_that_was_killed_goes_on_with_the_others(engine, tmp_path):
    pytest.importorskip(engine)
    environments = {"tensorflow": tensorflow_workers, "jax": jax_processes}[engine]
    train(tmp_path / "one", *CLIP, **(JAX if engine == "jax" else {}))
    folder = tmp_path / "two"
    options = (*CLIP, "--kill-at", "30")
    first, second = (start(folder, *options, **env) for env in environments())
    finish(second, code=-9)
    message = finish(first, code=3)
    assert "a process that trained together with this one is gone" in message
    assert "goes on after epoch 1 and 6 batches" in message

    processes = [start(folder, *CLIP, **env) for env in environments()]
    for process in processes:
        assert "2 replicas 16 steps" in finish(process)
    assert assert_same_training(folder, tmp_path / "one") == 16


@pytest.mark.parametrize("replicas, processes", [(2, 1), (4, 2), (3, 3), (8, 4)])
def test_each_row_is_one_processs(monkeypatch, replicas, processes):
    x = np.arange(5)
    weight = np.array([[1, 0.5], [2, 0], [1, 1], [0.5, 3], [1, 0]], "float32")
    assert weight.mean() == 1
    batch = ({"x": x}, {"a": x, "b": x}, {"a": weight, "b": weight[:, 0]})
    data = tf.data.Dataset.from_tensors(batch)
    seen, weights = [], []
    for index in range(processes):
        counts = (("num_replicas", replicas), ("num_processes", processes))
        for name, count in (*counts, ("process_index", index)):
            monkeypatch.setattr(shares, name, lambda count=count: count)
        inputs, labels, scaled = next(share_of(data).as_numpy_iterator())
        assert len(inputs["x"]) % (replicas // processes) == 0
        np.testing.assert_array_equal(labels["b"], inputs["x"])
        seen += [*inputs["x"][scaled["b"] > 0]]
        weights.append(scaled["a"])
    assert seen == [*range(5)]  # none twice, none left out
    assert len({len(part) for part in weights}) == 1
    np.testing.assert_allclose(np.concatenate(weights).mean(), 1, rtol=1e-6)


def test_data_that_nobody_can_split(monkeypatch):
    monkeypatch.setattr(shares, "num_replicas", lambda: 2)
    with pytest.raises(ValueError, match="2 devices train together.*list.*'none'"):
        share_of([1, 2])


def test_rows_without_weights_get_some(monkeypatch):
    monkeypatch.setattr(shares, "num_replicas", lambda: 2)
    data = tf.data.Dataset.from_tensors((np.arange(3), np.arange(3)))
    _, labels, weight = next(share_of(data).as_numpy_iterator())
    np.testing.assert_array_equal(labels, [0, 1, 2, 2])
    np.testing.assert_allclose(weight, [4 / 3, 4 / 3, 4 / 3, 0])


def test_rows_that_are_compared_stay_on_one_device(monkeypatch, tmp_path):
    monkeypatch.setitem(training.fit.__globals__, "num_replicas", lambda: 2)
    task = Task()
    task.model.compile("sgd", ContrastiveCrossentropy())
    with pytest.raises(ValueError, match="2 devices train together.*--distribute none"):
        training.fit(task, batches, epochs=1, run_dir=tmp_path / "run")


@pytest.mark.parametrize("scaled", [False, True])
def test_accumulation_stays_on_one_device(monkeypatch, tmp_path, scaled):
    monkeypatch.setitem(training.fit.__globals__, "num_replicas", lambda: 2)
    task = Task()
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=4)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    task.model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match="steps=4, and 2 devices.*'none'.*on JAX"):
        training.fit(task, batches, epochs=1, run_dir=tmp_path / "run")


def test_an_allocation_of_slurm_is_no_cluster_until_srun_starts_it(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    distribution.distribute()
    assert distribution.num_processes() == 1

    def resolver():
        raise InterruptedError

    cluster = tf.distribute.cluster_resolver
    monkeypatch.setattr(cluster, "SlurmClusterResolver", resolver)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(InterruptedError):
        distribution.distribute()


def test_only_auto_and_none():
    with pytest.raises(ValueError, match="'all'.*'auto' or 'none'"):
        distribution.distribute("all")


def test_alone_nobody_waits():
    assert distribution.any_of_all([True, False]) == [True, False]
    assert distribution.num_processes() == distribution.num_replicas() == 1


def test_processes_hear_when_one_says_something_else(monkeypatch):
    heard = []

    def together(flags):
        heard.append(flags)
        return [any(each) for each in zip(*heard, strict=True)]

    monkeypatch.setattr(distribution, "any_of_all", together)
    assert distribution.all_say("state 3")
    assert distribution.all_say("state 3")
    assert not distribution.all_say("state 4")


def test_processes_that_found_different_checkpoints_stop(monkeypatch, tmp_path):
    monkeypatch.setattr(distribution, "all_say", lambda text: False)
    with pytest.raises(ValueError, match="different checkpoints.*see the same"):
        training.Checkpoints(tmp_path).restore(tiny_model())
