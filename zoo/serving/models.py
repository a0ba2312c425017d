"""The models of a folder: loaded, watched, replaced and taken away again."""

import concurrent.futures
import logging
import threading
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)
from tensorflow_serving.apis import prediction_log_pb2

from zoo.serving import model_files as files
from zoo.serving.batching import Batcher
from zoo.serving.metrics import Metrics

DEFAULT_SIGNATURE = "serving_default"
_WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"
_LOADERS = 2
_logger = logging.getLogger(__name__)


class NotFoundError(Exception):
    """There is no such model, version, label or signature."""


class Status(NamedTuple):
    """Of a version, as TensorFlow Serving reports it."""

    version: int
    state: str  # LOADING, AVAILABLE, END
    error: str = ""


class Signature:
    """One function of a loaded SavedModel.

    Attributes:
        inputs, outputs: dicts of `tf.TensorSpec`s.
        batcher: Batcher, which runs it.
    """

    def __init__(self, function, limits, count):
        self.inputs = dict(function.structured_input_signature[1])
        self.outputs = {
            name: tf.TensorSpec(output.shape, output.dtype, name)
            for name, output in function.structured_outputs.items()
        }
        self._function = function
        self.batcher = Batcher(self._run, limits, self._rows_are_alone(), count)

    def call(self, tensors):
        """dict of tensors -> dict of tensors, at once and alone."""
        return self._function(**{name: tensors[name] for name in self.inputs})

    def _run(self, inputs):
        outputs = self.call({k: tf.constant(array) for k, array in inputs.items()})
        return {name: output.numpy() for name, output in outputs.items()}

    def _rows_are_alone(self):
        """Whether nothing of a row's answer depends on the other rows.

        An output that is as wide as its longest row needs depends on them.
        """
        specs = (*self.inputs.values(), *self.outputs.values())
        return all(spec.shape.rank and spec.shape[0] is None for spec in specs) and all(
            spec.shape[1:].is_fully_defined() for spec in self.outputs.values()
        )


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
        for record in tf.data.TFRecordDataset(str(path)):
            log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            request = log.predict_log.request
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            self.signatures[name].batcher.submit(inputs, float("inf")).result()

    def close(self):
        """Returns when its last request is answered."""
        for signature in self.signatures.values():
            signature.batcher.close()


class Models:
    """The newest version of each model of a folder, and those that have a label.

        folder/NAME/VERSION/saved_model.pb

    Args:
        folder: path.
        limits: `zoo.serving.batching.Limits`.
        labels: dict of `(model, label): version`.

    Attributes:
        metrics: `zoo.serving.metrics.Metrics`.
        is_ready: bool. Whether what was there in the beginning is loaded, or reported.
    """

    def __init__(self, folder, limits, labels=None):
        self.folder = Path(folder)
        self.limits = limits
        self.labels = dict(labels or {})
        self.metrics = Metrics()
        self._loaded = {}  # name: {number: Version}
        self._failed = {}  # (name, number): (what it looked like, why)
        self._loading = set()
        self._publishing = threading.Lock()
        self._stopped = threading.Event()
        self.is_ready = False
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"{self.folder} is no folder. Pass one that holds models, as export "
                "writes them: NAME/VERSION/saved_model.pb."
            )

    def names(self):
        """The models that answer, sorted."""
        return [name for name, _ in self.newest()]

    def newest(self):
        """list of (name, Version), sorted by name."""
        loaded = sorted(self._loaded.items())
        return [(name, versions[max(versions)]) for name, versions in loaded]

    def get(self, name, version=None, label=None):
        """The Version that a request means; the newest where it says none.

        Raises:
            NotFoundError: the message is TensorFlow Serving's.
        """
        loaded = self._loaded.get(name, {})
        if label is not None:
            version = self.labels.get((name, label))
            if version is None:
                raise NotFoundError(
                    f"Unrecognized servable version label: {label} of {name}"
                )
        if version is None:
            if not loaded:
                raise NotFoundError(f"Servable not found for request: Latest({name})")
            return loaded[max(loaded)]
        if version not in loaded:
            raise NotFoundError(
                f"Servable not found for request: Specific({name}, {version})"
            )
        return loaded[version]

    def statuses(self, name, version=None, label=None):
        """list of Status of what is known of a model, newest first.

        Raises:
            NotFoundError: nothing is.
        """
        if label is not None:
            version = self.get(name, label=label).number
        states = {
            number: Status(number, "AVAILABLE") for number in self._loaded.get(name, {})
        }
        for model, number in list(self._loading):
            if model == name:
                states[number] = Status(number, "LOADING")
        for (model, number), (_, why) in list(self._failed.items()):
            if model == name:
                states[number] = Status(number, "END", why)
        known = [n for n in sorted(states, reverse=True) if version in (None, n)]
        if not known:
            which = name if version is None else f"{name} version {version}"
            raise NotFoundError(f"Could not find any versions of model {which}")
        return [states[number] for number in known]

    def refresh(self):
        """Loads what is new, then takes away what it replaces."""
        found = files.versions(self.folder)
        wanted = [
            (name, number, versions[number])
            for name, versions in found.items()
            for number in sorted(self._wanted(name, versions))
        ]
        # One is read, in Python, while another is compiled, which is not.
        with concurrent.futures.ThreadPoolExecutor(_LOADERS) as threads:
            list(threads.map(lambda each: self._load(*each), wanted))
        for name in list(self._loaded):
            self._retire(name, self._wanted(name, found.get(name, {})))
        self._failed = {
            key: value
            for key, value in self._failed.items()
            if key[1] in found.get(key[0], {})
        }

    def begin(self, seconds):
        """Loads what is there, then looks again every so many seconds until `stop`."""
        while not self._stopped.is_set():
            try:
                self.refresh()
            except Exception:  # such as a disk that is away for a while
                _logger.exception("Looking for models failed; trying again.")
            self.is_ready = True
            self._stopped.wait(seconds)

    def stop(self):
        """Finishes what was asked for, and answers nothing more."""
        self._stopped.set()
        for name in list(self._loaded):
            self._retire(name, set(), keep_one=False)

    def _wanted(self, name, versions):
        labelled = {n for (model, _), n in self.labels.items() if model == name}
        newest = {max(versions)} if versions else set()
        return newest | labelled & set(versions)

    def _load(self, name, number, path):
        if number in self._loaded.get(name, {}):
            return
        looks = files.looks(path)
        if self._failed.get((name, number), (None,))[0] == looks:
            return  # as it was when it did not load
        self._loading.add((name, number))
        try:
            version = Version(path, self.limits, self.metrics)
        except Exception as error:
            _logger.error("%s/%d does not load: %s", name, number, error)
            self._failed[name, number] = (looks, str(error))
            return
        finally:
            self._loading.discard((name, number))
        self._failed.pop((name, number), None)
        with self._publishing:
            # A new dict: who reads has one or the other, never one that changes.
            versions = {**self._loaded.get(name, {}), number: version}
            self._loaded = {**self._loaded, name: versions}
        _logger.info("%s/%d is loaded.", name, number)

    def _retire(self, name, wanted, keep_one=True):
        """Takes versions away; the newest that loads stays until its successor does."""
        loaded = self._loaded[name]
        kept = {number: v for number, v in loaded.items() if number in wanted}
        if not kept and wanted and keep_one:
            kept = {max(loaded): loaded[max(loaded)]}
        others = {k: v for k, v in self._loaded.items() if k != name}
        self._loaded = {**others, name: kept} if kept else others
        for number, version in loaded.items():
            if number not in kept:
                version.close()
                _logger.info("%s/%d is unloaded.", name, number)
