"""Training with everything around it: one call in a recipe."""

import contextlib
import functools
import numbers
import warnings

import keras

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None

from zoo.training.averaging import (
    LostWeightsError,
    average_weights,
    best_checkpoints,
    last_checkpoints,
)
from zoo.training.checkpoints import Checkpoints
from zoo.training.decoded_evaluation import DecodedEvaluation
from zoo.training.distribution import (
    num_replicas,
    process_index,
    the_first_one_first,
    wait_for_all,
    worker_resolver,
)
from zoo.training.made_from import made_from
from zoo.training.replicas import as_one_device
from zoo.training.report import Report
from zoo.training.run_folder import shared_run_folder
from zoo.training.shares import share_of
from zoo.training.skipping import NotFiniteError
from zoo.training.stopping import stopping_in_words
from zoo.training.symbolic_build import build_from
from zoo.training.worker_loop import fit_among_workers

# Batches that one may go on without; where more are bad, it is not the batches.
MOST_SKIPPED = 20


def fit(
    task,
    batches,
    *,
    epochs,
    run_dir,
    settings=None,
    validation=None,
    decoding=None,
    scoring=None,
    monitor=None,
    mode="auto",
    patience=None,
    average=1,
    average_of="best",
    save_minutes=10.0,
    save_steps=None,
    skip_bad_steps=False,
    resume=True,
    callbacks=(),
    verbose="auto",
    **fit_arguments,
):
    """Fits `task.model` in a run folder, from where the run stopped if it did.

    The same call after an interruption goes on behind the last batch that was saved
    with the same weights, optimizer, random states, metrics, history and patience; on
    a CPU the run ends with the same bytes as one that nothing disturbed. Ctrl-C and
    SIGTERM save at once. A call for a run that is done trains nothing and sets the
    same final weights again.

    >>> history = zoo.training.fit(
    ...     task,
    ...     lambda first_epoch: task.batches(pairs, first_epoch=first_epoch),
    ...     epochs=40,
    ...     run_dir="runs/en-de",
    ...     settings={"preset": "translator_tiny", "seed": 0},
    ...     validation=validation_pairs,
    ...     patience=5,
    ...     average=10,
    ... )

    Args:
        task: has `model`, a compiled, built keras.Model, and, where there are
            validation examples, `evaluate(examples)`; one that has `generate(texts)`
            gets its samples written.
        batches: function of the first epoch (int, from 0) that gives what
            `model.fit` takes. It is told where to begin, so that the data too goes
            on as if nothing had happened: with epoch n it gives what its n-th
            iteration would have given. A tf.data.Dataset that knows its cardinality is
            gone on with inside an epoch, anything else between two.
        epochs: int, 1 or more. How many there are in all, those done before included.
        run_dir: path. See `RunFolder`.
        settings: dict of plain values. A run is only gone on with under the same, and
            with the same vocabulary, classes and number of batches.
        validation: examples to decode after each epoch. See `DecodedEvaluation`.
        decoding: dict of arguments for that decoding, such as `{"num_beams": 1}`.
        scoring: dict of further arguments for `evaluate`.
        monitor: str. What decides which epochs are best. Defaults to `"val_bleu"`
            with validation examples, to `"loss"` without.
        mode: `"max"`, `"min"`, or `"auto"` to take it from the metric's name.
        patience: int, 1 or more. Stop after that many epochs without a new best.
        average: int. In the end the model gets the mean of so many epochs' weights;
            1 is one epoch's. `None` keeps the weights of the last step; so it is,
            with a warning, where all of these are lost or damaged.
        average_of: `"best"` or `"last"` epochs.
        save_minutes, save_steps: float, int. How often to save inside an epoch: after
            so many minutes or batches, whichever comes first. `None` is never.
        skip_bad_steps: bool. Where loss or weights are no longer finite, go back to
            the last checkpoint and on without the batch that spoiled them; otherwise
            the run stops there.
        resume: bool. `False` moves a run that is there aside and begins anew.
        callbacks: further Keras callbacks. They see the decoded scores. Those with a
            state of their own begin anew in a run that goes on: use `patience`.
        verbose, fit_arguments: go to `model.fit`.

    Returns:
        dict of lists: every metric of every epoch of the run, as in metrics.csv and
        times.csv.

    Raises:
        TrainingStoppedError: the numbers are no longer finite, or the disk is full. The
            last checkpoint is whole.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, see `zoo.training.interruption`.
    """
    choose = {"best": best_checkpoints, "last": last_checkpoints}.get(average_of)
    if choose is None:
        raise ValueError(
            f"average_of={average_of!r}. Expected 'best' or 'last' (epochs)."
        )
    counts = {"epochs": epochs, "patience": patience, "average": average}
    for name, count in counts.items():
        if count is None and name != "epochs":
            continue
        if not isinstance(count, numbers.Integral) or count < 1:
            raise ValueError(f"{name} must be a whole number from 1 up, got {count!r}.")
    monitor = monitor or ("loss" if validation is None else "val_bleu")
    leads = process_index() == 0
    folder = shared_run_folder(run_dir, settings, resume)
    with contextlib.closing(folder), as_one_device(task.model, num_replicas()):
        _refuse_other_data(folder, leads, made_from(task))
        checkpoints = Checkpoints(
            folder.checkpoints,
            monitor,
            mode,
            patience=patience,
            keep=average or 1,
            save_minutes=save_minutes,
            save_steps=save_steps,
            writes=leads,
        )
        epoch, step = checkpoints.restore(task.model)
        before = list(callbacks)
        if validation is not None:
            samples = folder.samples if hasattr(task, "generate") else None
            evaluation = DecodedEvaluation(
                task,
                validation,
                samples_path=samples,
                writes=leads,
                decoding=decoding,
                scoring=scoring,
            )
            before = [evaluation, *callbacks]
        after = [Report(folder, checkpoints)] if leads else []
        for report in after if checkpoints.history else []:
            report.write()  # a row that came too late when it stopped
        verbose = verbose if leads else 0
        fit_arguments |= {
            "callbacks": [*before, checkpoints, *after],
            "shuffle": False,
            "verbose": verbose,
        }
        if verbose and _is_done(checkpoints, epochs):
            print(f"{folder.path}: trained already, {epoch} epochs.")
        elif verbose and (epoch or step):
            where = f"epoch {epoch}/{epochs}" + (f" and {step} batches" if step else "")
            print(f"{folder.path}: going on after {where}.")
        with stopping_in_words(folder.path, checkpoints, verbose):
            task.model.stop_training = False
            while not (_is_done(checkpoints, epochs) or task.model.stop_training):
                try:
                    data = share_of(batches(checkpoints.epoch))
                    count = _num_batches(task.model, data, fit_arguments)
                    if count is not None:
                        _refuse_other_data(folder, leads, {"batches": count})
                    _train(task.model, data, count, epochs, checkpoints, fit_arguments)
                except NotFiniteError as error:
                    if not skip_bad_steps or not checkpoints.knows_batches:
                        raise
                    if len(checkpoints.skipped.places) == MOST_SKIPPED:
                        raise
                    checkpoints.wait()
                    wait_for_all()
                    checkpoints.restore(task.model)
                    checkpoints.skipped.add(error)
        wait_for_all()
        if average is not None and checkpoints.history:
            try:
                average_weights(task.model, choose(run_dir, average))
            except LostWeightsError as error:
                warnings.warn(f"{error} Those of the last step are used.", stacklevel=2)
        return as_columns(checkpoints.history)


def _refuse_other_data(folder, leads, facts):
    with the_first_one_first(leads):
        folder.refuse_other_data(facts)


def _is_done(checkpoints, epochs):
    return checkpoints.epoch >= epochs or checkpoints.patience_is_spent


def _train(model, data, num_batches, epochs, checkpoints, fit_arguments):
    """Trains from where the run stands: what is left of an epoch, then whole ones."""
    fit = model.fit
    if worker_resolver() is not None:
        fit = functools.partial(fit_among_workers, model)
    elif num_replicas() > 1 and keras.backend.backend() == "tensorflow":
        build_from(model, data.element_spec)
    checkpoints.knows_batches = num_batches is not None
    left = checkpoints.batches_left(num_batches)
    if left == []:
        checkpoints.go_back(model)
        return
    if left is not None:
        if checkpoints.step:
            # Keras makes some metrics with their first batch, this is how; those that
            # were saved come into them.
            model._symbolic_build(data_batch=data.element_spec)
        fit(
            _only(data, left),
            initial_epoch=checkpoints.epoch,
            epochs=checkpoints.epoch + 1,
            **fit_arguments,
        )
        if left[-1] != num_batches - 1 or model.stop_training:
            return  # the data do not know that their epoch is over
    if not _is_done(checkpoints, epochs):
        fit(data, initial_epoch=checkpoints.epoch, epochs=epochs, **fit_arguments)


def _num_batches(model, data, fit_arguments):
    """Of an epoch of a tf.data.Dataset; None where none can begin in the middle."""
    if not hasattr(data, "cardinality") or "steps_per_epoch" in fit_arguments:
        return None
    # Keras counts several batches as one step; or each `fit` ends with the average
    # of the weights, and two are not like one.
    if model.steps_per_execution > 1 or getattr(model.optimizer, "use_ema", False):
        return None
    count = int(data.cardinality())
    return count if count > 0 else None


def _only(data, wanted):
    """The batches of those numbers of a tf.data.Dataset."""
    wanted = tf.constant(wanted, tf.int64)
    data = data.enumerate().filter(lambda n, batch: tf.reduce_any(n == wanted))
    data = data.map(lambda n, batch: batch)
    return data.apply(tf.data.experimental.assert_cardinality(len(wanted)))


def as_columns(history):
    """A list of rows as a dict of lists, like `keras.callbacks.History.history`.

    >>> as_columns([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    {"epoch": [1, 2], "loss": [2.0, 1.0]}
    """
    names = dict.fromkeys(name for row in history for name in row)
    return {name: [row.get(name) for row in history] for name in names}
