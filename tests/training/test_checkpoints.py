import keras
import numpy as np
import pytest

from tests.training.tiny import Task, batches, tiny_model
from zoo import training

NEWEST = "state-0003-00000000"


def trained(folder, losses=(3.0, 2.0, 1.0), model=None, **options):
    """A model and its checkpoints after as many epochs as there are losses."""
    model = model or tiny_model()
    checkpoints = training.Checkpoints(folder, "score", **options)
    scores = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(score=losses[epoch])
    )
    model.fit(
        batches(),
        epochs=len(losses),
        callbacks=[scores, checkpoints],
        shuffle=False,
        verbose=0,
    )
    return model, checkpoints


def names(folder, ending):
    return sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))


def test_restoring_gives_back_all_state(tmp_path):
    model, _ = trained(tmp_path)
    other = tiny_model(seed=5)
    assert training.Checkpoints(tmp_path, "score").restore(other) == (3, 0)
    pairs = [
        *zip(model.variables, other.variables, strict=True),
        *zip(model.optimizer.variables, other.optimizer.variables, strict=True),
    ]
    for x, y in pairs:
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)
        )


@pytest.mark.parametrize(
    "optimizer", ["AdamW", "Lion", "Muon", "SGD", "LossScaleOptimizer"]
)
def test_optimizers_by_name_come_back_whole(tmp_path, optimizer):
    def make():
        kind = getattr(keras.optimizers, optimizer)
        model = tiny_model()
        inner = [keras.optimizers.Adam()] if optimizer == "LossScaleOptimizer" else []
        model.compile(kind(*inner), loss="mse", jit_compile=False)
        return model

    model, _ = trained(tmp_path, model=make())
    other = make()
    assert training.Checkpoints(tmp_path, "score").restore(other) == (3, 0)
    before, after = model.optimizer.variables, other.optimizer.variables
    assert len(before) == len(after) > 1
    for x, y in zip(before, after, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)
        )


def test_the_last_and_the_best_stay(tmp_path):
    trained(tmp_path, losses=[9, 8, 7, 1, 2, 3, 4], keep=2)
    kept = [f"epoch-000{epoch}" for epoch in (1, 2, 6, 7)]
    assert names(tmp_path, ".weights.h5") == kept
    states = ["state-0006-00000000", "state-0007-00000000"]
    assert names(tmp_path, ".json") == names(tmp_path, ".npz") == states


def test_less_is_better_where_one_says_so(tmp_path):
    trained(tmp_path, losses=[9, 1, 7], mode="min")
    best = tmp_path / "epoch-0002.weights.h5"
    assert best.is_file()
    assert not (tmp_path / "epoch-0001.weights.h5").exists()


def test_weights_alone_are_smaller_than_the_state(tmp_path):
    trained(tmp_path, model=tiny_model(units=5000))
    alone = (tmp_path / "epoch-0003.weights.h5").stat().st_size
    state = (tmp_path / f"{NEWEST}.npz").stat().st_size
    assert alone < state / 2


@pytest.mark.parametrize("ending", [".npz", ".json"])
def test_a_cut_short_checkpoint_is_named_and_the_one_before_used(tmp_path, ending):
    trained(tmp_path)
    newest = tmp_path / f"{NEWEST}{ending}"
    newest.write_bytes(newest.read_bytes()[:-50])
    checkpoints = training.Checkpoints(tmp_path, "score")
    with pytest.warns(UserWarning, match=f"{NEWEST}{ending} is cut short.*before"):
        assert checkpoints.restore(tiny_model()) == (2, 0)
    assert [row["epoch"] for row in checkpoints.history] == [1, 2]


@pytest.mark.parametrize("damage", [('"epoch": 3', '"epoch": 2'), ('"step"', '"stop"')])
def test_a_record_that_says_otherwise_is_named(tmp_path, damage):
    trained(tmp_path)
    newest = tmp_path / f"{NEWEST}.json"
    text = newest.read_text()
    assert damage[0] in text
    newest.write_text(text.replace(*damage, 1))
    with pytest.warns(UserWarning, match=f"{NEWEST}.json is damaged"):
        assert training.Checkpoints(tmp_path, "score").restore(tiny_model()) == (2, 0)


def test_a_missing_state_is_named(tmp_path):
    trained(tmp_path)
    (tmp_path / f"{NEWEST}.npz").unlink()
    with pytest.warns(UserWarning, match=f"{NEWEST}.npz is missing"):
        assert training.Checkpoints(tmp_path, "score").restore(tiny_model()) == (2, 0)


def test_only_damaged_checkpoints_are_an_error_not_a_new_start(tmp_path):
    trained(tmp_path)
    for path in tmp_path.glob("*.npz"):
        path.write_bytes(b"")
    checkpoints = training.Checkpoints(tmp_path, "score")
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(ValueError, match="None of the 2 checkpoints .*--no-resume"),
    ):
        checkpoints.restore(tiny_model())


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    trained(tmp_path)
    checkpoints = training.Checkpoints(tmp_path, "score")
    with pytest.raises(ValueError, match="of another model or optimizer"):
        checkpoints.restore(tiny_model(units=7))


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path):
    trained(tmp_path)
    model = tiny_model()
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="of another model or optimizer"):
        training.Checkpoints(tmp_path, "score").restore(model)


def test_a_model_without_variables_or_optimizer_is_refused(tmp_path):
    checkpoints = training.Checkpoints(tmp_path)
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    unbuilt.compile("adam")
    with pytest.raises(ValueError, match="a model that is not built"):
        checkpoints.restore(unbuilt)
    uncompiled = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="a model that is not compiled"):
        checkpoints.restore(uncompiled)


def test_an_unknown_metric_is_refused_with_the_known(tmp_path):
    checkpoints = training.Checkpoints(tmp_path, "val_blue")
    with pytest.raises(
        ValueError, match=r"'val_blue' is not among .*\['loss', 'mae'\]"
    ):
        tiny_model().fit(batches(), callbacks=[checkpoints], shuffle=False, verbose=0)


def test_it_stops_when_patience_is_spent(tmp_path):
    _, checkpoints = trained(tmp_path, losses=[5, 6, 1, 2, 3, 4], patience=2)
    assert [row["epoch"] for row in checkpoints.history] == [1, 2, 3, 4]
    assert checkpoints.patience_is_spent


def test_no_pickle_is_written(tmp_path):
    trained(tmp_path)
    heads = {path.suffix: path.read_bytes()[:4] for path in tmp_path.iterdir()}
    assert set(heads) == {".h5", ".json", ".npz"}
    assert heads[".h5"] == b"\x89HDF"
    for path in tmp_path.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert not any(arrays[name].dtype.hasobject for name in arrays)


def test_a_task_goes_on_with_a_fresh_model(tmp_path):
    model, _ = trained(tmp_path)
    task = Task(seed=3)
    training.Checkpoints(tmp_path, "score").restore(task.model)
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(model(x), task.model(x))
