import pytest

from zoo.tasks.speech_scores import speech_scores


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
