import tensorflow as tf

from zoo.training import TensorBoardEvents


def events(folder):
    """(step, tag, value) of every event file of a folder, in order."""
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            found += [(event.step, x.tag, x.simple_value) for x in event.summary.value]
    return found


def test_validation_shares_the_name_with_training(tmp_path):
    writer = TensorBoardEvents(tmp_path)
    writer.write({"epoch": 1, "loss": 2.0, "val_loss": 2.5})
    writer.write({"epoch": 2, "loss": 1.0, "val_loss": 1.5})
    writer.close()
    assert events(tmp_path / "train") == [(1, "loss", 2.0), (2, "loss", 1.0)]
    assert events(tmp_path / "validation") == [(1, "loss", 2.5), (2, "loss", 1.5)]


def test_a_run_that_goes_on_adds_a_file(tmp_path):
    for epoch in (1, 2):
        writer = TensorBoardEvents(tmp_path)
        writer.write({"epoch": epoch, "loss": 1.0})
        writer.close()
    assert events(tmp_path / "train") == [(1, "loss", 1.0), (2, "loss", 1.0)]
    assert not (tmp_path / "validation").exists()


def test_every_file_begins_with_the_version(tmp_path):
    writer = TensorBoardEvents(tmp_path)
    writer.write({"epoch": 1, "loss": 1.0})
    writer.close()
    (path,) = (tmp_path / "train").iterdir()
    first = next(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    assert tf.compat.v1.Event.FromString(first).file_version == "brain.Event:2"


def test_it_is_readable_while_the_run_goes(tmp_path):
    writer = TensorBoardEvents(tmp_path)
    writer.write({"epoch": 1, "loss": 1.0})
    assert events(tmp_path / "train") == [(1, "loss", 1.0)]
    writer.close()
