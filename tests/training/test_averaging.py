import json

import numpy as np
import pytest

from tests.training.test_checkpoints import trained
from tests.training.tiny import tiny_model
from zoo import training


@pytest.fixture
def run(run_dir):
    trained(run_dir / "checkpoints", losses=[1, 4, 2, 3], keep=3)
    return run_dir


def epochs(paths):
    return [int(path.name[len("epoch-") :][:4]) for path in paths]


def test_last_and_best_checkpoints_come_in_order(run):
    assert epochs(training.last_checkpoints(run, 2)) == [4, 3]
    assert epochs(training.best_checkpoints(run, 3)) == [2, 4, 3]
    assert epochs(training.last_checkpoints(run, 9)) == [4, 3, 2]


def test_the_average_is_the_mean_of_the_weights(run):
    paths = training.last_checkpoints(run, 3)
    each = []
    for path in paths:
        model = tiny_model()
        training.average_weights(model, [path])
        each.append(model.get_weights())
    training.average_weights(model, paths)
    for mean, *parts in zip(model.get_weights(), *each, strict=True):
        np.testing.assert_allclose(mean, np.mean(parts, axis=0), rtol=1e-6)
        assert mean.dtype == parts[0].dtype
        assert not np.array_equal(parts[0], parts[1])


def test_averaging_leaves_the_optimizer_alone(run):
    model = tiny_model()
    checkpoints = training.Checkpoints(run / "checkpoints", "score")
    checkpoints.restore(model)
    before = [variable.numpy() for variable in model.optimizer.variables]
    training.average_weights(model, training.best_checkpoints(run, 3))
    for x, y in zip(before, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(x, y.numpy())


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="got no paths"):
        training.average_weights(tiny_model(), [])


def test_a_cut_short_file_is_named(run):
    paths = training.last_checkpoints(run, 2)
    paths[0].write_bytes(paths[0].read_bytes()[:500])
    with pytest.raises(ValueError, match="epoch-0004.weights.h5 is missing or cut"):
        training.average_weights(tiny_model(), paths)


def test_a_folder_without_checkpoints_is_named(tmp_path):
    with pytest.raises(ValueError, match="checkpoints holds no checkpoints"):
        training.best_checkpoints(tmp_path, 3)


@pytest.mark.parametrize("damage", ["flip", "remove"])
def test_weights_that_are_lost_or_damaged_are_named_and_left_out(run, damage):
    path = training.last_checkpoints(run, 1)[0]
    content = bytearray(path.read_bytes())
    content[-9] ^= 1  # one bit
    path.write_bytes(content)
    if damage == "remove":
        path.unlink()
    with pytest.warns(UserWarning, match="epoch-0004.weights.h5 is lost or damaged"):
        assert epochs(training.last_checkpoints(run, 2)) == [3]
    with (
        pytest.warns(UserWarning, match="epoch-0004"),
        pytest.raises(ValueError, match="1 epochs in .* and none is left"),
    ):
        training.last_checkpoints(run, 1)


def test_the_checksums_of_weights_survive_a_resume(run):
    trained(run / "checkpoints", losses=[1, 4, 2, 3, 0], keep=3)
    training.last_checkpoints(run, 3)[1].unlink()
    with pytest.warns(UserWarning, match="epoch-0004"):
        assert epochs(training.last_checkpoints(run, 3)) == [5, 3]


def test_runs_without_checksums_of_weights_are_taken(run):
    for path in (run / "checkpoints").glob("state-*.json"):
        record = json.loads(path.read_text())
        del record["weights_sha256"], record["record_sha256"]
        path.write_text(json.dumps(record))
    training.last_checkpoints(run, 2)[0].unlink()
    assert epochs(training.last_checkpoints(run, 2)) == [3]
