"""A SentencePiece tokenizer that runs in the graph and survives seeding."""

import os

import keras
import sentencepiece
import tensorflow as tf
import tensorflow_text

from zoo.text.subword_tokenizer import SubwordTokenizer

VOCABULARY_FILE = "vocabulary.spm"  # the name KerasNLP's presets use
PAD_ID, UNKNOWN_ID, START_ID, END_ID = range(4)
NUM_SPECIAL_IDS = 4


@keras.saving.register_keras_serializable(package="zoo")
class SentencePieceTokenizer(SubwordTokenizer):
    """Strings to subword ids and back, without loss, in the graph.

    A space is put before every text and taken off after decoding, so that the
    first word of a text has the pieces it has anywhere else. Every Unicode string
    survives encode then decode, control characters and emoji included; the one
    exception is U+2581, which SentencePiece itself writes for a space.

    [Kudo and Richardson, 2018](https://arxiv.org/abs/1808.06226).

    >>> tokenizer = zoo.text.learn_tokenizer(lines, vocabulary_size=8_000)
    >>> tokenizer(["a small dog", "a"])
    <tf.RaggedTensor [[301, 517, 402], [301]]>
    >>> tokenizer.detokenize([[301, 517, 402], [301, 3, 0]])
    [b"a small dog", b"a"]

    Args:
        proto: bytes or str. A SentencePiece model with byte fallback and the ids
            pad 0, unknown 1, start 2, end 3 (`zoo.text.learn_tokenizer` makes
            one), or the path of a file that holds it.
    """

    how_to_get_one = (
        "Pass proto=, call load_assets(folder), or learn one: "
        "zoo.text.learn_tokenizer(lines)."
    )

    def __init__(self, proto=None, dtype="int32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.file_assets = [VOCABULARY_FILE]
        self.proto = None
        if proto is not None:
            self.set_proto(proto)

    def set_proto(self, proto):
        """Takes a SentencePiece model, as bytes or as the path of a file."""
        if not isinstance(proto, bytes):
            with open(proto, "rb") as file:
                proto = file.read()
        processor = _processor(proto)
        self.proto = proto
        self._vocabulary = [
            processor.id_to_piece(i) for i in range(processor.get_piece_size())
        ]
        self._ids = {piece: i for i, piece in enumerate(self._vocabulary)}
        self._encode, self._decode = _graph_functions(proto)

    def detokenize(self, token_ids):
        """int `(n, length)`, dense or ragged -> string `(n,)`; 1-D gives a scalar.

        Padding, start, end and unknown ids are left out.
        """
        self._check_vocabulary()
        if not isinstance(token_ids, tf.RaggedTensor):
            token_ids = _dense_or_ragged(token_ids)
        if isinstance(token_ids, tf.RaggedTensor):
            token_ids = token_ids.with_row_splits_dtype(tf.int64)  # what `decode` takes
        if token_ids.shape.rank == 1:
            return self.detokenize(token_ids[tf.newaxis])[0]
        token_ids = tf.cast(token_ids, tf.int32)
        return self._decode(tf.ragged.boolean_mask(token_ids, token_ids > END_ID))

    @property
    def pad_token_id(self):
        return PAD_ID

    @property
    def unknown_token_id(self):
        return UNKNOWN_ID

    @property
    def start_token_id(self):
        return START_ID

    @property
    def end_token_id(self):
        return END_ID

    def save_assets(self, dir_path):
        self._check_vocabulary()
        with open(os.path.join(dir_path, VOCABULARY_FILE), "wb") as file:
            file.write(self.proto)

    def load_assets(self, dir_path):
        self.set_proto(os.path.join(dir_path, VOCABULARY_FILE))

    def get_config(self):
        # The vocabulary is a file of its own, written by `save_assets`.
        return {**super().get_config(), "proto": None}


def _processor(proto):
    """Loads a SentencePiece model and checks that its special ids are ours."""
    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=proto)
    except RuntimeError as error:
        raise ValueError(
            f"These {len(proto)} bytes are not a SentencePiece model ({error}). The "
            "file may be cut short: save the tokenizer again."
        ) from error
    found = (
        processor.pad_id(),
        processor.unk_id(),
        processor.bos_id(),
        processor.eos_id(),
    )
    if found != (PAD_ID, UNKNOWN_ID, START_ID, END_ID):
        raise ValueError(
            "The SentencePiece model has the ids (pad, unknown, start, end) = "
            f"{found}, but (0, 1, 2, 3) is needed. Train it with pad_id=0, unk_id=1, "
            "bos_id=2, eos_id=3, or use zoo.text.learn_tokenizer."
        )
    return processor


def _graph_functions(proto):
    """Makes (encode, decode) for a SentencePiece model.

    The tokenizer op is made while tracing: one that was made eagerly is destroyed
    by `keras.utils.set_random_seed`, `tf.random.set_seed` and `clear_session`.
    """

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def encode(texts):
        op = tensorflow_text.SentencepieceTokenizer(model=proto)
        space = tf.where(texts == "", "", " ")  # an empty text has no piece at all
        return op.tokenize(tf.strings.join([space, texts]))

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def decode(token_ids):
        op = tensorflow_text.SentencepieceTokenizer(model=proto)
        return tf.strings.regex_replace(op.detokenize(token_ids), r"\A ", "")

    return encode, decode


def _dense_or_ragged(token_ids):
    """A tensor, an array or nested lists of unequal length -> tensor."""
    if isinstance(token_ids, (list, tuple)):
        token_ids = tf.ragged.constant(token_ids, dtype=tf.int32)
        if isinstance(token_ids, tf.RaggedTensor):
            return token_ids
    return tf.convert_to_tensor(token_ids)
