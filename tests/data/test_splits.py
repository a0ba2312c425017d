import gzip

import pytest
import tensorflow as tf

from zoo.data import read_splits, splits

SPLITS = ("train", "val", "test")


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


def test_what_only_begins_with_test_is_no_test_set(tmp_path):
    for split in ("train", "val", "test_2016"):
        write_parallel(tmp_path, split, 2)
    for name in ("test_2018.en", "test.en", "tests.md", "testing.md", "testing.rst"):
        (tmp_path / name).write_text("about\n")
    (tmp_path / "test_scripts").mkdir()
    assert list(read_splits(tmp_path, "en", "de")[2]) == ["test_2016"]


@pytest.mark.parametrize("extra", [None, "test.en", "test_2018.de", "tests.md"])
def test_without_a_test_set_one_is_held_out(tmp_path, extra):
    write_parallel(tmp_path, "train", 200)
    write_parallel(tmp_path, "val", 2)
    if extra is not None:
        (tmp_path / extra).write_text("no pair\n")
    train, validation, tests = read_splits(tmp_path, "en", "de")
    test = sources(tests["held out"])
    assert sources(validation) == {"val en 0", "val en 1"}
    assert len(sources(train)) == 196
    assert len(test) == 4
    assert not test & sources(train)


def test_without_a_validation_set_the_test_set_stays(tmp_path):
    write_parallel(tmp_path, "train", 200)
    write_parallel(tmp_path, "test", 2)
    train, validation, tests = read_splits(tmp_path, "en", "de")
    assert sources(tests["test"]) == {"test en 0", "test en 1"}
    assert len(sources(train)) == 196
    assert len(sources(validation)) == 4


def test_the_splits_of_a_table(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = [f"{split} source\t{split} target\t{split}\n" for split in SPLITS]
    path.write_text("source\ttarget\tsplit\n" + "".join(rows))
    for place in (path, tmp_path):
        train, validation, tests = read_splits(place)
        assert sources(train) == {"train source"}
        assert sources(validation) == {"val source"}
        assert sources(tests["test"]) == {"test source"}


BROKEN = {
    "unequal": ("en", b"one\n", "has 1 lines, but .* has 2. Line i of one"),
    "latin1": ("en", b"\xe4\nb\n", r"en, line 1: not UTF-8 \(byte 0xe4\)"),
    "empty": ("en", b"", r"en is empty\. Text, one sentence a line, is expected"),
    "blank": ("de", b" \n \n ", r"de is empty\. Text, one sentence a line"),
    "gzip": ("en.gz", gzip.compress(b"a\nb\n")[:9], "no complete gzip file"),
    "half": ("en", None, r"no language 'en'\. Languages: \['de'\]"),
}


@pytest.mark.parametrize(
    ("split", "kind"),
    [("val", kind) for kind in BROKEN]
    # Texts without translations are no test set.
    + [("test", kind) for kind in BROKEN if kind != "half"],
)
def test_a_broken_split_is_not_replaced(tmp_path, split, kind):
    for name in SPLITS:
        write_parallel(tmp_path, name, 2)
    suffix, data, message = BROKEN[kind]
    (tmp_path / f"{split}.{suffix.removesuffix('.gz')}").unlink()
    if data is not None:
        (tmp_path / f"{split}.{suffix}").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_splits(tmp_path, "en", "de")


def test_an_empty_table_of_a_split_is_not_replaced(tmp_path):
    (tmp_path / "train.tsv").write_text("".join(f"a {i}\tb {i}\n" for i in range(9)))
    (tmp_path / "val.tsv").write_text("source\ttarget\n")
    with pytest.raises(ValueError, match=r"val\.tsv has no pairs: there is nothing"):
        read_splits(tmp_path)


@pytest.mark.parametrize("number", [3, 20, 60])
def test_no_part_of_a_small_corpus_is_empty(tmp_path, number):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {i}\ttarget {i}\n" for i in range(number)))
    train, validation, tests = read_splits(path)
    assert len(sources(validation)) == len(sources(tests["held out"])) == 1
    assert len(sources(train)) == number - 2


def test_too_few_pairs_to_hold_out(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tb\na\tc\nd\te\n")
    expected = "has only 2 different sources .* at least 3 are needed. Add pairs, or"
    with pytest.raises(ValueError, match=expected):
        read_splits(path)


def test_without_splits_some_are_held_out_and_no_source_is_in_two(tmp_path):
    path = tmp_path / "pairs.tsv"
    lines = [f"source {i % 900}\ttarget {i}\n" for i in range(1000)]
    path.write_text("".join(lines))
    train, validation, tests = read_splits(path)
    train, validation, test = map(sources, (train, validation, tests["held out"]))
    assert len(train | validation | test) == 900
    assert not (train & validation or train & test or validation & test)
    assert len(validation) == len(test) == 18


def test_of_many_pairs_no_more_are_held_out_than_can_be_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(splits, "_MOST_SOURCES", 5)
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {i}\ttarget {i}\n" for i in range(500)))
    train, validation, tests = read_splits(path)
    assert len(sources(validation)) == len(sources(tests["held out"])) == 5
    assert len(sources(train)) == 490


def test_the_same_are_held_out_every_time(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"source {i}\ttarget {i}\n" for i in range(500)))
    first, second = (read_splits(path)[2]["held out"] for _ in range(2))
    assert sources(first) == sources(second)
    assert isinstance(first, tf.data.Dataset)
