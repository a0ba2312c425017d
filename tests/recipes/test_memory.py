"""A training keeps its memory from step to step."""

import os
import subprocess
import sys

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
    environment = {**os.environ}
    environment.pop("TF_CPU_ALLOCATOR_USE_BFC", None)
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ran.stdout) < 20_000  # 10 times 64 MiB are 160,000 pages
