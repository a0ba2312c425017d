"""Tokenized texts, kept as flat arrays of ids."""

import dataclasses

import numpy as np
import tensorflow as tf

TOKENIZED_TOGETHER = 1024


@dataclasses.dataclass(frozen=True)
class TokenizedTexts:
    """Texts as one array of ids.

    Attributes:
        token_ids: int32 `(ids,)`, start and end ids included.
        offsets: int64 `(texts + 1,)`. Where each text begins; then the number of ids.
    """

    token_ids: np.ndarray
    offsets: np.ndarray

    @property
    def lengths(self):
        return np.diff(self.offsets)


def join_texts(parts):
    """One `TokenizedTexts` from a list of (token_ids, lengths)."""
    lengths = np.concatenate([lengths for _, lengths in parts])
    return TokenizedTexts(
        np.concatenate([token_ids for token_ids, _ in parts]),
        np.concatenate([[0], np.cumsum(lengths)]),
    )


def choose_texts(choose_first, first, second):
    """Text by text one of two `TokenizedTexts`: bool `(texts,)` says which."""
    both = np.concatenate([first.token_ids, second.token_ids])
    starts = np.where(
        choose_first, first.offsets[:-1], second.offsets[:-1] + len(first.token_ids)
    )
    lengths = np.where(choose_first, first.lengths, second.lengths)
    return join_texts([(both[ranges(starts, lengths)], lengths)])


def ranges(starts, lengths):
    """Concatenates `range(start, start + length)`.

    >>> ranges(np.array([5, 0]), np.array([2, 3]))
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(lengths.sum())


def ragged_batches(examples, batch_size):
    """Batches whose lists are ragged, also where all examples have lists of one length.

    >>> next(iter(ragged_batches(sentences, 2)))["tokens"]
    <tf.RaggedTensor [[b"A", b"dog"], [b"Two", b"dogs"]]>
    """

    def ragged(tensor):
        is_dense_list = isinstance(tensor, tf.Tensor) and tensor.shape.rank == 2
        return tf.RaggedTensor.from_tensor(tensor) if is_dense_list else tensor

    return examples.ragged_batch(batch_size).map(
        lambda batch: {name: ragged(tensor) for name, tensor in batch.items()}
    )


def check_examples(examples, names):
    """Raises if `examples` are no `tf.data.Dataset` of dicts with these names."""
    specification = getattr(examples, "element_spec", None)
    given = set(specification) if isinstance(specification, dict) else set()
    if not set(names) <= given:
        wanted = ", ".join(f'"{name}"' for name in names)
        raise ValueError(
            f"A tf.data.Dataset of {{{wanted}}} strings is needed, as zoo.data.read "
            f"gives it. Received: {specification or examples}."
        )
