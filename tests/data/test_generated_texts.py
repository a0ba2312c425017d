"""Names with their language, and Python's reference text."""

import unicodedata

import pytest

from zoo.data.language_names import LANGUAGES, language_names
from zoo.data.python_reference import python_reference

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def names():
    return {
        split: [
            (text.decode(), label.decode())
            for batch in language_names(split).batch(1000).as_numpy_iterator()
            for text, label in zip(batch["text"], batch["label"], strict=True)
        ]
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def documents():
    return {
        split: [
            text.decode()
            for batch in python_reference(split).batch(100).as_numpy_iterator()
            for text in batch["text"]
        ]
        for split in SPLITS
    }


def test_every_language_is_in_every_split(names):
    assert 20 <= len(LANGUAGES) <= 30
    for split in SPLITS:
        assert {label for _, label in names[split]} == set(LANGUAGES)


def test_no_name_has_two_languages_or_is_in_two_splits(names):
    texts = [text.casefold() for split in SPLITS for text, _ in names[split]]
    assert len(texts) == len(set(texts)) > 20_000
    assert min(len(names["validation"]), len(names["test"])) > 1_000


def test_names_have_the_language_that_is_their_label(names):
    known = dict(pair for split in SPLITS for pair in names[split])
    expected = {"Deutschland": "de", "janvier": "fr", "イタリア": "ja", "гривня": "uk"}
    found = {text: known[text] for text in expected if text in known}
    assert len(found) >= 3 and found.items() <= expected.items()
    scripts = {"ja": "CJK", "ru": "CYRILLIC", "ka": "GEORGIAN", "th": "THAI"}
    for language, script in scripts.items():
        letters = "".join(text for text, label in names["train"] if label == language)
        first = [unicodedata.name(letter, "") for letter in letters if letter.isalpha()]
        share = sum(name.startswith((script, "KATAKANA")) for name in first) / len(
            first
        )
        assert share > 0.9


def test_names_are_words_and_not_codes(names):
    for text, _ in names["test"]:
        assert text == " ".join(text.split()) and len(text) > 1
        assert not text.isdecimal()
    codes = [text for text, _ in names["train"] if text.isascii() and text.isupper()]
    assert len(codes) < 20


def test_names_come_mixed_and_the_same_every_time(names):
    assert len({label for _, label in names["test"][:100]}) > 15
    first = next(language_names("test").as_numpy_iterator())
    assert (first["text"].decode(), first["label"].decode()) == names["test"][0]


def test_no_document_is_in_two_splits(documents):
    texts = [text for split in SPLITS for text in documents[split]]
    assert len(texts) == len(set(texts)) > 1_000
    assert sum(map(len, documents["train"])) > 1_000_000
    assert min(len(documents["validation"]), len(documents["test"])) > 20


def test_documents_are_topics_and_docstrings(documents):
    together = "\n".join(text for split in SPLITS for text in documents[split])
    assert 'The "assert" statement' in together
    assert "Return the mean of" in together or "arithmetic mean" in together
    assert all(len(text) >= 40 for text in documents["train"])


@pytest.mark.parametrize("make", [language_names, python_reference])
def test_splits_go_by_their_usual_names(make):
    assert make("dev").cardinality() == make("validation").cardinality()
    with pytest.raises(
        ValueError, match=r"no split 'eval'\. Pass one of \['train', 'v"
    ):
        make("eval")
