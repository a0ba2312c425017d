"""Training with everything around it: one call in a recipe."""

import numbers

from zoo.training.averaging import (
    average_weights,
    best_checkpoints,
    last_checkpoints,
)
from zoo.training.checkpoints import Checkpoints
from zoo.training.decoded_evaluation import DecodedEvaluation
from zoo.training.report import Report
from zoo.training.run_folder import RunFolder


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
    resume=True,
    callbacks=(),
    verbose="auto",
    **fit_arguments,
):
    """Fits `task.model` in a run folder, from where the run stopped if it did.

    The same call after an interruption goes on behind the last finished epoch with
    the same weights, optimizer, random states, history and patience. A call for a
    run that is done trains nothing and sets the same final weights again.

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
            on as if nothing had happened.
        epochs: int, 1 or more. How many there are in all, those done before included.
        run_dir: path. See `RunFolder`.
        settings: dict of plain values. A run is only gone on with under the same.
        validation: examples to decode after each epoch. See `DecodedEvaluation`.
        decoding: dict of arguments for that decoding, such as `{"num_beams": 1}`.
        scoring: dict of further arguments for `evaluate`.
        monitor: str. What decides which epochs are best. Defaults to `"val_bleu"`
            with validation examples, to `"loss"` without.
        mode: `"max"`, `"min"`, or `"auto"` to take it from the metric's name.
        patience: int. Stop after that many epochs without a new best.
        average: int. In the end the model gets the mean of so many epochs' weights;
            1 is one epoch's. `None` keeps the weights of the last step.
        average_of: `"best"` or `"last"` epochs.
        resume: bool. `False` moves a run that is there aside and begins anew.
        callbacks: further Keras callbacks. They see the decoded scores. Those with
            a state of their own (keras.callbacks.EarlyStopping) begin anew in a
            run that goes on: use `patience`.
        verbose, fit_arguments: go to `model.fit`.

    Returns:
        dict of lists: every metric of every epoch of the run, as in metrics.csv.
    """
    choose = {"best": best_checkpoints, "last": last_checkpoints}.get(average_of)
    if choose is None:
        raise ValueError(
            f"average_of={average_of!r}. Expected 'best' or 'last' (epochs)."
        )
    if not isinstance(epochs, numbers.Integral) or epochs < 1:
        raise ValueError(f"epochs must be a whole number from 1 up, got {epochs!r}.")
    monitor = monitor or ("loss" if validation is None else "val_bleu")
    folder = RunFolder(run_dir, settings, resume=resume)
    checkpoints = Checkpoints(
        folder.checkpoints, monitor, mode, patience=patience, keep=average or 1
    )
    first_epoch = checkpoints.restore(task.model)
    if first_epoch < epochs and not checkpoints.patience_is_spent:
        if first_epoch and verbose:
            print(f"{folder.path}: going on after epoch {first_epoch}/{epochs}.")
        before = list(callbacks)
        if validation is not None:
            samples = folder.samples if hasattr(task, "generate") else None
            evaluation = DecodedEvaluation(
                task,
                validation,
                samples_path=samples,
                decoding=decoding,
                scoring=scoring,
            )
            before = [evaluation, *callbacks]
        task.model.fit(
            batches(first_epoch),
            initial_epoch=first_epoch,
            epochs=epochs,
            callbacks=[*before, checkpoints, Report(folder, checkpoints)],
            shuffle=False,
            verbose=verbose,
            **fit_arguments,
        )
    elif verbose:
        print(f"{folder.path}: trained already, {first_epoch} epochs.")
    if average is not None and checkpoints.history:
        average_weights(task.model, choose(run_dir, average))
    return as_columns(checkpoints.history)


def as_columns(history):
    """A list of rows as a dict of lists, like `keras.callbacks.History.history`.

    >>> as_columns([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    {"epoch": [1, 2], "loss": [2.0, 1.0]}
    """
    names = dict.fromkeys(name for row in history for name in row)
    return {name: [row.get(name) for row in history] for name in names}
