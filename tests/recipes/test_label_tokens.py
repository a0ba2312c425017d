"""The recipe as a user runs it, on a small file."""

import pytest

import zoo
from recipes import label_tokens
from tests.tasks.test_token_classifier import SENTENCES, TEXTS

SHRUNK = {"vocabulary_size": 60, "epochs": 3, "batch_tokens": 256, "max_length": 16}


@pytest.fixture
def data(tmp_path):
    lines = [
        "\n".join(f"{word}\t{label}" for word, label in zip(*pair, strict=True))
        for pair in SENTENCES * 8
    ]
    # No sentence is in two splits: each gets a number.
    lines = [f"{i}\tO\n{sentence}" for i, sentence in enumerate(lines)]
    path = tmp_path / "names.conll"
    path.write_text("\n\n".join(lines) + "\n")
    return path


def main(data, tmp_path):
    folders = {"run_dir": str(tmp_path / "run"), "export_dir": str(tmp_path / "export")}
    return label_tokens.main(data=str(data), **folders, **SHRUNK)


def test_data_of_another_kind_is_told_in_words(tmp_path):
    path = tmp_path / "films.tsv"
    path.write_text("text\tlabel\n" + "".join(f"film {i}\tgood\n" for i in range(9)))
    expected = r"training have \['label', 'text'\], .* needs .*'labels'\]\. .*--tokens"
    with pytest.raises(ValueError, match=expected):
        main(path, tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_label_that_only_a_test_has_is_told_before_the_training(data, tmp_path):
    folder = tmp_path / "names"
    folder.mkdir()
    data.rename(folder / "train.conll")
    (folder / "test.conll").write_text("anna\tB-god\nlives\tO\n\ntom\tB-person\n")
    expected = r"for test have labels that none for training has: \['B-god'\]\. Add"
    with pytest.raises(ValueError, match=expected):
        main(folder, tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_it_learns_measures_and_exports(data, tmp_path):
    scores = main(data, tmp_path)
    assert set(scores) == {"held out", "validation"}
    assert set(scores["held out"]) == {"accuracy", "precision", "recall", "f1"}
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert "val_f1" in metrics[0] and len(metrics) == 1 + SHRUNK["epochs"]
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"README.md", "curves.png", "confusion.png", "attention.png"} <= names
    assert {"calibration.png", "classes.csv", "most_wrong.csv"} <= names
    wrong = (tmp_path / "run" / "most_wrong.csv").read_text().splitlines()
    assert "[" in wrong[1]
    labeller = zoo.TokenClassifier.from_preset(tmp_path / "run")
    assert len(labeller.label(TEXTS)) == len(TEXTS)
    assert (tmp_path / "export" / "1" / "saved_model.pb").is_file()
