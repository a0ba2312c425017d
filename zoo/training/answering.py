"""From the task that was trained to the one that answers."""

import tempfile

from zoo.training.distribution import (
    num_processes,
    num_replicas,
    process_index,
    undistribute,
)


def as_it_answers(task, run_dir, make=None):
    """The trained task in full precision, on one device, in one process.

    What is made after this call lives on one device, too.

    Args:
        task: as `zoo.training.fit` leaves it.
        run_dir: path. Where the task is saved to, if it is not already so.
        make: function without arguments that makes a task which takes the weights.
            Defaults to what is in `run_dir`, in float32.

    Returns:
        The task; None in all processes but one, which are done.
    """
    is_alone = num_replicas() == num_processes() == 1
    if is_alone and task.model.dtype_policy.name == "float32":
        return task
    leads = process_index() == 0
    with tempfile.TemporaryDirectory() as elsewhere:
        # JAX lets no process save alone.
        task.save_to_preset(run_dir if leads else elsewhere)
    weights = None if make is None else task.model.get_weights()
    undistribute()
    if not leads:
        return None
    if make is None:
        return type(task).from_preset(run_dir, dtype="float32")
    task = make()
    task.model.set_weights(weights)
    return task
