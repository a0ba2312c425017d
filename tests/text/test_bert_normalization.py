import numpy as np
import pytest
import tensorflow as tf
from tokenizers import normalizers, pre_tokenizers

from tests.text.hard_texts import hard_texts
from zoo.text.bert_normalization import BertWords

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    text
    for text in hard_texts(SPECIAL_TOKENS, 500)
    if not any(token in text for token in SPECIAL_TOKENS)
]
KINDS = [
    {"lowercase": True, "strip_accents": True, "split_cjk": True},
    {"lowercase": False, "strip_accents": False, "split_cjk": True},
    {"lowercase": True, "strip_accents": False, "split_cjk": True},
    {"lowercase": False, "strip_accents": True, "split_cjk": False},
]


def graph_of(split):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def graph(texts):
        words, order = split(texts)
        return [tf.gather(column, order) for column in words]

    return graph


def words_of(split, texts):
    graph = graph_of(split) if isinstance(split, BertWords) else split
    words, starts, ends = (column.to_list() for column in graph(texts))
    words = [[word.decode() for word in row] for row in words]
    return words, starts, ends


def reference(texts, lowercase, strip_accents, split_cjk):
    normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    splitter = pre_tokenizers.BertPreTokenizer()
    return [
        [word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]
        for text in texts
    ]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_words_are_those_of_hugging_face(kind):
    words, _, _ = words_of(BertWords(SPECIAL_TOKENS, **kind), TEXTS)
    assert words == reference(TEXTS, **kind)


@pytest.mark.parametrize("kind", KINDS[:2], ids=str)
def test_every_character_is_treated_as_hugging_face_does(kind):
    # All that may be assigned, and a sample of what is not or is for private use.
    codes = [*range(0xD800), *range(0xE000, 0x32400), *range(0x32400, 0x110000, 97)]
    texts = [f"a{chr(code)}b" for code in codes]
    words, _, _ = words_of(BertWords(SPECIAL_TOKENS, **kind), texts)
    wrong = [
        f"U+{code:04X}: {found}, not {expected}"
        for code, found, expected in zip(
            codes, words, reference(texts, **kind), strict=True
        )
        if found != expected
    ]
    assert wrong == []


def test_words_and_their_places():
    texts = [
        "Caf\u00e9, [MASK]",
        "",
        "x\u200by  [SEP]z",
        "\u4e2d\u6587 \ud55c",
        " plain ASCII.",
    ]
    words, starts, ends = words_of(BertWords(SPECIAL_TOKENS), texts)
    assert words == [
        ["cafe", ",", "[MASK]"],
        [],
        ["xy", "[SEP]", "z"],
        ["\u4e2d", "\u6587", "\u1112\u1161\u11ab"],
        ["plain", "ascii", "."],
    ]
    assert starts == [[0, 4, 6], [], [0, 5, 10], [0, 1, 3], [1, 7, 12]]
    assert ends == [[4, 5, 12], [], [3, 10, 11], [1, 2, 4], [6, 12, 13]]


def test_a_place_holds_the_marks_that_follow_but_not_those_of_the_next_text():
    texts = ["cafe\u0301 e\u0301\u0302!", "\u0301a", "b\u0301", "\u0301"]
    words, starts, ends = words_of(BertWords(SPECIAL_TOKENS), texts)
    assert words == [["cafe", "e", "!"], ["a"], ["b"], []]
    assert starts == [[0, 6, 9], [1], [0], []]
    assert ends == [[5, 9, 10], [2], [2], []]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_places_are_in_order_and_hold_what_the_word_was_made_from(kind):
    split = BertWords(SPECIAL_TOKENS, **kind)
    for text, words, starts, ends in zip(TEXTS, *words_of(split, TEXTS), strict=True):
        assert all(a < b for a, b in zip(starts, ends, strict=True))
        assert all(a <= b for a, b in zip(ends, starts[1:], strict=False))
        assert all(end <= len(text) for end in ends)
        parts = [text[a:b] for a, b in zip(starts, ends, strict=True)]
        assert sum(reference(parts, **kind), []) == words


def test_a_text_has_the_words_that_it_has_alone():
    split = graph_of(BertWords(SPECIAL_TOKENS))
    together = list(zip(*words_of(split, TEXTS[:40]), strict=True))
    alone = [tuple(row[0] for row in words_of(split, [t])) for t in TEXTS[:40]]
    assert together == alone


def test_bytes_that_are_no_utf_8_are_dropped():
    words, starts, ends = words_of(BertWords(SPECIAL_TOKENS), [b"a\xffb \xc3", b"\x80"])
    assert words == [["ab"], []]
    assert (starts, ends) == ([[0], []], [[3], []])


def test_the_tables_are_small_enough_for_an_exported_model():
    graph = tf.function(BertWords(SPECIAL_TOKENS).__call__, autograph=False)
    concrete = graph.get_concrete_function(tf.TensorSpec([None], tf.string))
    assert concrete.graph.as_graph_def().ByteSize() < 1_000_000


def test_random_bytes_are_harmless():
    draw = np.random.default_rng(0)
    texts = [draw.bytes(n) for n in draw.integers(0, 50, 200)]
    words, starts, ends = words_of(BertWords(SPECIAL_TOKENS), texts)
    assert len(words) == len(starts) == len(ends) == 200
