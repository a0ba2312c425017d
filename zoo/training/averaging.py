"""The mean of several epochs' weights, which is often better than any of them."""

import json
import warnings
from pathlib import Path

from zoo.training import checkpoint_files as files
from zoo.training.ranking import ranked_epochs


class LostWeightsError(ValueError):
    """None of the epochs that were asked for has its weights."""


def last_checkpoints(run_dir, count):
    """Paths of the weights of the last `count` epochs, newest first.

    A warning names each file that is lost or damaged; it is left out.
    """
    folder, record = _newest_record(run_dir)
    epochs = [row["epoch"] for row in reversed(record["history"])]
    return _weights_of(folder, record, epochs[:count])


def best_checkpoints(run_dir, count):
    """Paths of the weights of the best `count` epochs, best first.

    Best by the metric that the run was told to monitor. A warning names each file that
    is lost or damaged; it is left out.
    """
    folder, record = _newest_record(run_dir)
    epochs = ranked_epochs(record["history"], record["monitor"], record["mode"])
    return _weights_of(folder, record, epochs[:count])


def average_weights(model, paths):
    """Sets the mean of several checkpoints' weights into `model`.

    [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 6.1, average
    the last ones. The optimizer is left as it is.

    >>> average_weights(task.model, last_checkpoints("runs/en-de", 10))
    """
    if not paths:
        raise ValueError(
            "average_weights got no paths, so there is nothing to average. Pass "
            "last_checkpoints(run_dir, 10) or best_checkpoints(run_dir, 10) of a run "
            "that kept as many."
        )
    total = None
    for path in paths:
        files.load_weights_alone(model, path)
        weights = [array.astype("float64") for array in model.get_weights()]
        if total is None:
            total = weights
        else:
            total = [x + y for x, y in zip(total, weights, strict=True)]
    model.set_weights([array / len(paths) for array in total])


def _newest_record(run_dir):
    folder = Path(run_dir) / "checkpoints"
    paths = files.record_paths(folder)
    if not paths:
        raise ValueError(
            f"{folder} holds no checkpoints. Train first, with Checkpoints or "
            "zoo.training.fit."
        )
    return folder, json.loads(paths[0].read_text(encoding="utf-8"))


def _weights_of(folder, record, epochs):
    checksums = dict(record.get("weights_sha256", ()))  # older runs have none
    paths, num_lost = [], 0
    for epoch in epochs:
        path = files.weights_path(folder, epoch)
        if epoch in checksums and not files.is_whole(path, checksums[epoch]):
            warnings.warn(f"{path} is lost or damaged: left out.", stacklevel=3)
            num_lost += 1
        elif path.is_file():
            paths.append(path)
    if num_lost and not paths:
        raise LostWeightsError(
            f"The weights of {num_lost} epochs in {folder} are lost or damaged, and "
            "none is left. Ask for those of more epochs."
        )
    return paths
