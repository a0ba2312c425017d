"""The recipe as a user runs it, on a small file."""

import csv

import numpy as np
import pytest
import tensorflow as tf

import zoo
from recipes import classify_text

SHRUNK = {
    "vocabulary_size": 60,
    "epochs": 12,
    "batch_tokens": 512,
    "max_length": 16,
    "average": 2,
}
PARTS = [
    ("good", ["a fine film", "good fun", "what a good day", "fine acting"]),
    ("bad", ["an awful film", "no fun", "what a bad day", "bad acting"]),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "films.tsv"
    rows = [
        (f"{text} {ending}".strip(), label)
        for label, texts in PARTS
        for text in texts
        for ending in ("", "indeed", "he said", "she said", "again", "too")
    ]
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([("review", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = {"run_dir": str(folder / "run"), "export_dir": str(folder / "export")}
    scores = classify_text.main(data=str(data), **SHRUNK, **options)
    return folder, scores


def test_it_learns_measures_and_leaves_its_reports(run):
    folder, scores = run
    assert set(scores) == {"held out", "validation"}
    metrics = (folder / "run" / "metrics.csv").read_text().splitlines()
    assert "val_accuracy" in metrics[0] and len(metrics) == 1 + SHRUNK["epochs"]
    names = {path.name for path in (folder / "run").iterdir()}
    assert {"README.md", "curves.png", "confusion.png", "attention.png"} <= names
    assert {"calibration.png", "classes.csv", "most_wrong.csv", "config.json"} <= names
    assert "samples.txt" not in names


def test_the_export_answers_as_the_saved_classifier(run):
    folder, _ = run
    texts = [text for _, texts in PARTS for text in texts]
    loaded = tf.saved_model.load(str(folder / "export" / "1"))
    outputs = loaded.signatures["serving_default"](text=tf.constant(texts))
    classifier = zoo.TextClassifier.from_preset(folder / "run")
    np.testing.assert_allclose(
        outputs["probability"], classifier.probabilities(texts), atol=1e-4
    )
    labels = [label.decode() for label in outputs["label"].numpy()]
    right = [label for label, texts in PARTS for _ in texts]
    assert np.mean([a == b for a, b in zip(labels, right, strict=True)]) > 0.8


def test_a_trained_encoder_is_a_preset_that_goes_on_in_little_memory(
    run, data, tmp_path
):
    folder, _ = run
    options = {"run_dir": str(tmp_path / "run"), "export_dir": str(tmp_path / "export")}
    shrunk = {**SHRUNK, "vocabulary_size": None, "epochs": 1}
    scores = classify_text.main(
        data=str(data),
        preset=str(folder / "run"),
        lora_rank=4,
        remat=True,
        **shrunk,
        **options,
    )
    assert 0 <= scores["validation"]["accuracy"] <= 1
    before, after = (
        zoo.TextClassifier.from_preset(place / "run").model.encoder.get_weights()
        for place in (folder, tmp_path)
    )
    changed = [np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True)]
    assert any(changed) and not all(changed)  # matrices; neither biases nor norms


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("films.txt", "A fine film.\nGood fun.\nNo fun.\nAgain.\n", r"\['text'\]"),
        (
            "films.jsonl",
            "".join(f'{{"text": "film {i}", "labels": ["a"]}}\n' for i in range(9)),
            r"\['labels', 'text'\]",
        ),
    ],
)
def test_data_of_another_kind_is_told_in_words(name, text, columns, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    expected = f"training have {columns}, .* needs .*'label'.*multi_label=True"
    with pytest.raises(ValueError, match=expected):
        classify_text.main(data=str(path), run_dir=str(tmp_path / "run"), **SHRUNK)
    assert not (tmp_path / "run").exists()


def test_a_label_that_only_a_test_has_is_told_before_the_training(data, tmp_path):
    (tmp_path / "train.tsv").write_text(data.read_text())
    (tmp_path / "test.tsv").write_text("review\tlabel\nso so\tmiddling\n")
    expected = r"for test have labels that none for training has: \['middling'\]"
    run_dir = tmp_path / "run"
    with pytest.raises(ValueError, match=expected):
        classify_text.main(data=str(tmp_path), run_dir=str(run_dir), **SHRUNK)
    assert not run_dir.exists()


PAIR = "text\ttext_pair\tlabel", "\tits sequel"


@pytest.mark.parametrize("lacks", ["train", "test"])
def test_a_second_text_that_a_part_lacks_is_told_before_the_training(tmp_path, lacks):
    for part in ("train", "test"):
        header, more = ("text\tlabel", "") if part == lacks else PAIR
        rows = [f"film {i}{more}\t{i % 2}\n" for i in range(90)]
        (tmp_path / f"{part}.tsv").write_text(header + "\n" + "".join(rows))
    expected = r"have \['label', 'text'\], .* needs \['text', 'text_pair', 'label'\]"
    with pytest.raises(ValueError, match=expected):
        classify_text.main(data=str(tmp_path), run_dir=str(tmp_path / "run"), **SHRUNK)
    assert not (tmp_path / "run").exists()


def test_low_ranks_are_for_trained_encoders(tmp_path):
    with pytest.raises(ValueError, match="that of 'bert_tiny' is not trained"):
        classify_text.main(lora_rank=4, run_dir=str(tmp_path / "run"))
