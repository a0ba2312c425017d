import base64
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.text import SentencePieceTokenizer, learn_tokenizer

LINES = [
    "a man in a blue shirt is standing on a ladder",
    "two young men are outside near many bushes",
    "ein Mann in einem blauen Hemd steht auf einer Leiter",
    "zwei junge Männer sind im Freien",
] * 5
HARD_TEXTS = [
    "",
    " ",
    "   runs   of  spaces   ",
    "\ttabs\tand\nnew\r\nlines\n",
    "nul \0 and \x01\x02\x7f\x85 controls",
    "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈",
    "日本語 العربية עברית ไทย",
    "combining e\u0301 and é, \u00a0\u202f\u200b\ufeff\u2028\u2029 spaces",
    "\ufffd \ufffe \U0010ffff \ue000",
    "<s> </s> <unk> <pad> <0x41> ▅",
    "a man" * 200,
]


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(LINES, vocabulary_size=400)


def texts_of(tensor):
    return [text.decode("utf-8") for text in tensor.numpy()]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_any_text_survives(tokenizer, text):
    assert texts_of(tokenizer.detokenize(tokenizer([text]))) == [text]


def test_random_unicode_survives(tokenizer):
    generator = np.random.default_rng(0)
    texts = []
    for highest in (0x80, 0x800, 0x10000, 0x110000):
        points = generator.integers(0, highest, size=(50, 20))
        is_character = ((points < 0xD800) | (points > 0xDFFF)) & (points != 0x2581)
        for row, keep in zip(points, is_character, strict=True):
            texts.append("".join(map(chr, row[keep])))
    assert texts_of(tokenizer.detokenize(tokenizer(texts))) == texts


def test_no_text_is_unknown(tokenizer):
    assert not (tokenizer(HARD_TEXTS).flat_values == 1).numpy().any()


def test_first_word_has_the_pieces_it_has_elsewhere(tokenizer):
    first, second = tokenizer(["man", "blue man"]).to_list()
    assert second[-len(first) :] == first


def test_batch_gives_what_each_text_gives_alone(tokenizer):
    together = tokenizer(HARD_TEXTS).to_list()
    assert together == [tokenizer(text).numpy().tolist() for text in HARD_TEXTS]


def test_specials_and_padding_are_left_out(tokenizer):
    ids = tokenizer("a man").numpy().tolist()
    row = [tokenizer.start_token_id, *ids, tokenizer.end_token_id, 0, 0, 1]
    assert texts_of(tokenizer.detokenize([row, ids])) == ["a man", "a man"]
    assert tokenizer.detokenize(row).numpy() == b"a man"
    assert texts_of(tokenizer.detokenize(tf.constant([row], tf.int64))) == ["a man"]


def test_ragged_ids_with_int32_row_splits(tokenizer):
    ids = tokenizer(["a man", "two"]).with_row_splits_dtype(tf.int32)
    assert texts_of(tokenizer.detokenize(ids)) == ["a man", "two"]
    assert texts_of(tokenizer.detokenize(tf.cast(ids, tf.int64))) == ["a man", "two"]


def test_pieces_spell_the_text(tokenizer):
    ids = tokenizer(["a man", "two"])
    pieces = tokenizer.pieces(ids).to_list()
    assert [b"".join(row).decode() for row in pieces] == ["▁a▁man", "▁two"]
    dense = tokenizer.pieces(ids.to_tensor()).numpy()
    assert dense[1, -1] == b"<pad>"


def test_vocabulary(tokenizer):
    assert tokenizer.vocabulary_size() == 400 == len(tokenizer.get_vocabulary())
    assert tokenizer.token_to_id(tokenizer.id_to_token(300)) == 300
    assert tokenizer.token_to_id("no such piece") == 1
    with pytest.raises(ValueError, match="no token 400: ids go from 0 to 399"):
        tokenizer.id_to_token(400)


SEEDINGS = {
    "keras.utils.set_random_seed": lambda: keras.utils.set_random_seed(1),
    "tf.random.set_seed": lambda: tf.random.set_seed(1),
    "clear_session": keras.utils.clear_session,
}


@pytest.mark.parametrize("name", SEEDINGS)
def test_seeding_harms_no_tokenizer(tokenizer, name):
    seed = SEEDINGS[name]
    texts = tf.constant(["a man", "two"])
    graph = tf.function(tokenizer.tokenize)
    dataset = tf.data.Dataset.from_tensors(texts).map(tokenizer.tokenize)
    expected = tokenizer(texts).to_list()
    assert graph(texts).to_list() == expected
    iterator = iter(dataset.repeat())
    next(iterator)

    seed()

    assert tokenizer(texts).to_list() == expected
    assert graph(texts).to_list() == expected
    assert [ids.to_list() for ids in dataset] == [expected]
    assert next(iterator).to_list() == expected
    assert texts_of(tokenizer.detokenize(expected)) == ["a man", "two"]


def test_saved_module_survives_seeding(tokenizer, tmp_path):
    class Echo(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tokenizer

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            return self.tokenizer.detokenize(self.tokenizer.tokenize(texts))

    tf.saved_model.save(Echo(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    texts = tf.constant(["a man", " \0\n"])
    assert texts_of(loaded(texts)) == ["a man", " \0\n"]
    keras.utils.set_random_seed(1)
    assert texts_of(loaded(texts)) == ["a man", " \0\n"]


def test_ids_are_stable_across_saving(tokenizer, tmp_path):
    tokenizer.save_to_preset(str(tmp_path))
    config = json.loads((tmp_path / "tokenizer.json").read_text())
    loaded = keras.saving.deserialize_keras_object(config)
    loaded.load_assets(tmp_path / "assets" / "tokenizer")
    assert loaded(HARD_TEXTS).to_list() == tokenizer(HARD_TEXTS).to_list()


def test_config_needs_the_assets(tokenizer, tmp_path):
    clone = SentencePieceTokenizer.from_config(tokenizer.get_config())
    with pytest.raises(ValueError, match="has no vocabulary yet. Pass proto="):
        clone("a man")
    tokenizer.save_assets(tmp_path)
    clone.load_assets(tmp_path)
    assert clone.get_vocabulary() == tokenizer.get_vocabulary()


def test_proto_may_be_a_path(tokenizer, tmp_path):
    (tmp_path / "v.spm").write_bytes(tokenizer.proto)
    from_path = SentencePieceTokenizer(str(tmp_path / "v.spm"))
    assert from_path.proto == tokenizer.proto


def test_a_broken_proto_is_refused(tokenizer):
    with pytest.raises(ValueError, match="bytes are not a SentencePiece model"):
        SentencePieceTokenizer(tokenizer.proto[:1000] + b"\xff")


def test_foreign_special_ids_are_refused():
    # The model of five pieces whose ids are unknown 0, start 1, end 2, no padding.
    proto = base64.b64decode(
        "Cg4KBTx1bms+FQAAAAAYAgoMCgM8cz4VAAAAABgDCg0KBDwvcz4VAAAAABgDCgoKA+KWgRUAAAC/"
        "CggKAWEVAACAvxIEGAEgBQ=="
    )
    with pytest.raises(ValueError, match=r"has the ids .* = \(-?\d, 0, 1, 2\), but"):
        SentencePieceTokenizer(proto)
