import math

import pytest

from zoo.training.ranking import checked_mode, epochs_since_best, ranked_epochs


def history(*values):
    return [{"epoch": epoch, "x": x} for epoch, x in enumerate(values, start=1)]


def test_best_first_and_of_equals_the_earlier():
    assert ranked_epochs(history(2, 5, 5, 1), "x", "max") == [2, 3, 1, 4]
    assert ranked_epochs(history(2, 5, 5, 1), "x", "min") == [4, 1, 2, 3]


def test_nan_and_absent_come_last():
    rows = [*history(math.nan, 3, -1), {"epoch": 4}]
    assert ranked_epochs(rows, "x", "max") == [2, 3, 1, 4]
    assert ranked_epochs(rows, "x", "min") == [3, 2, 1, 4]


def test_epochs_since_best():
    assert epochs_since_best([], "x", "max") == 0
    assert epochs_since_best(history(1, 2), "x", "max") == 0
    assert epochs_since_best(history(7, 2, 7), "x", "max") == 2


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [("val_loss", "min"), ("loss", "min"), ("val_bleu", "max"), ("val_wer", "min")],
)
def test_auto_takes_the_mode_from_the_name(monitor, mode):
    assert checked_mode(monitor, "auto") == mode


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="mode='up' for monitor='loss'. Expected"):
        checked_mode("loss", "up")
