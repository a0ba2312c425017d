"""Writes SavedModels in the layout that TensorFlow Serving mounts."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from zoo.shared_nodes import share_equal_nodes


def write_saved_model(directory, model, endpoints, warmup_inputs):
    """Writes the next version of a SavedModel: `directory/1`, then `/2`, ...

    It is written beside and moved into place, so that a server which watches the
    directory never sees half a model and a failed export leaves the others alone.

    Args:
        directory: path of the artifact, such as `"saved_models/en-de"`.
        model: keras.Model, whose weights the endpoints use.
        endpoints: dict of `name: (function, [tf.TensorSpec, ...])`, the default
            one first; each function gives a dict of tensors.
        warmup_inputs: dict of arrays, an input of the first endpoint, which
            TensorFlow Serving runs once when it loads the model.

    Returns:
        str, the path of the version.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "A SavedModel is written with the TensorFlow backend, and this process "
            f"runs {keras.backend.backend()}. Save with save_to_preset, then load and "
            "export in a process with KERAS_BACKEND=tensorflow."
        )
    directory = Path(directory)
    with _staging_folder(directory) as staging:
        # keras.export.ExportArchive traces every endpoint and writes each weight twice.
        functions = {
            name: tf.function(function, signature, autograph=False)
            for name, (function, signature) in endpoints.items()
        }
        variables = [variable.value for variable in model.variables]
        module = tf.train.Checkpoint(variables=variables, **functions)
        tf.saved_model.save(module, str(staging / "model"), functions)
        share_equal_nodes(staging / "model")
        first = next(iter(endpoints))
        _write_warmup(staging / "model" / "assets.extra", first, warmup_inputs)
        return str(_moved_to_next_version(staging / "model", directory))


@contextlib.contextmanager
def _staging_folder(directory):
    """A folder within `directory` to write to; what stays in it is thrown away.

    So is `directory`, with the folders that it was made in, where nothing came of it.
    """
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    staging = None
    try:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            staging = tempfile.mkdtemp(prefix=".writing-", dir=directory)
        except OSError as error:
            raise OSError(
                f"The export folder {directory} cannot be written ({error}). Choose "
                "another one, or give yourself the right to write there."
            ) from error
        yield Path(staging)
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):  # one that is not empty stays
            for path in made:
                path.rmdir()


def _moved_to_next_version(model, directory):
    while True:
        version = directory / str(_next_version(directory))
        try:
            return model.rename(version)
        except OSError:
            if not version.exists():
                raise
            # Another process was quicker.


def _next_version(directory):
    versions = [int(path.name) for path in directory.iterdir() if path.name.isdigit()]
    return max(versions, default=0) + 1


def _write_warmup(folder, signature_name, inputs):
    """The file of requests that TensorFlow Serving replays before it serves."""
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature_name
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        writer.write(log.SerializeToString())
