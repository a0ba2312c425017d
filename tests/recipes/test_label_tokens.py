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


def test_it_learns_measures_and_exports(data, tmp_path):
    scores = label_tokens.main(
        data=str(data),
        run_dir=str(tmp_path / "run"),
        export_dir=str(tmp_path / "export"),
        **SHRUNK,
    )
    assert set(scores) == {"held out", "validation"}
    assert set(scores["held out"]) == {"accuracy", "precision", "recall", "f1"}
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert "val_f1" in metrics[0] and len(metrics) == 1 + SHRUNK["epochs"]
    labeller = zoo.TokenClassifier.from_preset(tmp_path / "run")
    assert len(labeller.label(TEXTS)) == len(TEXTS)
    assert (tmp_path / "export" / "1" / "saved_model.pb").is_file()
