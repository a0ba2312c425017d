"""One checkpoint on the disk: how it is written, and how it is read or refused.

Epoch 7 is three files, each written beside and then moved into place:

    epoch-0007.state.weights.h5   `model.save_weights`: weights and optimizer
    epoch-0007.weights.h5         the weights alone, to average or to keep
    epoch-0007.json               history, random state and checksum; written
                                  last, so that it vouches for the others
"""

import hashlib
import json
import warnings

import h5py
import keras

from zoo.training.atomic_write import atomic_write


def record_path(folder, epoch):
    return folder / f"epoch-{epoch:04d}.json"


def state_path(record):
    return record.with_suffix(".state.weights.h5")


def weights_path(record):
    return record.with_suffix(".weights.h5")


def write_checkpoint(folder, epoch, model, facts):
    """Writes the three files; `facts` is a dict of plain values for the JSON."""
    path = record_path(folder, epoch)
    path.unlink(missing_ok=True)  # it must not vouch for what comes now
    with atomic_write(state_path(path)) as beside:
        model.save_weights(beside, overwrite=True)
        checksum = _checksum(beside)
        with atomic_write(weights_path(path)) as alone:
            _copy_without_optimizer(beside, alone)
    record = {
        "epoch": epoch,
        "sha256": checksum,
        "random_state": [
            keras.ops.convert_to_numpy(state.value).tolist()
            for state in _random_states(model)
        ],
        **facts,
    }
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(path):
    """The JSON of a checkpoint whose state file is whole.

    Raises:
        ValueError: it is not; the message names the file.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"Checkpoint {path} is cut short ({error}).") from error
    state = state_path(path)
    if not state.is_file():
        raise ValueError(f"Checkpoint {state} is missing.")
    if _checksum(state) != record["sha256"]:
        raise ValueError(
            f"Checkpoint {state} is cut short or damaged: its checksum is not the "
            f"one in {path.name}."
        )
    return record


def load_checkpoint(path, record, model):
    """Sets weights, optimizer and random states of a compiled, built model."""
    model.optimizer.build(model.trainable_variables)
    with warnings.catch_warnings():
        # Keras only warns when an optimizer does not fit its file.
        warnings.filterwarnings("error", message="Skipping variable loading")
        try:
            model.load_weights(state_path(path))
        except (ValueError, UserWarning) as error:
            raise ValueError(
                f"Checkpoint {state_path(path)} is of another model or optimizer than "
                f"the one being trained ({error}). Use another run_dir, or "
                "resume=False (--no-resume) to move the old run aside."
            ) from error
    # Keras saves no seed generators, so dropout would repeat its first draws.
    states = _random_states(model)
    for state, value in zip(states, record["random_state"], strict=True):
        state.assign(keras.ops.convert_to_tensor(value, dtype=state.dtype))


def load_weights_alone(model, path):
    """Loads what `weights_path` names; the optimizer stays as it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping variable loading")
        try:
            model.load_weights(path)
        except OSError as error:
            raise ValueError(
                f"Checkpoint {path} is missing or cut short ({error}). Leave it out."
            ) from error


def _random_states(model):
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _copy_without_optimizer(source, target):
    with h5py.File(source, "r") as whole, h5py.File(target, "w") as part:
        part.attrs.update(whole.attrs)
        for name in whole:
            if name != "optimizer":
                whole.copy(name, part)


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
