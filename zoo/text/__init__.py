"""Tokenizers: learning a vocabulary, encoding and decoding, all in the graph."""

from zoo.text.sentence_piece import SentencePieceTokenizer
from zoo.text.subword_sampling import SubwordSampler
from zoo.text.vocabulary import learn_tokenizer

__all__ = ["SentencePieceTokenizer", "SubwordSampler", "learn_tokenizer"]
