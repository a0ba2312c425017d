"""Tokenizers: learning a vocabulary, encoding and decoding, all in the graph."""

from zoo.text.byte_pair import BytePairTokenizer
from zoo.text.sentence_piece import SentencePieceTokenizer
from zoo.text.subword_sampling import SubwordSampler
from zoo.text.vocabulary import learn_tokenizer
from zoo.text.word_piece import WordPieceTokenizer

__all__ = [
    "BytePairTokenizer",
    "SentencePieceTokenizer",
    "SubwordSampler",
    "WordPieceTokenizer",
    "learn_tokenizer",
]
