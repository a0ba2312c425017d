"""TensorFlow as a training needs it: memory is kept, products are oneDNN's."""

import os
import platform
import subprocess
import sys

import pytest

from recipes import ENGINE

PROGRAM = """
import recipes
import resource
import tensorflow as tf

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

x = tf.zeros((4096, 4096))
for _ in range(2):
    x + 1
before = faults()
for _ in range(10):
    x + 1
print(faults() - before)
"""


def test_a_step_takes_no_new_pages():
    assert int(ran().stdout) < 20_000  # 10 times 64 MiB are 160,000 pages


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is of x86-64 here")
def test_products_are_of_onednn_unless_told_otherwise():
    message = "oneDNN custom operations are on"
    assert message in ran().stderr
    assert message not in ran(TF_ENABLE_ONEDNN_OPTS="0").stderr


def ran(**own):
    """The program, in an environment where nothing else is said of TensorFlow."""
    others = {name: x for name, x in os.environ.items() if name not in ENGINE}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**others, "TF_CPP_MIN_LOG_LEVEL": "0", **own},
        capture_output=True,
        text=True,
        check=True,
    )
