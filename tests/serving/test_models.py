"""Models of a folder come, are replaced and go while they are asked."""

import shutil
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tests.serving import small_models
from zoo.export import _write_warmup
from zoo.serving import model_files
from zoo.serving.batching import Limits, RetiredError
from zoo.serving.models import Models, NotFoundError
from zoo.serving.version import Version

SOON = 10.0
NEVER = float("inf")


@pytest.fixture
def folder(tmp_path):
    small_models.write(tmp_path / "shout" / "1", mark="1")
    return tmp_path


@pytest.fixture
def models(folder):
    models = Models(folder, Limits(), {("shout", "kept"): 3})
    models.refresh()
    yield models
    models.stop()


def ask(models, **which):
    signature = models.get("shout", **which).signatures["serving_default"]
    inputs = {"text": np.array([b"a"], object)}
    future = signature.batcher.submit(inputs, NEVER)
    (answer,) = future.result(SOON)["translation"]
    return answer.decode()


def states(models):
    return {status.version: status.state for status in models.statuses("shout")}


def test_the_newest_version_takes_over(models, folder):
    assert ask(models) == "A1"
    small_models.write(folder / "shout" / "10", mark="10")
    small_models.write(folder / "shout" / "9", mark="9")
    models.refresh()
    assert ask(models) == "A10"
    assert states(models) == {10: "AVAILABLE"}
    with pytest.raises(NotFoundError, match=r"Specific\(shout, 1\)"):
        models.get("shout", version=1)


def test_a_version_with_a_label_stays(models, folder):
    small_models.write(folder / "shout" / "3", mark="3")
    small_models.write(folder / "shout" / "4", mark="4")
    models.refresh()
    assert (ask(models), ask(models, label="kept")) == ("A4", "A3")
    assert ask(models, version=3) == "A3"


def test_one_that_does_not_load_is_told_and_the_old_one_goes_on(models, folder):
    broken = folder / "shout" / "2"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no model")
    models.refresh()
    assert ask(models) == "A1"
    (newest, older) = models.statuses("shout")
    assert (newest.version, newest.state, older.state) == (2, "END", "AVAILABLE")
    assert newest.error
    shutil.rmtree(broken)
    small_models.write(broken, mark="2")
    models.refresh()
    assert ask(models) == "A2"
    assert states(models) == {2: "AVAILABLE"}


def test_where_the_newest_does_not_load_an_older_one_begins(folder):
    for number in ("7", "8"):
        broken = folder / "shout" / number
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"no model")
    models = Models(folder, Limits())
    models.refresh()
    assert ask(models) == "A1"
    assert states(models) == {8: "END", 7: "END", 1: "AVAILABLE"}
    models.stop()


def test_a_version_that_was_replaced_leaves_memory(models, folder):
    old = weakref.ref(models.get("shout"))
    small_models.write(folder / "shout" / "2")
    models.refresh()
    assert ask(models) == "A!" and old() is None


def test_a_batch_that_never_ends_keeps_no_new_version_away(models, folder, monkeypatch):
    monkeypatch.setattr("zoo.serving.models._UNLOAD_S", 0.1)
    batcher = models.get("shout").signatures["serving_default"].batcher
    begun, may_end = threading.Event(), threading.Event()
    monkeypatch.setattr(batcher, "_run", lambda inputs: begun.set() or may_end.wait())
    batcher.submit({"text": np.array([b"a"], object)}, NEVER)
    assert begun.wait(SOON)
    for mark in "23":
        small_models.write(folder / "shout" / mark, mark)
        models.refresh()
        assert ask(models) == f"A{mark}"
    may_end.set()


def test_it_may_stop_while_versions_are_taken_away(models, folder, monkeypatch):
    small_models.write(folder / "other" / "1")
    models.refresh()
    small_models.write(folder / "shout" / "2")
    old = models.get("shout")
    monkeypatch.setattr(old, "close", lambda latest: models.stop())
    models.refresh()
    assert models.names() == []


def test_what_loads_while_it_stops_does_not_come_back(folder, monkeypatch):
    def version(*args):
        models.stop()
        return Version(*args)

    models = Models(folder, Limits())
    monkeypatch.setattr("zoo.serving.models.Version", version)
    models.refresh()
    assert models.names() == []


def test_streams_are_warm(folder):
    inputs = {"text": np.array(["warm", "too"])}
    _write_warmup(folder / "shout" / "1" / "assets.extra", "serving_default", inputs)
    models = Models(folder, Limits())
    models.refresh()
    steps = models.get("shout").signatures["steps"]
    inputs = {"text": np.array([b"a"], object)}
    assert steps.batcher.submit(inputs, NEVER).result(SOON)["steps"].tolist() == [1]
    models.stop()


def test_a_folder_that_is_away_takes_no_model_away(models, folder):
    folder.rename(folder.with_name("away"))
    with pytest.raises(FileNotFoundError):
        models.refresh()
    assert ask(models) == "A1"
    folder.with_name("away").rename(folder)
    models.refresh()
    assert ask(models) == "A1"


def test_it_is_not_ready_before_it_has_looked(folder, monkeypatch):
    models = Models(folder, Limits())
    seen = []

    def refresh():
        seen.append(models.is_ready)
        if len(seen) == 1:
            raise OSError("the disk is away")
        if len(seen) == 3:
            models.stop()

    monkeypatch.setattr(models, "refresh", refresh)
    models.begin(0.01)
    assert seen == [False, False, True]


def test_a_folder_without_a_model_is_told(tmp_path, caplog, monkeypatch):
    models = Models(tmp_path, Limits())
    monkeypatch.setattr(models._stopped, "wait", lambda _: models._stopped.set())
    models.begin(0.01)
    assert models.is_ready
    assert f"There is no model in {tmp_path}: folders NAME/VERSION" in caplog.text


def test_a_model_that_is_taken_away_is_gone(models, folder):
    shutil.rmtree(folder / "shout")
    models.refresh()
    assert models.names() == []
    with pytest.raises(NotFoundError, match="any versions of model shout"):
        models.statuses("shout")
    with pytest.raises(NotFoundError, match=r"Latest\(shout\)"):
        models.get("shout")


def test_no_request_fails_while_versions_change(models, folder):
    stopped, seen = threading.Event(), []

    def client():
        while not stopped.is_set():
            try:
                seen.append(ask(models))
            except RetiredError:
                continue  # as the server does: its successor is there already

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    for number in range(2, 5):
        small_models.write(folder / "shout" / str(number), mark=str(number))
        models.refresh()
    ask(models)
    stopped.set()
    for each in clients:
        each.join(SOON)
        assert not each.is_alive()
    assert {"A1", "A4"} <= set(seen) <= {"A1", "A2", "A3", "A4"}


def test_the_requests_beside_a_model_warm_it_up(folder):
    version = folder / "shout" / "1"
    shutil.rmtree(version / "assets.extra", ignore_errors=True)
    inputs = {"text": np.array(["warm"])}
    _write_warmup(version / "assets.extra", "serving_default", inputs)
    models = Models(folder, Limits())
    models.refresh()
    count = models.get("shout").signatures["count"]
    inputs = {"text": np.array([b"a"], object)}
    assert count.batcher.submit(inputs, NEVER).result(SOON)["calls"].tolist() == [1]
    models.stop()


def test_rows_that_depend_on_each_other_go_alone(models):
    signatures = models.get("shout").signatures
    wide = signatures["words"]
    assert wide.outputs["word"].shape.as_list() == [None, None]
    texts = [b"a b c", b"d"]
    futures = [
        wide.batcher.submit({"text": np.array([text], object)}, NEVER) for text in texts
    ]
    shapes = [future.result(SOON)["word"].shape for future in futures]
    assert shapes == [(1, 3), (1, 1)]


def test_what_is_no_model_is_passed_over(folder):
    (folder / "notes").mkdir()
    (folder / "notes" / "1").mkdir()
    (folder / "README.md").write_text("models")
    writing = folder / ".writing-x" / "1"
    writing.mkdir(parents=True)
    (writing / "saved_model.pb").write_bytes(b"half")
    models = Models(folder, Limits())
    models.refresh()
    assert models.names() == ["shout"]
    models.stop()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder. Pass one that holds"):
        Models(tmp_path / "none", Limits())


def test_a_disk_that_is_away_ends_nothing(models, monkeypatch):
    looked = threading.Semaphore(0)

    def away():
        looked.release()
        raise OSError("the disk is away")

    monkeypatch.setattr(models, "refresh", away)
    thread = threading.Thread(target=models.begin, args=(0.01,))
    thread.start()
    for _ in range(3):
        assert looked.acquire(timeout=SOON)
    assert ask(models) == "A1"
    models.stop()
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_version_that_cannot_be_read_keeps_no_other_away(folder, monkeypatch):
    looks = model_files.looks

    def unreadable(path):
        if path.parent.name == "shout":
            raise PermissionError("not for you")
        return looks(path)

    (folder / "other").mkdir()
    (folder / "shout" / "1").rename(folder / "other" / "1")
    (folder / "shout" / "1").mkdir()
    (folder / "shout" / "1" / "saved_model.pb").write_bytes(b"")
    monkeypatch.setattr(model_files, "looks", unreadable)
    models = Models(folder, Limits())
    models.refresh()
    assert models.get("other").number == 1
    with pytest.raises(NotFoundError):
        models.get("shout")
    models.stop()


def test_an_answer_is_that_of_the_model_itself(folder, models):
    loaded = tf.saved_model.load(str(folder / "shout" / "1"))
    texts = ["a", "süß", ""]
    expected = loaded.signatures["serving_default"](text=tf.constant(texts))
    batcher = models.get("shout").signatures["serving_default"].batcher
    inputs = {"text": np.array([text.encode() for text in texts], object)}
    found = batcher.submit(inputs, NEVER).result(SOON)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())
