import json
import random

import keras
import pytest
import tensorflow as tf
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from tests.text.english_lines import english_lines, needs_english
from tests.text.hard_texts import SENTENCES, hard_texts
from zoo.text.byte_pair import BytePairTokenizer
from zoo.text.byte_pair_vocabulary import SPECIAL_TOKENS, byte_characters

TEXTS = hard_texts([*SPECIAL_TOKENS])


def reference(vocabulary, merges, add_prefix_space=False):
    ids = {piece: i for i, piece in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(ids, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space)
    tokenizer.add_special_tokens(
        [
            AddedToken(token, normalized=False, lstrip=token == "<mask>")
            for token in SPECIAL_TOKENS
        ]
    )
    return tokenizer


def ids_of(reference, texts):
    return [encoding.ids for encoding in reference.encode_batch(texts)]


def texts_of(tensor):
    return [text.decode("utf-8") for text in tensor.numpy()]


@pytest.fixture(scope="module")
def vocabulary_and_merges():
    lines = [*SENTENCES, "a" * 40, "the theme of them, other than these"] * 3
    return learn(lines, 1500)


def learn(lines, vocabulary_size):
    """(vocabulary, merges)"""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[*SPECIAL_TOKENS],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    ids = model["vocab"]
    return sorted(ids, key=ids.get), [tuple(pair) for pair in model["merges"]]


@pytest.fixture(scope="module")
def tokenizer(vocabulary_and_merges):
    return BytePairTokenizer(*vocabulary_and_merges)


@pytest.fixture(scope="module")
def spaced(vocabulary_and_merges):
    return BytePairTokenizer(*vocabulary_and_merges, add_prefix_space=True)


def test_bytes_are_spelled_as_in_published_vocabularies():
    assert len(set(byte_characters())) == 256
    assert set(byte_characters()) == set(pre_tokenizers.ByteLevel.alphabet())
    for text in (" a\n", "\u00e9\u4e2d"):
        splitter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        spelled = "".join(byte_characters()[byte] for byte in text.encode())
        assert splitter.pre_tokenize_str(text)[0][0] == spelled


def test_ids_are_those_of_hugging_face(tokenizer, vocabulary_and_merges):
    expected = ids_of(reference(*vocabulary_and_merges), TEXTS)
    assert tokenizer(TEXTS).to_list() == expected


@pytest.mark.slow
@needs_english
def test_ids_of_100_000_lines_of_english():
    lines = english_lines(100_000)
    assert len(lines) == 100_000
    learnt = learn(lines, 20_000)
    expected = ids_of(reference(*learnt), lines)
    assert BytePairTokenizer(*learnt)(lines).to_list() == expected


def test_ids_with_a_space_before(spaced, vocabulary_and_merges):
    expected = ids_of(reference(*vocabulary_and_merges, True), TEXTS)
    assert spaced(TEXTS).to_list() == expected
    first, second = spaced(["dog", "a dog"]).to_list()
    assert second[-len(first) :] == first


@pytest.mark.slow
def test_every_character_is_split_as_hugging_face_does(tokenizer):
    codes = [*range(0xD800), *range(0xE000, 0x32400), *range(0x32400, 0x110000, 97)]
    texts = [f"a{chr(c)}a1{chr(c)}1 {chr(c)}!{chr(c)}" for c in codes]
    splitter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spell = byte_characters()
    words, _, _ = tokenizer.split_words(texts)
    wrong = []
    for text, found in zip(texts, words.to_list(), strict=True):
        found = ["".join(spell[byte] for byte in word) for word in found]
        if found != [word for word, _ in splitter.pre_tokenize_str(text)]:
            wrong.append((hex(ord(text[1])), found))
    assert wrong == []


def test_contractions_and_spaces(tokenizer):
    texts = [
        "I'll  go,\n\n it's 'sa' x \n",
        "\n's",
        " 's",
        "''s",
        "'s's",
        "a 1b2 <s>'m",
    ]
    words, starts, ends = tokenizer.split_words(texts)
    assert [[word.decode() for word in row] for row in words.to_list()] == [
        [
            "I",
            "'ll",
            " ",
            " go",
            ",",
            "\n\n",
            " it",
            "'s",
            " '",
            "sa",
            "'",
            " x",
            " \n",
        ],
        ["\n", "'s"],
        [" '", "s"],
        ["''", "s"],
        ["'s", "'s"],
        ["a", " 1", "b", "2", " ", "<s>", "'m"],
    ]
    assert starts[0].numpy().tolist() == [0, 1, 4, 6, 8, 9, 12, 14, 17, 18, 20, 22, 23]
    assert ends[0].numpy().tolist() == [1, 4, 5, 8, 9, 11, 14, 16, 18, 20, 21, 23, 25]
    assert (starts[5].numpy()[-2:].tolist(), ends[5].numpy()[-2:].tolist()) == (
        [6, 9],
        [9, 11],
    )


def test_the_pieces_of_the_words_are_those_of_the_text(tokenizer):
    words, _, _ = tokenizer.split_words(TEXTS)
    pieces = tokenizer(words.values)
    joined = tf.RaggedTensor.from_row_splits(
        pieces.values, tf.gather(pieces.row_splits, words.row_splits)
    )
    assert joined.to_list() == tokenizer(TEXTS).to_list()


def test_places_are_those_of_the_words(tokenizer, spaced):
    texts = [text for text in TEXTS if "<mask>" not in text]
    for split in (tokenizer.split_words, spaced.split_words):
        columns = (column.to_list() for column in split(texts))
        for text, words, starts, ends in zip(texts, *columns, strict=True):
            assert len(words) == len(starts) == len(ends)
            for word, start, end in zip(words, starts, ends, strict=True):
                word = word.decode()
                assert text[start:end] in (word, word[1:])


def test_mask_takes_the_space_before_it_along(tokenizer):
    mask, start = tokenizer.mask_token_id, tokenizer.cls_token_id
    a, spaced_a, space = (tokenizer(text).numpy().tolist() for text in ("a", " a", " "))
    ids = tokenizer(["a \n <mask> a", "a <s> a", " <mask>"]).to_list()
    assert ids == [[*a, mask, *spaced_a], [*a, *space, start, *spaced_a], [mask]]


def test_long_words_are_merged_as_hugging_face_does(tokenizer, vocabulary_and_merges):
    draw = random.Random(0)
    texts = [
        "a" * 3001,
        "".join(draw.choices("aeth", k=3000)),
        "".join(draw.choices(["the", "a", "aaa", "other", "them"], k=1500)),
        "".join(draw.choices("\u4e2d\u6587\u6f22\u5b57", k=2000)),
    ]
    expected = ids_of(reference(*vocabulary_and_merges), texts)
    assert tokenizer(texts).to_list() == expected


def test_merges_that_are_out_of_order():
    # "bc" is made after the merge that takes it; "abc" is made twice.
    merges = [
        ("bc", "d"),
        ("a", "bc"),
        ("b", "c"),
        ("abc", "a"),
        ("a", "b"),
        ("ab", "c"),
    ]
    pieces = dict.fromkeys(left + right for left, right in merges)
    vocabulary = [*SPECIAL_TOKENS, *byte_characters(), *pieces]
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcd", k=12)) for _ in range(300)]
    expected = ids_of(reference(vocabulary, merges), texts)
    assert BytePairTokenizer(vocabulary, merges)(texts).to_list() == expected


def test_any_text_survives(tokenizer, spaced):
    texts = [t for t in TEXTS if not any(token in t for token in SPECIAL_TOKENS)]
    assert texts_of(tokenizer.detokenize(tokenizer(texts))) == texts
    stripped = [text for text in texts if not text.startswith(" ")]
    assert texts_of(spaced.detokenize(spaced(stripped))) == stripped


def test_detokenize_leaves_special_tokens_out(tokenizer):
    ids = tokenizer("a dog").numpy().tolist()
    row = [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id, tokenizer.pad_token_id]
    assert texts_of(tokenizer.detokenize([row, ids, []])) == ["a dog", "a dog", ""]
    assert tokenizer.detokenize(row).numpy() == b"a dog"
    half_a_character = [tokenizer.token_to_id(byte_characters()[0xE4])]
    assert texts_of(tokenizer.detokenize([half_a_character])) == ["\ufffd"]


def test_graph_dataset_and_single_texts_give_the_same(tokenizer):
    expected = tokenizer(TEXTS).to_list()
    dataset = tf.data.Dataset.from_tensors(TEXTS).map(tokenizer.tokenize)
    assert next(iter(dataset)).to_list() == expected
    keras.utils.set_random_seed(1)
    assert next(iter(dataset)).to_list() == expected
    assert [tokenizer(text).numpy().tolist() for text in TEXTS[:50]] == expected[:50]
    assert tokenizer(tf.constant([], tf.string)).to_list() == []


def test_vocabulary(tokenizer, vocabulary_and_merges):
    vocabulary, merges = vocabulary_and_merges
    assert tokenizer.get_vocabulary() == vocabulary
    assert tokenizer.get_merges() == merges
    assert tokenizer.token_to_id(tokenizer.id_to_token(300)) == 300
    assert tokenizer.token_to_id("no such piece") == tokenizer.unknown_token_id
    assert tokenizer.special_token_ids == [0, 1, 2, 3, 4]
    assert tokenizer.double_separator
    assert tokenizer.pieces(tokenizer([" the"])).to_list() == [["\u0120the".encode()]]
    with pytest.raises(ValueError, match=f"no token {len(vocabulary)}: ids go from 0"):
        tokenizer.id_to_token(len(vocabulary))


def test_ids_are_stable_across_saving(spaced, tmp_path):
    spaced.save_to_preset(str(tmp_path))
    config = json.loads((tmp_path / "tokenizer.json").read_text())
    loaded = keras.saving.deserialize_keras_object(config)
    with pytest.raises(ValueError, match="has no vocabulary yet. Pass vocabulary= and"):
        loaded("a man")
    loaded.load_assets(tmp_path / "assets" / "tokenizer")
    assert loaded(TEXTS).to_list() == spaced(TEXTS).to_list()
    assert loaded.get_merges() == spaced.get_merges()


def test_a_saved_model_tokenizes_alike(tokenizer, tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            return tokenizer.tokenize(texts).to_tensor(-1)

    tf.saved_model.save(Module(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = tokenizer(TEXTS).to_tensor(-1).numpy().tolist()
    assert loaded(tf.constant(TEXTS)).numpy().tolist() == expected


def test_merges_may_have_a_version_line(tokenizer, vocabulary_and_merges, tmp_path):
    vocabulary, merges = vocabulary_and_merges
    ids = {piece: i for i, piece in enumerate(vocabulary)}
    (tmp_path / "vocab.json").write_text(json.dumps(ids))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (tmp_path / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    loaded = BytePairTokenizer(tmp_path / "vocab.json", str(tmp_path / "merges.txt"))
    assert loaded.get_merges() == merges
    assert loaded(TEXTS[:30]).to_list() == tokenizer(TEXTS[:30]).to_list()


def test_a_vocabulary_that_is_not_whole_is_refused(vocabulary_and_merges):
    vocabulary, merges = vocabulary_and_merges
    with pytest.raises(ValueError, match=r"lacks <s>\. It needs <s>, <pad>, </s>"):
        BytePairTokenizer(vocabulary[1:], merges)
    with pytest.raises(ValueError, match="lacks .* and others. It needs .* all 256"):
        BytePairTokenizer([*SPECIAL_TOKENS], [])
    with pytest.raises(ValueError, match="holds '<s>' more than once"):
        BytePairTokenizer([*vocabulary, "<s>"], merges)
    with pytest.raises(ValueError, match="needs vocabulary= and merges=.* only vocab"):
        BytePairTokenizer(vocabulary)


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        (
            ("zq", "a"),
            "Merge 2, of 'zq' and 'a', needs 'zq', which the vocabulary lacks",
        ),
        (("a", "b", "c"), r"Merge 2 is \('a', 'b', 'c'\), but two pieces are needed"),
    ],
)
def test_a_merge_that_does_not_fit_is_refused(vocabulary_and_merges, merge, message):
    vocabulary, merges = vocabulary_and_merges
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(vocabulary, [merges[0], merge])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 0, "b": 2}', "is no dict of piece to id"),
        (b'{"a": 0, "b": "x"}', "is no dict of piece to id"),
        (b"{", "is no JSON in UTF-8"),
        (b'{"\xff": 0}', "is no JSON in UTF-8"),
    ],
)
def test_a_vocabulary_file_that_is_none_is_refused(tmp_path, content, message):
    (tmp_path / "vocab.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"vocab.json {message}"):
        BytePairTokenizer(tmp_path / "vocab.json", [])
