import numpy as np
import pytest

from zoo.tasks.speech_scores import (
    confusion,
    normalized,
    speech_scores,
    wilson_interval,
)


def test_errors_are_counted_over_all_words():
    scores = speech_scores(["a b c", "d x"], ["a b c", "d e f g"])
    assert scores["wer"] == pytest.approx(3 / 7)
    assert scores["cer"] == pytest.approx(5 / 12)
    assert scores["exact_match"] == 0.5
    assert "case:lower" in scores["speech_signature"]


def test_case_punctuation_and_spaces_do_not_count():
    scores = speech_scores(["It's  5 O'Clock!"], ["it's 5 o'clock, ﬁne"])
    assert scores["wer"] == pytest.approx(1 / 4)
    scores = speech_scores(["", "Hello - world"], ["no", "hello world."])
    assert scores["exact_match"] == 0.5 and scores["wer"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("texts", "words"),
    [(([], []), "no transcripts"), ((["a"], ["..."]), "Reference 0")],
)
def test_nothing_to_compare_with(texts, words):
    with pytest.raises(ValueError, match=words):
        speech_scores(*texts)


def test_the_interval_is_wilsons():
    # Newcombe, 1998, Statistics in Medicine 17, table I, method 3.
    for successes, count, low, high in (
        *((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)),
        *((0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)),
    ):
        assert wilson_interval(successes, count) == pytest.approx((low, high), abs=1e-4)


def test_marks_are_parts_of_words_and_apostrophes_are_alike():
    words = ["\u092e\u0947\u0930\u093e"], ["\u092e\u0947\u0930\u0940"]
    assert speech_scores(*words)["wer"] == 1
    assert normalized("It\u2019s") == "it's"
    assert normalized("snake_case \u2014 100 %") == "snake case 100"


def test_what_was_taken_for_what():
    names, table = confusion(
        ["one too", "two", "x one"], ["one two", "two three", "one"]
    )
    assert names == ["one", "three", "two", "(other)", "(none)"]
    expected = np.zeros((5, 5), int)
    expected[0, 0], expected[2, 2], expected[2, 3] = 2, 1, 1
    expected[1, 4], expected[4, 3] = 1, 1  # left out, added
    np.testing.assert_array_equal(table, expected)
    names, table = confusion(["abd"], ["abc e"], most=1)
    assert names == ["a", "(other)", "(none)"]
    np.testing.assert_array_equal(table, [[1, 0, 0], [0, 2, 2], [0, 0, 0]])
