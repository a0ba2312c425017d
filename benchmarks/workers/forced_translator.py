"""A translator with random weights that always answers with its longest answer.

Its vocabulary is of words, so an answer of n tokens is a text of n words and can be
counted from outside. What is random is which words, not how much work they are.
"""

import keras
from sentencepiece import sentencepiece_model_pb2

import zoo
from zoo import presets
from zoo.text import SentencePieceTokenizer

NUM_BYTES = 256
FORBIDDEN_LOGIT = -20.0  # others have a standard deviation of 1


def forced_translator(size, vocabulary_size, num_tokens):
    """A `zoo.Translator` whose answers all have `num_tokens` words.

    Special tokens and bytes are never the best, see `force_words`. The model takes no
    longer text, so its limit ends every answer.

    Args:
        size: str. A preset.
        vocabulary_size, num_tokens: int.
    """
    keras.utils.set_random_seed(0)
    tokenizer = SentencePieceTokenizer(word_vocabulary(vocabulary_size))
    model = presets.translation_model(size, vocabulary_size, max_length=num_tokens)
    force_words(model.source_embedding, model.decoder.blocks[-1].feed_forward_norm)
    return zoo.Translator(model, tokenizer, tokenizer)


def force_words(embedding, norm):
    """Changes weights so that nothing but words is ever the likeliest token.

    The last norm of the decoder puts 1 in the first coordinate, where all tokens but
    the words have a large negative weight in the embedding that gives the logits.
    """
    table = embedding.embeddings.numpy()
    table[:, 0] = 0.0
    table[: len(table) - len(words(len(table))), 0] = FORBIDDEN_LOGIT
    embedding.embeddings.assign(table)
    for weight, first in ((norm.gamma, 0.0), (norm.beta, 1.0)):
        values = weight.numpy()
        values[0] = first
        weight.assign(values)


def words(vocabulary_size):
    """The words of the vocabulary, in the order of their ids."""
    return [f"w{number}" for number in range(vocabulary_size - NUM_BYTES - 4)]


def source_texts(vocabulary_size, count, num_tokens, seed=0):
    """`count` texts that are `num_tokens` tokens with the end token."""
    known = words(vocabulary_size)
    draw = keras.random.randint((count, num_tokens - 1), 0, len(known), seed=seed)
    return [" ".join(known[i] for i in row) for row in draw.numpy()]


def word_vocabulary(vocabulary_size):
    """A SentencePiece model of whole words, as bytes; ids as `zoo.text` wants them."""
    model = sentencepiece_model_pb2.ModelProto()
    trainer = model.trainer_spec
    trainer.model_type = sentencepiece_model_pb2.TrainerSpec.UNIGRAM
    trainer.byte_fallback = True
    trainer.pad_id, trainer.unk_id, trainer.bos_id, trainer.eos_id = range(4)
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    pieces = [
        ("<pad>", kinds.CONTROL),
        ("<unk>", kinds.UNKNOWN),
        ("<s>", kinds.CONTROL),
        ("</s>", kinds.CONTROL),
        *((f"<0x{byte:02X}>", kinds.BYTE) for byte in range(NUM_BYTES)),
        *((f"\u2581{word}", kinds.NORMAL) for word in words(vocabulary_size)),
    ]
    for piece, kind in pieces:
        model.pieces.add(piece=piece, score=-1.0, type=kind)
    return model.SerializeToString()
