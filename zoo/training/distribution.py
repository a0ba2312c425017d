"""Several devices, of one machine or of many, that train one model together."""

import contextlib
import functools
import hashlib
import os

import keras
import numpy as np

from zoo.training.parallel_layout import model_parallel

try:
    import tensorflow as tf
except ImportError:  # training on JAX alone
    tf = None
if keras.backend.backend() == "jax":
    import jax
    from jax.experimental import multihost_utils

# Parameters from which, on JAX, a model is split over two devices each.
LARGE = 200_000_000
# What says that this process is one of several, and which: set by hand, or by Slurm and
# Open MPI, which JAX reads by itself. Of Slurm it is what `srun` sets: SLURM_NTASKS is
# also set where one process runs alone, in an allocation's shell or script.
_CLUSTER = ("KERAS_DISTRIBUTION_JOB_ADDRESSES", "JAX_COORDINATOR_ADDRESS")
_SLURM_SIZE = "SLURM_STEP_NUM_TASKS"
_CLUSTER_SIZES = (_SLURM_SIZE, "OMPI_COMM_WORLD_SIZE")


def distribute(how="auto", *, parameters=0):
    """Lets all that is made after this call be trained by every device there is.

    Call it before anything else. On TensorFlow the devices of a machine get
    `tf.distribute.MirroredStrategy`, those of several machines (`TF_CONFIG`)
    `MultiWorkerMirroredStrategy`. On JAX they get `keras.distribution.DataParallel`;
    from 200 million parameters up and with an even number of them on one machine, two
    and two share a copy of the model. JAX finds several machines by
    `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `..._NUM_PROCESSES` and `..._PROCESS_ID`, or by
    `JAX_COORDINATOR_ADDRESS`; both engines find them by what Slurm sets, JAX also by
    what Open MPI sets.

    With one device, on Torch, and with `"none"` nothing changes.

    Args:
        how: `"auto"` or `"none"`.
        parameters: int, of the model that will be trained.
    """
    if how not in ("auto", "none"):
        raise ValueError(f"distribute={how!r}. Expected 'auto' or 'none'.")
    if how == "none":
        return
    if keras.backend.backend() == "jax":
        _distribute_jax(parameters)
    elif keras.backend.backend() == "tensorflow":
        _distribute_tensorflow()


def undistribute():
    """Lets what is made after this call live on one device, in one process, again."""
    if keras.backend.backend() == "jax":
        is_one_of_several = num_processes() > 1
        keras.distribution.set_distribution(None)
        if is_one_of_several:
            # Together: who ends later would wait for the others in vain.
            jax.distributed.shutdown()
    elif keras.backend.backend() == "tensorflow":
        tf.distribute.experimental_set_strategy(None)


def num_replicas():
    """Into how many equal parts each batch is split."""
    if keras.backend.backend() == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.num_model_replicas
    if keras.backend.backend() == "tensorflow":
        return tf.distribute.get_strategy().num_replicas_in_sync
    return 1


def num_processes():
    """How many processes train together."""
    if keras.backend.backend() == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else jax.process_count()
    return 1 if (resolver := worker_resolver()) is None else _num_workers(resolver)


def process_index():
    """Which of them this one is; the one of index 0 writes what the run leaves."""
    if num_processes() == 1:
        return 0
    if keras.backend.backend() == "jax":
        return jax.process_index()
    resolver = worker_resolver()
    chiefs = _num_chiefs(resolver)
    return resolver.task_id + (0 if resolver.task_type == "chief" else chiefs)


def any_of_all(flags):
    """list of bool: which of these flags some process holds; all call it at once."""
    if num_processes() == 1:
        return flags
    if keras.backend.backend() == "jax":
        return list(multihost_utils.process_allgather(np.array(flags)).any(axis=0))
    strategy = tf.distribute.get_strategy()
    return list(_compiled_sum(strategy)(tf.constant(flags, tf.float32)).numpy() > 0)


def all_say(text):
    """Whether every process calls it with the same str."""
    digest = hashlib.sha256(text.encode()).digest()[:8]
    bits = np.unpackbits(np.frombuffer(digest, "uint8")).astype(bool)
    seen = np.reshape(any_of_all([*bits, *~bits]), (2, -1))
    return not seen.all(axis=0).any()


def wait_for_all():
    """Returns when every process has called it."""
    any_of_all([True])


@contextlib.contextmanager
def the_first_one_first(leads):
    """Runs a block in the process that leads, then in all others, or in none of them.

    What the first one raises ends the others too.
    """
    if num_processes() == 1:
        yield
        return
    if not leads:
        (has_failed,) = any_of_all([False])
        if has_failed:
            raise RuntimeError(
                "The process that leads refused what all of them were told to do; its "
                "message says why."
            )
    has_failed = True
    try:
        yield
        has_failed = False
    finally:
        if leads:
            any_of_all([has_failed])


@functools.cache
def _compiled_sum(strategy):
    def total(x):
        return strategy.reduce("SUM", strategy.run(tf.identity, args=(x,)), axis=None)

    return tf.function(total)


def _distribute_jax(parameters):
    environment = os.environ
    if any(name in environment for name in _CLUSTER) or any(
        int(environment.get(name, 1)) > 1 for name in _CLUSTER_SIZES
    ):
        keras.distribution.initialize()
    devices = keras.distribution.list_devices()
    if len(devices) == 1:
        return
    is_even = len(devices) % 2 == 0
    if parameters >= LARGE and is_even and jax.process_count() == 1:
        distribution = model_parallel(devices, per_copy=2)
    else:
        distribution = keras.distribution.DataParallel(
            devices=devices, auto_shard_dataset=False
        )
    keras.distribution.set_distribution(distribution)


def _distribute_tensorflow():
    # Workers first: TensorFlow must not have looked at its devices by then.
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if not resolver.cluster_spec().jobs and int(os.environ.get(_SLURM_SIZE, 1)) > 1:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
    if _num_workers(resolver) > 1:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        tf.distribute.experimental_set_strategy(strategy)
        return
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        strategy = tf.distribute.MirroredStrategy([each.name for each in devices])
        tf.distribute.experimental_set_strategy(strategy)


def worker_resolver():
    """What knows TensorFlow's workers; None where this process is none."""
    if keras.backend.backend() != "tensorflow":
        return None
    strategy = tf.distribute.get_strategy()
    is_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return strategy.cluster_resolver if is_worker else None


def _num_workers(resolver):
    jobs = resolver.cluster_spec().as_dict()
    return len(jobs.get("worker", ())) + _num_chiefs(resolver)


def _num_chiefs(resolver):
    return len(resolver.cluster_spec().as_dict().get("chief", ()))
