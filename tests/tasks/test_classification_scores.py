import numpy as np
import pytest

from zoo.tasks.classification_scores import classification_scores


def test_one_label_a_text():
    probability = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    scores = classification_scores(probability, np.array([0, 1, 1]))
    assert scores["accuracy"] == pytest.approx(2 / 3)
    # By hand: both classes that occur have one false answer beside one right one.
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["loss"] == pytest.approx(-np.log([0.7, 0.3, 0.8]).mean())


def test_several_labels_a_text():
    probability = np.array([[0.9, 0.6], [0.2, 0.1], [0.4, 0.7]])
    truth = np.array([[1, 1], [0, 0], [1, 1]], bool)
    scores = classification_scores(probability, truth, multi_label=True)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["micro_f1"] == pytest.approx(2 * 3 / (3 + 4))
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    told = [0.9, 0.6, 0.8, 0.9, 0.4, 0.7]
    assert scores["loss"] == pytest.approx(-np.log(told).mean())


def test_a_probability_of_zero_costs_no_infinity():
    scores = classification_scores(np.array([[0.0, 1.0]]), np.array([0]))
    assert np.isfinite(scores["loss"])


def test_no_label_and_none_given_is_right():
    scores = classification_scores(np.full((3, 2), 0.1), np.zeros((3, 2)), True)
    assert scores["accuracy"] == scores["macro_f1"] == scores["micro_f1"] == 1.0
