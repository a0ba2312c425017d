"""One task, one script; run them as `python -m recipes.NAME --help`."""

import os

# Read when TensorFlow makes its first tensor: it keeps the memory of one step for the
# next. Malloc gives it back, and a virtual machine takes as long to find new pages as a
# small model to train: on one, a step of recipes.translate took 202 ms in place of 386.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "1")
