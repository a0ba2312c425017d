"""Strings to labelled spans: training, answers, folders, exports, what is refused."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.small_encoder import SIZES, train
from zoo.tasks.labelling_graph import SpanRules
from zoo.tasks.labelling_scores import labelling_scores
from zoo.text.byte_pair_vocabulary import SPECIAL_TOKENS, byte_characters

LABELS = ["O", "B-person", "I-person", "B-place", "I-place"]
NAMES = ["anna", "tom berg", "eva maria lind", "jo"]
PLACES = ["rome", "new york", "kiel"]


def sentence(name, place):
    """Words and labels of "NAME lives in PLACE ."."""
    words, labels = [], []
    for text, kind in ((name, "person"), ("lives in", None), (place, "place")):
        for i, word in enumerate(text.split()):
            words.append(word)
            labels.append(f"{'I' if i else 'B'}-{kind}" if kind else "O")
    return [*words, "."], [*labels, "O"]


SENTENCES = [sentence(name, place) for name in NAMES for place in PLACES]
TEXTS = [f"{name.title()} lives in {place}." for name in NAMES for place in PLACES]
LONG = " ".join(TEXTS)


def examples(sentences=SENTENCES):
    words, labels = zip(*sentences, strict=True)
    ragged = {"tokens": tf.ragged.constant(words), "labels": tf.ragged.constant(labels)}
    return tf.data.Dataset.from_tensor_slices(ragged).map(
        lambda example: {key: tf.identity(value) for key, value in example.items()}
    )


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer(TEXTS * 2, 60, kind="word_piece")


def make(tokenizer, labels=tuple(LABELS), **options):
    keras.utils.set_random_seed(3)
    return zoo.TokenClassifier.from_preset(
        "bert_tiny",
        tokenizer=tokenizer,
        labels=list(labels),
        **{"max_length": 32, **SIZES, **options},
    )


@pytest.fixture(scope="module")
def labeller(tokenizer):
    """Knows the persons and the places."""
    labeller = make(tokenizer)
    train(labeller, examples(), epochs=60)
    return labeller


def test_it_finds_spans_in_the_text_as_it_was_written(labeller):
    text = "  T\u00f3m Berg lives\u00a0in New   York."
    assert labeller.label(text) == [
        {"label": "person", "start": 2, "end": 10, "text": "T\u00f3m Berg"},
        {"label": "place", "start": 20, "end": 30, "text": "New   York"},
    ]
    scores = labeller.evaluate(examples())
    assert scores == {"accuracy": 1.0, "precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_places_are_counted_in_characters_not_in_bytes(labeller):
    spans = labeller.label("\U0001f600\U0001f600 anna lives in rome .")
    places = {span["text"]: (span["start"], span["end"]) for span in spans}
    assert places["anna"] == (3, 7)
    assert places["rome"] == (17, 21)


def test_neighbours_do_not_change_an_answer(labeller):
    texts = [*TEXTS[:4], "", LONG, "."]
    assert labeller.label(texts) == [labeller.label(text) for text in texts]
    assert labeller.label(["", "  "]) == [[], []]
    assert labeller.label([]) == []


def test_a_long_text_is_read_to_its_end(labeller):
    spans = labeller.label(LONG)
    found = [span["text"].lower() for span in spans]
    right = [part for name in NAMES for place in PLACES for part in (name, place)]
    share = len(set(zip(found, range(99), strict=False))) / len(right)
    assert 0.9 < share < 1.1
    assert sum(part in found for part in right) > 0.9 * len(right)
    assert spans[-1]["end"] > len(LONG) - 20


def test_the_words_of_a_long_sentence_are_all_scored(labeller):
    words, labels = (sum(columns, []) for columns in zip(*SENTENCES, strict=True))
    scores = labeller.evaluate(examples([(words, labels)]))
    assert scores["accuracy"] > 0.9


def test_without_prefixes_every_word_is_a_span(tokenizer):
    labels = ("noun", "verb")
    tagger = make(tokenizer, labels)
    spans = tagger.label("anna lives")
    assert [span["text"] for span in spans] == ["anna", "lives"]
    assert {span["label"] for span in spans} <= set(labels)
    scores = tagger.evaluate(examples([(["anna", "lives"], ["noun", "verb"])]))
    assert set(scores) == {"accuracy"}


def test_a_saved_labeller_takes_no_other_length(tokenizer, tmp_path):
    make(tokenizer).save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="only dtype= with a folder, got max_length"):
        zoo.TokenClassifier.from_preset(tmp_path, max_length=16)


@pytest.mark.slow
@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_byte_level_words_of_a_text_are_read_as_those_of_a_corpus(
    add_prefix_space, tmp_path
):
    text = "tom  lives in\u00a0\nlima , to be far\tfrom it . "
    words, labels = text.split(), [*"abcaacbcaba"]
    merges = [("\u0120", "l"), ("\u0120l", "i"), ("\u0120", "t"), ("\u0120t", "o")]
    pieces = [*SPECIAL_TOKENS, *byte_characters(), *(a + b for a, b in merges)]
    tokenizer = zoo.text.BytePairTokenizer(pieces, merges, add_prefix_space)
    tagger = make(tokenizer, "abc", max_length=64)
    train(tagger, examples([(words, labels)]), epochs=50)
    spans = tagger.label(text)
    assert [span["text"] for span in spans] == words
    assert [span["label"] for span in spans] == labels
    serve = tf.saved_model.load(tagger.export(tmp_path)).signatures["serving_default"]
    (exported,) = serve(text=tf.constant([text]))["label"].numpy()
    assert [label.decode() for label in exported] == labels


def test_a_saved_labeller_answers_as_before(labeller, tmp_path):
    labeller.save_to_preset(tmp_path)
    loaded = zoo.TokenClassifier.from_preset(tmp_path)
    assert loaded.labels == LABELS and loaded.max_length == 32
    assert loaded.label([*TEXTS, LONG]) == labeller.label([*TEXTS, LONG])
    other = zoo.TokenClassifier.from_preset(tmp_path, labels=["x", "y"])
    assert other.model.num_labels == 2
    with pytest.raises(ValueError, match="pass classes= to put a new head"):
        zoo.TextClassifier.from_preset(tmp_path)


def test_the_export_answers_as_the_task(labeller, tmp_path):
    texts = [*TEXTS, "", LONG, "T\u00f3m \u4e2d lives in Kiel"]
    loaded = tf.saved_model.load(labeller.export(tmp_path / "names"))
    outputs = loaded.signatures["serving_default"](text=tf.constant(texts))
    outputs = {key: value.numpy() for key, value in outputs.items()}
    for i, spans in enumerate(labeller.label(texts)):
        used = outputs["start"][i] >= 0
        assert used.sum() == len(spans)
        found = [
            (outputs["label"][i, j].decode(), outputs["start"][i, j], end)
            for j, end in enumerate(outputs["end"][i][used])
        ]
        assert found == [(s["label"], s["start"], s["end"]) for s in spans]
        assert (outputs["label"][i][~used] == b"").all()
        assert (outputs["end"][i][~used] == -1).all()
    empty = loaded.signatures["serving_default"](text=tf.constant([], tf.string))
    assert empty["label"].shape == (0, 0)


def test_an_explanation_says_what_each_piece_looked_at(labeller):
    explanation = labeller.explain("  lives in rome.")
    assert explanation["pieces"][0] == "[CLS]" and explanation["pieces"][-1] == "[SEP]"
    pieces = [piece.removeprefix("##") for piece in explanation["pieces"][1:-1]]
    assert "".join(pieces) == "livesinrome."
    size = len(pieces) + 2
    assert explanation["attention"].shape == (size, size)
    np.testing.assert_allclose(explanation["attention"].sum(axis=1), 1.0, atol=1e-5)
    assert len(labeller.explain(LONG)["pieces"]) == 32


# Spans by hand


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("O B-person I-person O", [("person", 1, 3)]),
        ("B-person B-person", [("person", 0, 1), ("person", 1, 2)]),
        ("I-person I-person O I-place", [("person", 0, 2), ("place", 3, 4)]),
        ("B-person I-place", [("person", 0, 1), ("place", 1, 2)]),
        ("B-person O I-person", [("person", 0, 1), ("person", 2, 3)]),
        ("O O", []),
    ],
)
def test_spans_follow_from_labels(labels, expected):
    assert_spans(LABELS, labels, expected)


@pytest.mark.parametrize("prefixes", ["BIES", "BILU"])
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("B-x I-x E-x O", [("x", 0, 3)]),
        ("B-x E-x B-x E-x", [("x", 0, 2), ("x", 2, 4)]),
        ("S-x S-x B-y", [("x", 0, 1), ("x", 1, 2), ("y", 2, 3)]),
        ("S-x I-x E-x I-x", [("x", 0, 1), ("x", 1, 3), ("x", 3, 4)]),
        ("O E-x E-x", [("x", 1, 2), ("x", 2, 3)]),
    ],
)
def test_spans_follow_from_labels_of_last_words(prefixes, labels, expected):
    names = ["O", *(f"{prefix}-{kind}" for kind in "xy" for prefix in prefixes)]
    labels = labels.translate(str.maketrans("BIES", prefixes))
    assert_spans(names, labels, expected)


def assert_spans(names, labels, expected):
    ids = [names.index(name) for name in labels.split()]
    columns = [ids, range(len(ids)), range(1, len(ids) + 1)]
    columns = [tf.ragged.constant([list(c), list(c)], dtype=tf.int32) for c in columns]
    kinds, starts, ends = (x.to_list() for x in SpanRules(names).spans(*columns))
    for row in range(2):  # a span never reaches into the next text
        found = zip(kinds[row], starts[row], ends[row], strict=True)
        assert [(kind.decode(), start, end) for kind, start, end in found] == expected


def test_scores_count_whole_spans():
    names = ("B-person", "I-person", "O", "B-place")
    given = np.array([LABELS.index(name) for name in names])
    found = np.where(given == LABELS.index("I-person"), LABELS.index("O"), given)
    scores = labelling_scores(found, given, np.array([3, 1]), SpanRules(LABELS))
    assert scores == {"accuracy": 0.75, "precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_scores_of_spans_that_are_words():
    found, given = np.array([1, 0, 1]), np.array([1, 1, 0])
    scores = labelling_scores(found, given, np.array([3]), SpanRules(["O", "B-day"]))
    assert scores == {
        "accuracy": pytest.approx(1 / 3),
        **dict.fromkeys(["precision", "recall", "f1"], 0.5),
    }


def test_parts_of_speech_are_no_spans():
    ids = np.array([1, 0, 1])
    scores = labelling_scores(ids, ids, np.array([3]), SpanRules(["NOUN", "VERB"]))
    assert scores == {"accuracy": 1.0}


# What is refused


def without_words(example):
    return {name: words[:0] for name, words in example.items()}


def test_what_does_not_fit_is_refused(labeller, tokenizer):
    with pytest.raises(TypeError, match="label takes a str or a list of str, got int"):
        labeller.label(3)
    with pytest.raises(ValueError, match="labels=.*At least two different ones"):
        make(tokenizer, ("O",))
    with pytest.raises(TypeError, match="labels='O', but a list of str is needed"):
        zoo.TokenClassifier.from_preset("no such preset", labels="O")
    with pytest.raises(ValueError, match=r"not among labels: \['B-thing'\]"):
        labeller.batches(examples([(["a"], ["B-thing"])]))
    with pytest.raises(ValueError, match="max_length=1000, .* 512 learned positions"):
        labeller.batches(examples(), max_length=1000)
    other = examples([(["a"], ["O"]), (["a", "b"], ["O"]), (["a"], ["O", "O"])])
    for use in (labeller.batches, functools.partial(labeller.evaluate, batch_size=1)):
        with pytest.raises(ValueError, match="Example 1 has 2 words, but 1 labels."):
            use(other)
    texts = tf.data.Dataset.from_tensor_slices({"text": ["a"], "label": ["b"]})
    for use in (labeller.batches, labeller.evaluate):
        with pytest.raises(ValueError, match='"tokens", "labels"} strings is needed'):
            use(texts)
    with pytest.raises(ValueError, match="no sentence with a word to train on"):
        labeller.batches(examples([(["a"], ["O"])]).map(without_words))
    with pytest.raises(ValueError, match="nothing to evaluate"):
        labeller.evaluate(examples().take(0))
    with pytest.raises(ValueError, match="Pass labels= as well"):
        zoo.TokenClassifier.from_preset("bert_tiny", tokenizer=tokenizer)
