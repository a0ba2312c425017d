"""What every test starts from."""

import gc
import os

# Read when TensorFlow is imported: a test's recipes are processes that have it so.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import pytest

# What a worker's tests have freed is given back: recipes keep it, and four workers of
# some gigabytes each share the machine.
os.environ["TF_CPU_ALLOCATOR_USE_BFC"] = "0"

# What is compiled here runs once or twice: making it fast takes a third of the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# Tracing makes objects by the million: looking for cycles among them as often as Python
# does by itself takes a twelfth of the time.
gc.set_threshold(100_000, 20, 20)

if os.environ.get("KERAS_BACKEND") == "torch":
    import torch

    # Tensors that train are compared as on other backends.
    plain_array = torch.Tensor.__array__
    torch.Tensor.__array__ = lambda self, *args, **kwargs: plain_array(
        self.detach(), *args, **kwargs
    )


@pytest.fixture(autouse=True)
def _seed():
    """The same weights in every run: of random ones, some make near ties."""
    keras.utils.set_random_seed(0)
