"""The recipe as a user runs it, on a small file, and what its run is good for."""

import pytest

import zoo
from recipes import classify_text, pretrain_text_encoder
from tests.tasks.test_masked_lm import LINES

SHRUNK = {
    "preset": "bert_tiny",
    "vocabulary_size": 90,
    "row_length": 16,
    "batch_size": 8,
    "epochs": 2,
}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(f"{line} {i}" for i in range(12) for line in LINES))
    return path


@pytest.mark.slow
def test_from_texts_to_a_start_for_a_classifier(data, tmp_path):
    folders = {"run_dir": str(tmp_path / "run"), "export_dir": str(tmp_path / "out")}
    scores = pretrain_text_encoder.main(data=[str(data)], **SHRUNK, **folders)
    assert set(scores["held out"]) == {"masked_accuracy", "perplexity"}
    metrics = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert {"val_perplexity", "val_masked_accuracy"} <= set(metrics[0].split(","))
    assert len(metrics) == 1 + SHRUNK["epochs"]
    task = zoo.MaskedLM.from_preset(tmp_path / "run")
    assert len(task.fill("the [MASK] barks")[0]) == 5
    assert (tmp_path / "out" / "1" / "saved_model.pb").is_file()

    table = tmp_path / "labelled.tsv"
    rows = [f"{line} {i}\t{line.split()[1]}" for i in range(6) for line in LINES]
    table.write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    scores = classify_text.main(
        data=str(table),
        preset=str(tmp_path / "run"),
        epochs=1,
        max_length=16,
        run_dir=str(tmp_path / "classifier"),
        export_dir=str(tmp_path / "classes"),
    )
    assert 0 <= scores["validation"]["accuracy"] <= 1
