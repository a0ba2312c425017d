"""Texts of several corpora as one, without their labels."""

import pathlib

import pytest

from zoo.data import read, read_corpora

REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"


def texts_of(dataset):
    assert set(dataset.element_spec) == {"text"}
    return [example["text"].decode() for example in dataset.as_numpy_iterator()]


@pytest.fixture
def films(tmp_path):
    """A labelled table a split."""
    folder = tmp_path / "films"
    folder.mkdir()
    for split, number in (("train", 60), ("test", 2)):
        rows = [f"{split} film {i}\t{i % 2}" for i in range(number)]
        (folder / f"{split}.tsv").write_text("review\tlabel\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def books(tmp_path):
    """Sentences of documents, and a plain text for validation."""
    folder = tmp_path / "books"
    folder.mkdir()
    rows = [f"doc {i // 3}\tfiction\tsentence {i}" for i in range(30)]
    table = "doc\tcategory\tsentence\n" + "\n".join(rows) + "\n"
    (folder / "train.tsv").write_text(table)
    (folder / "valid.txt").write_text("a line\nanother line\n")
    return folder


def test_rows_of_a_document_are_one_text_and_labels_are_left_out(books, films):
    first, *others = texts_of(read(books, unlabelled=True))
    assert first == "sentence 0\nsentence 1\nsentence 2" and len(others) == 9
    assert texts_of(read(films, "test", unlabelled=True)) == [
        "test film 0",
        "test film 1",
    ]


def test_splits_are_joined_and_tests_keep_their_names(films, books):
    train, validation, tests = read_corpora([films, books])
    held_out = texts_of(validation)
    assert held_out[-2:] == ["a line", "another line"] and len(held_out) == 3
    shown = texts_of(train)
    assert len(shown) == 59 + len(texts_of(read(books, unlabelled=True))) - 1
    assert not set(held_out) & set(shown)
    assert list(tests) == [f"{films}: test", f"{books}: held out"]
    assert list(read_corpora([films])[2]) == ["test"]


def test_a_row_that_names_no_document_stands_alone(tmp_path):
    rows = [("a", "1"), ("b", "1"), ("c", None), ("d", None), ("e", "2")]
    lines = [f'{{"text": "{text}", "doc_id": {name or "null"}}}' for text, name in rows]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    texts = texts_of(read(tmp_path / "train.jsonl", unlabelled=True))
    assert texts == ["a\nb", "c", "d", "e"]


def test_labelled_words_are_sentences(tmp_path):
    path = tmp_path / "train.conll"
    path.write_text("A\tO\ndog\tO\n\nTwo\tO\n")
    assert texts_of(read(path, unlabelled=True)) == ["A dog", "Two"]


@pytest.mark.parametrize("paths", ["data/imdb", pathlib.Path("imdb"), []])
def test_a_list_of_corpora_is_needed(paths):
    with pytest.raises(ValueError, match="takes a list of files and folders, got"):
        read_corpora(paths)


def test_what_labels_texts_does_not_go_with_texts_alone(films):
    with pytest.raises(ValueError, match="reads texts alone. Leave out label="):
        read(films, label="label", unlabelled=True)
    with pytest.raises(ValueError, match="no column that is known to hold the text"):
        (films / "train.tsv").write_text("x\ty\na\tb\n")
        read(films, unlabelled=True)


@pytest.mark.skipif(not REAL.is_dir(), reason="the public corpora are not here")
def test_public_text_is_read_as_whole_documents():
    train, validation, tests = read_corpora([REAL / "lm_text"])
    assert int(train.cardinality()) > 800  # documents of Brown and MASC, speeches
    assert len(texts_of(validation)) > 50 and list(tests) == ["test"]
