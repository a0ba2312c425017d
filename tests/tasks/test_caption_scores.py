import math
import shutil

import pytest
import sacrebleu

from zoo.tasks.caption_scores import caption_scores, caption_scores_of_each

JAVA = shutil.which("java")
SIGNATURE = "caption_signature"
needs_java = pytest.mark.skipif(JAVA is None, reason="there is no java")
KNOWN = [
    ["a brown dog runs over wet sand", "the dog is running on a beach"],
    ["two children play with a red ball", "kids and a ball", "two kids play"],
    ["a man in a blue shirt climbs a rock wall"],
]
TOLD = [
    "a brown dog is running on wet sand",
    "two two children play with a ball",
    "a man in a shirt climbs a wall",
]


@pytest.fixture
def without_java(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(params=[False, pytest.param(True, marks=needs_java)])
def with_and_without_java(request):
    if not request.param:
        request.getfixturevalue("without_java")


def put_java(monkeypatch, folder, script):
    path = folder / "java"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def numbers(scores):
    return {name: value for name, value in scores.items() if name != SIGNATURE}


def test_bleu_1_and_rouge_l_by_hand(without_java):
    scores = caption_scores(["the the cat"], [["the cat sat down"]])
    # "the" counts once: 2 of 3 words, and 3 words are 1 too few.
    assert scores["bleu_1"] == pytest.approx(100 * 2 / 3 * math.exp(1 - 4 / 3))
    precision, recall, beta = 2 / 3, 2 / 4, 1.2  # "the cat" is common to both
    expected = (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    assert scores["rouge_l"] == pytest.approx(100 * expected)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_bleu_is_that_of_sacrebleu_over_several_references(order, without_java):
    most = max(map(len, KNOWN))
    columns = [
        [known[i] if i < len(known) else None for known in KNOWN] for i in range(most)
    ]
    bleu = sacrebleu.BLEU(
        tokenize="none", smooth_method="none", max_ngram_order=order, force=True
    )
    expected = bleu.corpus_score(TOLD, columns)
    assert 0 < expected.score < 100 and expected.bp < 1
    assert caption_scores(TOLD, KNOWN)[f"bleu_{order}"] == pytest.approx(expected.score)


def test_cider_d_by_hand(without_java):
    known = [["red cat"], ["red cat"], ["a blue bird flies"], ["two men sit here"]]
    told = ["red dog", "red", "a blue bird flies", "nothing"]
    scores = caption_scores_of_each(told, known)
    # Word weights: log(4 / 2) for red and cat, log(4 / 1) for dog, which is new.
    red, dog = math.log(2), math.log(4)
    cosine = red**2 / (math.hypot(red, dog) * math.hypot(red, red))
    assert scores[0] == pytest.approx(10 * cosine / 4)
    # Lengths are counted in pairs of words: 0 and 1.
    assert scores[1] == pytest.approx(10 / math.sqrt(2) * math.exp(-1 / 72) / 4)
    assert scores[2:] == [pytest.approx(10), 0]
    assert caption_scores(told, known)["cider_d"] == pytest.approx(sum(scores) / 4)


def test_perfect_captions_score_the_most(without_java):
    scores = caption_scores([known[0] for known in KNOWN], [k[:1] for k in KNOWN])
    for name in ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l"):
        assert scores[name] == pytest.approx(100)
    assert scores["cider_d"] == pytest.approx(10)
    assert scores["exact_match"] == 1


def test_an_exact_match_is_letter_for_letter(without_java):
    scores = caption_scores(["A dog.", "a dog"], [["A dog.", "a cat"], ["A dog."]])
    assert scores["exact_match"] == 0.5


def test_the_order_of_images_and_references_does_not_matter(without_java):
    expected = numbers(caption_scores(TOLD, KNOWN))
    turned = [known[::-1] for known in KNOWN[::-1]]
    assert numbers(caption_scores(TOLD[::-1], turned)) == pytest.approx(expected)


def test_every_image_twice_gives_the_same_bleu_and_rouge(without_java):
    once, twice = caption_scores(TOLD, KNOWN), caption_scores(TOLD * 2, KNOWN * 2)
    for name in ("bleu_1", "bleu_4", "rouge_l"):
        assert twice[name] == pytest.approx(once[name])


@pytest.mark.parametrize("nothing", ["", "\n", " ... !"])
def test_a_caption_without_words_scores_zero(nothing, without_java):
    known = [*KNOWN, ["...", "a cat"]]
    assert set(numbers(caption_scores([nothing] * 4, known)).values()) == {0}
    with_words = caption_scores(TOLD, KNOWN)
    scores = caption_scores([*TOLD, nothing], known)
    assert scores["rouge_l"] == pytest.approx(with_words["rouge_l"] * 3 / 4)
    assert caption_scores_of_each([*TOLD, nothing], known)[3] == 0


def test_line_breaks_within_captions_are_spaces(with_and_without_java):
    told = [text.replace(" ", "\n", 1).replace(" ", "\r\n\u2028", 1) for text in TOLD]
    known = [[f"\n{text}\n" for text in texts] for texts in KNOWN]
    expected = caption_scores_of_each(TOLD, KNOWN)
    assert caption_scores_of_each(told, known) == expected


def test_a_single_image_has_no_rare_words(without_java, capfd):
    scores = caption_scores(["a brown dog runs"], [["a brown dog runs"]])
    assert scores["cider_d"] == 0 and scores["bleu_4"] == pytest.approx(100)
    assert capfd.readouterr() == ("", "")


def test_captions_become_the_tokens_of_the_penn_treebank(with_and_without_java):
    tokens = {  # as Stanford CoreNLP 3.4.1 and pycocoevalcap's list of marks give them
        "Don't touch the dog's bowl!": "do n't touch the dog 's bowl",
        'A "tall" man (left), 5,000 fans.': "a tall man -lrb- left -rrb- 5,000 fans",
        "Mr. Smith cannot swim - he's wet...": "mr. smith can not swim he 's wet",
        "Kids' t-shirts &amp; “U.S.” flags": "kids t-shirts & u.s. flags",
        "They’re gonna meet at 10:30, café": "they 're gon na meet at 10:30 café",
    }
    scores = caption_scores_of_each([*tokens], [[row] for row in tokens.values()])
    assert scores == [pytest.approx(10)] * len(tokens)


def test_the_signature_tells_references_and_substitutes(without_java):
    scores = caption_scores(TOLD, KNOWN)
    assert scores[SIGNATURE].startswith("refs:1-3|case:lower|")
    assert "not exactly comparable" in scores[SIGNATURE]
    assert "METEOR left out" in scores[SIGNATURE] and "meteor" not in scores
    two = caption_scores(TOLD, [[text, text] for text in TOLD])
    assert two[SIGNATURE].startswith("refs:2|")


def test_a_java_that_does_not_run_is_none(monkeypatch, tmp_path):
    put_java(monkeypatch, tmp_path, "exit 1")
    assert "no Java" in caption_scores(TOLD, KNOWN)[SIGNATURE]


@pytest.mark.slow
@needs_java
def test_meteor_in_a_country_that_writes_0_comma_5(monkeypatch, capfd):
    german = "-Duser.language=de -Duser.country=DE"
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", german)
    scores = caption_scores([*TOLD, ""], [*KNOWN, ["a cat"]])
    assert 20 < scores["meteor"] < 80
    assert "tok:ptb-corenlp-3.4.1|" in scores[SIGNATURE]
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("PATH", "")
    without = numbers(caption_scores([*TOLD, ""], [*KNOWN, ["a cat"]]))
    assert {**without, "meteor": scores["meteor"]} == pytest.approx(numbers(scores))


@needs_java
def test_a_meteor_that_ends_early_is_an_error_not_a_wait(monkeypatch, tmp_path):
    fails = f'[ "$1" = -jar ] && echo "too little memory" >&2 && exit 1\n{JAVA} "$@"'
    put_java(monkeypatch, tmp_path, fails)
    with pytest.raises(RuntimeError, match="ended early.*too little.*off PATH"):
        caption_scores(TOLD, KNOWN)


@pytest.mark.parametrize(
    ("told", "known", "message"),
    [
        ([], [], "0 hypotheses and 0 lists.*at least one image"),
        (["a dog"], KNOWN, "1 hypotheses and 3 lists.*one of each"),
        (["a", "b"], [["a dog"], []], r"Image 1 has no reference.*\[\].*leave"),
        (["a"], [["", "..."]], r"Image 0 has no reference with a word.*'\.\.\.'"),
        (["a"], ["a dog"], r"image 0 are one str, 'a dog'.*\['a dog'\]"),
    ],
)
def test_wrong_lists_are_errors(told, known, message, without_java):
    for function in (caption_scores, caption_scores_of_each):
        with pytest.raises(ValueError, match=message):
            function(told, known)
