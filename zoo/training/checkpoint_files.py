"""One checkpoint on the disk: how it is written, and how it is read or refused.

The state after 3 epochs and 120 batches of the next is two files, each written beside
and then moved into place:

    state-0003-00000120.npz    weights, optimizer, random states, metrics
    state-0003-00000120.json   history and checksum; written last, so that it vouches
                               for the other

NumPy writes and reads them on every backend; tf.train.Checkpoint asks for TensorFlow,
Orbax for JAX, and each may be missing where the other trains.

Each epoch leaves its weights alone too, to average or to keep: epoch-0003.weights.h5.
The JSON of the states holds their checksums.
"""

import hashlib
import json
import os
import warnings

import h5py
import keras
import numpy as np

from zoo.atomic_write import atomic_write


def weights_path(folder, epoch):
    return folder / f"epoch-{epoch:04d}.weights.h5"


def record_paths(folder):
    """The JSON files of the states of a folder, newest first."""
    return sorted(folder.glob("state-*.json"), reverse=True)


def state_path(record_path):
    return record_path.with_suffix(".npz")


def remove(record_path):
    """Removes a state; first the record, which must not vouch for nothing."""
    record_path.unlink(missing_ok=True)
    state_path(record_path).unlink(missing_ok=True)


def prune(folder, num_states, epochs):
    """Removes all but the newest states, and the weights of those epochs."""
    for path in record_paths(folder)[num_states:]:
        remove(path)
    for epoch in epochs:
        weights_path(folder, epoch).unlink(missing_ok=True)


def newest_whole(folder, *, clean=True):
    """(path, record) of the newest state that is whole; None twice where none is.

    A warning names each newer one. With `clean` these are put aside, and what a killed
    process left is removed.

    Raises:
        ValueError: there are states, and none is whole.
    """
    if clean:
        remove_left_overs(folder)
    paths = record_paths(folder)
    for number, path in enumerate(paths):
        try:
            record = read_record(path)
        except ValueError as error:
            warnings.warn(f"{error} Using the one before.", stacklevel=3)
            continue
        if clean:
            put_aside(paths[:number])
        return path, record
    if paths:
        raise ValueError(
            f"None of the {len(paths)} checkpoints in {folder} is whole. Pass "
            "resume=False (--no-resume) to start anew; the old run is moved aside."
        )
    return None, None


def remove_left_overs(folder):
    """Removes what a process left that was killed while it wrote."""
    states = folder.glob("state-*.npz")
    alone = [path for path in states if not path.with_suffix(".json").is_file()]
    for path in (*folder.glob("partial-*"), *alone):
        path.unlink()


def put_aside(record_paths):
    """Renames states that are damaged, so that they take no good one's place."""
    for path in record_paths:
        for file in (path, state_path(path)):
            if file.is_file():
                file.rename(file.with_name(f"damaged-{file.name}"))


def variables_of(model):
    """All that training changes: weights, random states, optimizer, metrics."""
    return [
        *model.variables,
        *model.optimizer.variables,
        *model.metrics_variables,
    ]


def copied(variables):
    """list of arrays that later steps leave alone."""
    return [np.array(as_array(each.value)) for each in variables]


def as_array(value):
    """The array that a backend's variable or tensor holds."""
    if hasattr(value, "read_value"):  # NumPy reads none that several devices hold
        value = value.read_value()
    return keras.ops.convert_to_numpy(value)


def are_finite(arrays):
    return all(
        np.isfinite(array).all()
        for array in arrays
        if np.issubdtype(array.dtype, np.floating)
    )


def kinds_of(model):
    """Names of the classes whose variables a state holds, in that order."""
    optimizers, optimizer = [], model.optimizer
    while optimizer is not None:
        optimizers.append(type(optimizer).__name__)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return [type(model).__name__, *optimizers]


def write_state(folder, epoch, step, arrays, facts):
    """Writes a state; `facts` is a dict of plain values for its JSON."""
    path = folder / f"state-{epoch:04d}-{step:08d}.json"
    path.unlink(missing_ok=True)  # it must not vouch for what comes now
    named = {str(number): array for number, array in enumerate(arrays)}
    with atomic_write(state_path(path)) as beside:
        _make_room(beside, sum(array.nbytes for array in arrays))
        np.savez(beside, **named)
        checksum = _checksum(beside)
    record = {"epoch": epoch, "step": step, "sha256": checksum, **facts}
    record["record_sha256"] = _record_checksum(record)
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
    own = record.pop("record_sha256", None) if isinstance(record, dict) else ""
    if own is not None and own != _record_checksum(record):  # None in older runs
        raise ValueError(f"Checkpoint {path} is damaged: its checksum is not its own.")
    state = state_path(path)
    if not state.is_file():
        raise ValueError(f"Checkpoint {state} is missing.")
    if not is_whole(state, record["sha256"]):
        raise ValueError(
            f"Checkpoint {state} is cut short or damaged: its checksum is not the "
            f"one in {path.name}."
        )
    return record


def _record_checksum(record):
    """Of what a record's JSON says, however it is laid out."""
    plain = json.loads(json.dumps(record))  # keys of dicts become str
    text = json.dumps(plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def load_state(path, record, model):
    """Sets the variables of a compiled, built model.

    Returns:
        list of arrays: those of the metrics, which Keras sets to 0 when `fit` begins.
    """
    with np.load(state_path(path), allow_pickle=False) as file:
        arrays = [file[str(number)] for number in range(len(file.files))]
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    fits = record["of"] == kinds_of(model) and len(arrays) >= len(variables)
    if not fits or any(
        tuple(variable.shape) != array.shape
        for variable, array in zip(variables, arrays, strict=False)
    ):
        raise ValueError(
            f"Checkpoint {state_path(path)} is of another model or optimizer than the "
            f"one being trained: of {record['of']}, with {len(arrays)} arrays, where "
            f"this is {kinds_of(model)}. Use another run_dir, or resume=False "
            "(--no-resume) to move the old run aside."
        )
    set_variables(variables, arrays[: len(variables)])
    return arrays[len(variables) :]


def set_variables(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        if array.dtype.kind == "V":  # bfloat16, a type that NumPy does not know
            array = array.view(np.dtype(variable.dtype))
        variable.assign(keras.ops.convert_to_tensor(array, dtype=variable.dtype))


def write_weights(folder, epoch, model, num_bytes):
    """Writes the weights of an epoch; with the optimizer they have `num_bytes`.

    Returns:
        str, the checksum of the file.
    """
    path = weights_path(folder, epoch)
    with atomic_write(path) as alone:
        whole = path.with_name(f"partial-whole-{path.name}")
        try:
            _make_room(whole, 2 * num_bytes)  # for both
            model.save_weights(whole, overwrite=True)
            _copy_without_optimizer(whole, alone)
        finally:
            whole.unlink(missing_ok=True)
        return _checksum(alone)


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


def _make_room(path, num_bytes):
    """Raises OSError where no file of that size fits, in one line.

    Libraries that notice in the middle of theirs say so again and again.
    """
    if hasattr(os, "posix_fallocate"):
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, num_bytes)


def _copy_without_optimizer(source, target):
    with h5py.File(source, "r") as whole, h5py.File(target, "w") as part:
        part.attrs.update(whole.attrs)
        for name in whole:
            if name != "optimizer":
                whole.copy(name, part)


def is_whole(path, checksum):
    """Whether a file is there and has this checksum."""
    return path.is_file() and _checksum(path) == checksum


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
