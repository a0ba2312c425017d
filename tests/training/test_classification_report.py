import csv

import numpy as np
import pytest

from zoo.training import write_classification_report
from zoo.training.classification_report import calibration, class_scores

CLASSES = ["bad", "good", "日本"]
LABELS = np.array([0, 0, 1, 2, 1])
PROBABILITY = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.2, 0.7, 0.1],
        [0.1, 0.8, 0.1],
        [0.5, 0.4, 0.1],
        [0.3, 0.6, 0.1],
    ]
)
TEXTS = ["a", "b, $x", "c", "d", "e"]


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path):
    write_classification_report(tmp_path, CLASSES, TEXTS, LABELS, PROBABILITY)
    return tmp_path


def test_pictures_are_drawn(folder):
    for name in ("confusion.png", "calibration.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_every_class_has_its_scores(folder):
    bad, good, other = rows(folder / "classes.csv")
    assert bad["precision"] == bad["recall"] == bad["f1"] == "0.5"
    assert good == {
        "class": "good",
        "texts": "2",
        "precision": "0.6667",
        "recall": "1.0",
        "f1": "0.8",
    }
    assert other["texts"] == "1" and other["f1"] == "0.0"


def test_the_most_wrong_come_first_and_right_ones_not_at_all(folder):
    worst = rows(folder / "most_wrong.csv")
    assert [row["text"] for row in worst] == ["d", "b, $x"]
    assert worst[0]["label"] == "日本" and worst[0]["answer"] == "bad"


def test_texts_may_be_pairs(tmp_path):
    pairs = [(text, "second") for text in TEXTS]
    write_classification_report(tmp_path, CLASSES, pairs, LABELS, PROBABILITY)
    assert rows(tmp_path / "most_wrong.csv")[0]["text"] == "d | second"


def test_calibration_is_of_bins_of_confidence():
    confidence = np.array([0.95, 0.93, 0.62, 1.0])
    right = np.array([True, False, True, True])
    low, high = calibration(confidence, right)
    assert low == (pytest.approx(0.62), 1.0, 1)
    assert high == (pytest.approx(0.96), pytest.approx(2 / 3), 3)


def test_a_class_that_never_occurs_scores_nothing():
    (row, _) = class_scores(["a", "b"], np.array([[0, 0], [0, 3]]))
    assert row == {"class": "a", "texts": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
