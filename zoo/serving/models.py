"""The models of a folder: loaded, watched, replaced and taken away again."""

import concurrent.futures
import gc
import logging
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

from zoo.serving import model_files as files
from zoo.serving.metrics import Metrics
from zoo.serving.version import Version

_LOADERS = 2
_UNLOAD_S = 60.0  # that a batch keeps others from being loaded
_logger = logging.getLogger(__name__)


class NotFoundError(Exception):
    """There is no such model, version, label or signature."""


class Status(NamedTuple):
    """Of a version, as TensorFlow Serving reports it."""

    version: int
    state: str  # LOADING, AVAILABLE, END
    error: str = ""


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
            NotFoundError, ValueError: the message is TensorFlow Serving's.
        """
        loaded = self._loaded.get(name, {})
        if label is not None:
            version = self.labels.get((name, label))
            if version is None:
                raise ValueError(
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
        os.listdir(self.folder)  # raises where it is away: nothing was taken out of it
        found = files.versions(self.folder)
        num_failed = None
        while num_failed != len(self._failed):  # in place of one, an older one
            num_failed = len(self._failed)
            wanted = [
                (name, number, versions[number])
                for name, versions in found.items()
                for number in sorted(self._wanted(name, versions))
            ]
            # One is read, in Python, while another is compiled, which is not.
            with concurrent.futures.ThreadPoolExecutor(_LOADERS) as threads:
                list(threads.map(lambda each: self._load(*each), wanted))
        retired = [
            self._retire(name, self._wanted(name, found.get(name, {})))
            for name in list(self._loaded)
        ]
        if any(retired):
            gc.collect()  # graphs refer to themselves: their weights would stay
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
            else:
                if not (self.is_ready or self._loaded or self._failed):
                    _logger.warning(
                        "There is no model in %s: folders NAME/VERSION with a "
                        "SavedModel each are looked for.",
                        self.folder,
                    )
                self.is_ready = True
            self._stopped.wait(seconds)

    def stop(self, latest=None):
        """Finishes what was asked for, and answers nothing more.

        Returns whether all is finished, for which it waits until `latest`, as
        `time.monotonic()`; without, as long as it takes.
        """
        with self._publishing:
            self._stopped.set()
            loaded, self._loaded = self._loaded, {}
        versions = [v for numbers in loaded.values() for v in numbers.values()]
        ended = [version.close(latest) for version in versions]
        return all(ended)

    def _wanted(self, name, versions):
        """The newest, the newest that loads, and those with a label."""
        labelled = {n for (model, _), n in self.labels.items() if model == name}
        fine = [number for number in versions if (name, number) not in self._failed]
        newest = {max(numbers) for numbers in (versions, fine) if numbers}
        return newest | labelled & set(versions)

    def _load(self, name, number, path):
        if number in self._loaded.get(name, {}):
            return
        try:
            looks = files.looks(path)
        except OSError as error:  # it is being removed, or is not for us to read
            if (name, number) not in self._failed:  # told once, tried at each look
                _logger.error("%s/%d cannot be read: %s", name, number, error)
            self._failed[name, number] = (None, str(error))
            return
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
            if self._stopped.is_set():
                return
            # A new dict: who reads has one or the other, never one that changes.
            versions = {**self._loaded.get(name, {}), number: version}
            self._loaded = {**self._loaded, name: versions}
        _logger.info("%s/%d is loaded.", name, number)

    def _retire(self, name, wanted):
        """Takes versions away, and gives them; one stays until its successor loads."""
        with self._publishing:
            loaded = self._loaded.get(name)
            if not loaded:  # all were stopped meanwhile
                return []
            kept = {number: v for number, v in loaded.items() if number in wanted}
            if not kept and wanted:
                kept = {max(loaded): loaded[max(loaded)]}
            others = {k: v for k, v in self._loaded.items() if k != name}
            self._loaded = {**others, name: kept} if kept else others
        retired = sorted(set(loaded) - set(kept))
        for number in retired:
            if loaded[number].close(time.monotonic() + _UNLOAD_S):
                _logger.info("%s/%d is unloaded.", name, number)
            else:
                _logger.warning("%s/%d runs still; it goes when it ends.", name, number)
        return retired
