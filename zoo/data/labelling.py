"""Labelled words to batches for training a labelling model."""

import logging

import numpy as np
import tensorflow as tf

from zoo.data.label_ids import label_ids
from zoo.data.places import Places
from zoo.data.row_epochs import RowEpochs
from zoo.data.tokenized_texts import (
    TOKENIZED_TOGETHER,
    check_examples,
    join_texts,
    ragged_batches,
)
from zoo.data.word_pieces import tokenize_words

_logger = logging.getLogger(__name__)


def labelling_batches(
    examples,
    tokenizer,
    labels,
    *,
    max_length=512,
    batch_tokens=4096,
    num_buckets=8,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Tokenizes labelled words once and serves them in batches of few static shapes.

    The first token of a word carries its label; the others count nothing. A sentence
    of more than `max_length` tokens becomes several rows, cut between words. Epochs are
    as in `zoo.data.translation_batches`.

    >>> inputs, labels, weight = next(iter(labelling_batches(words, tokenizer, tags)))
    >>> # the first row: [CLS] anna smile ##s [SEP] [PAD]
    [2, 412, 97, 31, 3, 0], [0, 4, 0, 0, 0, 0], [0, 1.2, 1.2, 0, 0, 0]

    Args:
        examples: `tf.data.Dataset` of `{"tokens", "labels"}`, strings `(words,)`.
        tokenizer: as in `zoo.data.classification_batches`.
        labels: list of str, in the order of the model's outputs.
        Others: as in `zoo.data.classification_batches`.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `token_ids`,
        `segment_ids` and `padding_mask`; these, the labels and the weights are `(batch,
        length)`. Weights have mean 1 and are 0 where no word begins.
    """
    rows = _LabelledRows(examples, tokenizer, labels, max_length)
    epochs = RowEpochs(
        rows.texts.lengths,
        rows.arrays,
        batch_tokens=batch_tokens,
        num_buckets=num_buckets,
        batches_per_update=batches_per_update,
        shuffle=shuffle,
        seed=seed,
    )
    places = (None, "length")
    return epochs.dataset((places, tf.int32), (places, tf.float32), first_epoch)


class _LabelledRows:
    """The corpus: `texts`, and a label or -1 for each of their ids."""

    def __init__(self, examples, tokenizer, classes, max_length):
        check_examples(examples, ("tokens", "labels"))
        room = max_length - 2  # between the first and the last token of a row
        if room < 1:
            raise ValueError(f"max_length={max_length} leaves no place for a word.")
        pieces, num_words, labels = _tokenized(examples, tokenizer, room)
        firsts, ends = _cut(pieces.lengths, num_words, room)
        offsets = pieces.offsets
        token_labels = np.full(len(pieces.token_ids), -1, np.int32)
        token_labels[offsets[:-1]] = label_ids(labels, classes, "labels")
        begins, lengths = offsets[firsts], offsets[ends] - offsets[firsts]
        self.pad_id = tokenizer.pad_token_id
        borders = np.stack([begins, begins + lengths], axis=1).ravel()
        special = [tokenizer.cls_token_id, tokenizer.sep_token_id] * len(begins)
        self.texts = join_texts(
            [(np.insert(pieces.token_ids, borders, special), lengths + 2)]
        )
        self.labels = np.insert(token_labels, borders, -1)

    def arrays(self, batch):
        """(inputs, labels, weight) of one `batching.Batch`."""
        offsets = self.texts.offsets
        places = Places(batch.shape[:2], batch, batch.source_starts, self.texts.lengths)
        token_ids = places.gather(self.texts.token_ids, offsets, self.pad_id)
        labels = places.gather(self.labels, offsets, -1)
        inputs = {
            "token_ids": token_ids,
            "segment_ids": np.zeros_like(token_ids),
            "padding_mask": places.segment_ids() > 0,
        }
        weight = (labels >= 0).astype(np.float32)
        return inputs, np.maximum(labels, 0), weight


def _tokenized(examples, tokenizer, room):
    """Tokens of the words, words of the sentences, labels of the words.

    Returns:
        `TokenizedTexts`, a text a word; int `(sentences,)`; list of bytes.
    """

    def tokenize(batch):
        pieces = tokenize_words(batch["tokens"], tokenizer).values[:, :room]
        return (
            (pieces.flat_values, pieces.row_lengths()),
            (batch["tokens"].row_lengths(), batch["labels"].row_lengths()),
            batch["labels"].flat_values,
        )

    parts = list(
        ragged_batches(examples, TOKENIZED_TOGETHER)
        .map(tokenize, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )
    counts = np.zeros((2, 0), int)
    if parts:
        counts = np.concatenate([counts for _, counts, _ in parts], axis=1)
    num_words, num_labels = counts
    check_counts(num_words, num_labels)
    if not num_words.any():
        raise ValueError("There is no sentence with a word to train on.")
    labels = [label for _, _, labels in parts for label in labels]
    return join_texts([pieces for pieces, _, _ in parts]), num_words, labels


def _cut(lengths, num_words, room):
    """Parts of sentences that fit a row, as (first words, words after the last).

    >>> _cut(lengths=np.array([2, 2, 3, 1]), num_words=np.array([3, 1]), room=4)
    [0, 2, 3], [2, 3, 4]
    """
    ends = np.cumsum(num_words)
    starts = ends - num_words
    after = np.concatenate([[0], np.cumsum(lengths)])
    is_long = after[ends] - after[starts] > room
    borders = [starts[num_words > 0]]
    for start, end in zip(starts[is_long], ends[is_long], strict=True):
        # The word before which a row is full, again and again.
        while after[end] - after[start] > room:
            start = np.searchsorted(after, after[start] + room, side="right") - 1
            borders.append([start])
    if is_long.any():
        _logger.warning(
            "%d of %d sentences have more than %d tokens: they become several rows.",
            *(is_long.sum(), len(num_words), room),
        )
    firsts = np.sort(np.concatenate(borders).astype(np.int64))
    return firsts, np.append(firsts[1:], len(lengths))


def check_counts(num_words, num_labels, first=0):
    """Raises where an example, counted from `first`, lacks a label or has too many."""
    if (num_words != num_labels).any():
        i = int(np.flatnonzero(num_words != num_labels)[0])
        raise ValueError(
            f"Example {first + i} has {num_words[i]} words, but {num_labels[i]} "
            "labels. Each word needs one label."
        )
