"""On other backends, too, a run goes on inside an epoch as if nothing had been."""

import pytest

from tests.on_backend import run_on

CODE = """
import sys, pathlib
import numpy as np
from tests.training.tiny import Epochs, Stop, Task
from zoo import training
import zoo.training.report

zoo.training.report.draw_curves = lambda *arguments: None
folder = pathlib.Path(sys.argv[1])

class Killed(BaseException):
    pass

def kill():
    raise Killed

def fit(name, task, **options):
    options = {"epochs": 3, "average": None, "verbose": 0, "save_steps": 1, **options}
    training.fit(task, Epochs(), run_dir=folder / name, **options)
    return [np.array(weight) for weight in task.model.get_weights()]

whole = fit("whole", Task(seed=1))
for epoch, batch in enumerate((2, 5)):
    try:
        fit("parts", Task(seed=1), callbacks=[Stop(epoch, batch, kill)])
    except Killed:
        print("killed")
for x, y in zip(whole, fit("parts", Task(seed=7)), strict=True):
    np.testing.assert_array_equal(x, y)
rows = [(folder / name / "metrics.csv").read_text() for name in ("whole", "parts")]
assert rows[0] == rows[1], rows
print("the same")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_killed_run_is_the_same_run(backend, tmp_path):
    printed = run_on(backend, "-c", CODE, str(tmp_path))
    assert printed.split("\n")[-4:-1] == ["killed", "killed", "the same"]
