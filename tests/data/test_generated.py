import pytest

from zoo.data.generated import date_pairs


def strings(examples):
    # In large batches: one by one takes longer than making them.
    return [
        (source.decode(), target.decode())
        for pairs in examples.batch(1_000).as_numpy_iterator()
        for source, target in zip(pairs["source"], pairs["target"], strict=True)
    ]


@pytest.fixture(scope="module")
def splits():
    return {name: strings(date_pairs(name)) for name in ("train", "validation", "test")}


def test_no_source_occurs_twice_nor_in_two_splits(splits):
    sources = {name: [source for source, _ in splits[name]] for name in splits}
    everything = [source for some in sources.values() for source in some]
    assert len(sources["test"]) >= 2_000
    assert len(everything) == len(set(everything))


def test_no_source_of_the_test_occurs_in_training_by_case_or_spaces(splits):
    def bare(source):
        return "".join(source.lower().split()).rstrip(".")

    training = {bare(source) for source, _ in splits["train"]}
    assert not [source for source, _ in splits["test"] if bare(source) in training]


def test_phrases_of_the_test_stay_out_of_training_sentences(splits):
    # A bare phrase has no sentence around it: no capital first, no full stop.
    phrases = [
        source
        for source, _ in splits["test"]
        if source.startswith(("half past", "a quarter", "the "))
        and " at " not in source
    ]
    training = " | ".join(source for source, _ in splits["train"])
    assert len(phrases) > 20
    for phrase in phrases:
        for after in (".", " |", " is", " for"):
            assert f"{phrase}{after}" not in training


def test_a_source_has_one_translation_whatever_the_seed():
    translations = {}
    for seed in range(3):
        for source, target in strings(date_pairs("train", size=4_000, seed=seed)):
            assert translations.setdefault(source, target) == target
    assert len(translations) > 10_000


def test_equal_seeds_give_equal_pairs_and_others_do_not():
    first, again = (strings(date_pairs("test", size=200, seed=3)) for _ in range(2))
    assert first == again
    assert first != strings(date_pairs("test", size=200, seed=4))


def test_splits_stay_apart_across_seeds():
    training = {
        source for source, _ in strings(date_pairs("train", size=10_000, seed=1))
    }
    assert not training & {
        source for source, _ in strings(date_pairs("test", size=1_000, seed=2))
    }


def test_a_smaller_corpus_is_the_beginning_of_a_larger_one():
    assert strings(date_pairs(size=50)) == strings(date_pairs(size=200))[:50]


def test_every_sentence_is_whole(splits):
    for source, target in splits["test"]:
        assert source == source.strip() and target == target.strip()
        assert not set(source + target) & {"{", "}", "\u00a0", "\u202f"}
        assert source.endswith(".") == target.endswith(".")


def test_sentences_of_many_kinds(splits):
    pairs = dict(splits["train"])
    assert len({source.split()[0] for source in pairs}) > 40
    assert any(target.startswith("Die Rechnung vom") for target in pairs.values())
    assert any(" einen Euro" in target for target in pairs.values())


@pytest.mark.parametrize("alias", ["val", "valid", "dev"])
def test_other_names_of_the_validation_split(alias):
    expected = strings(date_pairs("validation", size=20))
    assert strings(date_pairs(alias, size=20)) == expected


def test_unknown_split_is_an_error_that_lists_the_splits():
    with pytest.raises(ValueError, match="no split 'eval'.*'train', 'validation'"):
        date_pairs("eval")


def test_a_size_without_end_is_an_error():
    with pytest.raises(ValueError, match="size must be in 1 ... 100,000, got 0"):
        date_pairs(size=0)
