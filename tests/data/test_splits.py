import tensorflow as tf

from zoo.data import read_splits


def sources(pairs):
    return {pair["source"].decode() for pair in pairs.as_numpy_iterator()}


def write_parallel(folder, split, number):
    for language in ("en", "de"):
        lines = [f"{split} {language} {i}\n" for i in range(number)]
        (folder / f"{split}.{language}").write_text("".join(lines))


def test_the_splits_of_a_folder_are_found_by_name(tmp_path):
    for split in ("train", "val", "test_2016", "test_2017"):
        write_parallel(tmp_path, split, 2)
    (tmp_path / "README.md").write_text("about")
    train, validation, tests = read_splits(tmp_path, "en", "de")
    assert sources(train) == {"train en 0", "train en 1"}
    assert sources(validation) == {"val en 0", "val en 1"}
    assert list(tests) == ["test_2016", "test_2017"]
    assert sources(tests["test_2017"]) == {"test_2017 en 0", "test_2017 en 1"}


def test_without_splits_some_are_held_out_and_no_source_is_in_two(tmp_path):
    path = tmp_path / "pairs.tsv"
    lines = [f"source {i % 900}\ttarget {i}\n" for i in range(1000)]
    path.write_text("".join(lines))
    train, validation, tests = read_splits(path)
    train, validation, test = map(sources, (train, validation, tests["held out"]))
    assert len(train | validation | test) == 900
    assert not (train & validation or train & test or validation & test)
    assert 5 <= len(validation) <= 45
    assert 5 <= len(test) <= 45


def test_the_same_are_held_out_every_time(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {i}\ttarget {i}\n" for i in range(500)))
    first, second = (read_splits(path)[2]["held out"] for _ in range(2))
    assert sources(first) == sources(second)
    assert isinstance(first, tf.data.Dataset)
