"""One loaded SavedModel, and what its signatures answer."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)
from tensorflow_serving.apis import prediction_log_pb2

from zoo.serving import model_files as files
from zoo.serving.batching import Batcher

DEFAULT_SIGNATURE = "serving_default"
ERROR = "error"  # the output that says what is wrong with a picture or sound, or ""
# Rows of a request of files, or whose answer holds matrices, such as attention or the
# state of a stream: a row of them may take megabytes.
_MOST_LARGE_ROWS = 64
_WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"


class Signature:
    """One function of a loaded SavedModel.

    Attributes:
        inputs, outputs: dicts of `tf.TensorSpec`s.
        has_matrices: bool. Whether an output has more axes than two.
        most_rows: int or None. Of a request, where there is such a bound.
        batcher: Batcher, which runs it.
    """

    def __init__(self, function, limits, count):
        self.inputs = dict(function.structured_input_signature[1])
        self.outputs = {
            name: tf.TensorSpec(output.shape, output.dtype, name)
            for name, output in function.structured_outputs.items()
        }
        ranks = [spec.shape.rank for spec in self.outputs.values()]
        self.has_matrices = any(rank is None or rank > 2 for rank in ranks)
        are_large = self.has_matrices or any(x.endswith("_bytes") for x in self.inputs)
        self.most_rows = _MOST_LARGE_ROWS if are_large else None
        self._function = function
        self.batcher = Batcher(self._run, limits, self._rows_are_alone(), count)

    def call(self, tensors):
        """dict of tensors -> dict of tensors, at once and alone."""
        return self._function(**{name: tensors[name] for name in self.inputs})

    def _run(self, inputs):
        outputs = self.call({k: tf.constant(array) for k, array in inputs.items()})
        return {name: _as_array(output) for name, output in outputs.items()}

    def _rows_are_alone(self):
        """Whether nothing of a row's answer depends on the other rows.

        An output that is as wide as its longest row needs depends on them.
        """
        specs = (*self.inputs.values(), *self.outputs.values())
        return all(spec.shape.rank and spec.shape[0] is None for spec in specs) and all(
            spec.shape[1:].is_fully_defined() for spec in self.outputs.values()
        )


def _as_array(tensor):
    """Also where it is one string, which would be bytes."""
    is_text = tensor.dtype == tf.string
    return np.asarray(tensor.numpy(), object if is_text else None)


class Version:
    """A loaded SavedModel.

    Attributes:
        number: int.
        signatures: dict of `Signature`.
        signature_defs: SignatureDefMap, what the file says, for clients that ask.
        card: str. What its makers say of it, "" if nothing.
    """

    def __init__(self, path, limits, metrics):
        self.number = int(path.name)
        self.signature_defs = files.signature_defs(path)
        self.card = files.card(path)
        # The name keeps the weights alive.
        self._model = tf.saved_model.load(str(path))
        self.signatures = {
            name: Signature(
                function, limits, metrics.of_batches(path.parent.name, name)
            )
            for name, function in self._model.signatures.items()
        }
        try:
            self._warm_up(path / _WARMUP)
        except Exception:
            self.close()
            raise

    def _warm_up(self, path):
        """Runs the requests that were exported with the model: no user shall wait."""
        if not path.is_file():
            return
        for number, record in enumerate(tf.data.TFRecordDataset(str(path))):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            request = log.predict_log.request
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            self.signatures[name].batcher.submit(inputs, float("inf")).result()
            if number == 0:
                self._warm_up_streams(inputs)

    def _warm_up_streams(self, inputs):
        """The first token of a text, and the second."""
        start, step = (self.signatures.get(name) for name in ("start", "step"))
        if start and step and set(start.inputs) == set(inputs):
            first = {name: tf.constant(array[:1]) for name, array in inputs.items()}
            step.call(start.call(first))

    def close(self, latest=None):
        """Takes nothing more, and waits until its last request is answered.

        Returns whether it is; after `latest`, as `time.monotonic()`, also where not.
        """
        batchers = [signature.batcher for signature in self.signatures.values()]
        ended = [batcher.close(latest) for batcher in batchers]
        return all(ended)
