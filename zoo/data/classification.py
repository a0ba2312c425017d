"""Labelled texts to batches for training a classification model."""

import numpy as np
import tensorflow as tf

from zoo.data.label_ids import label_ids
from zoo.data.places import Places
from zoo.data.row_encoder import RowEncoder, warn_of_cut
from zoo.data.row_epochs import RowEpochs
from zoo.data.tokenized_texts import (
    TOKENIZED_TOGETHER,
    check_examples,
    join_texts,
    ragged_batches,
)


def classification_batches(
    examples,
    tokenizer,
    classes,
    *,
    max_length=512,
    batch_tokens=4096,
    multi_label=False,
    long_texts="cut",
    overlap=None,
    num_buckets=8,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Tokenizes labelled texts once and serves them in batches of few static shapes.

    Epochs are as in `zoo.data.translation_batches`: a batch is a pure function of
    (seed, epoch, step).

    >>> inputs, labels, weight = next(iter(classification_batches(films, t, classes)))
    >>> # the first row of token_ids and of padding_mask; its label and weight
    [2, 412, 97, 3, 0], [True, True, True, True, False], 1, 1.0

    Args:
        examples: `tf.data.Dataset` of `{"text", "label"}`, perhaps with `"text_pair"`,
            strings; with `multi_label`, of `"labels"` `(number,)` instead of `"label"`.
        tokenizer: `zoo.text.WordPieceTokenizer` or `zoo.text.BytePairTokenizer`.
        classes: list of str, in the order of the model's outputs.
        max_length: int. The most tokens of a row, special ones included.
        batch_tokens: int. The most places of a batch.
        multi_label: bool. Whether a text may have several labels, or none.
        long_texts: `"cut"` shows the beginning of a text that is longer than
            `max_length`, and of a pair the beginning of the longer text; a warning
            counts them. `"chunks"` shows all of a text in overlapping chunks, each
            with its label; not for pairs.
        overlap: int. Tokens that neighbouring chunks share; by default a quarter of
            them, as where `zoo.TextClassifier` reads long texts.
        num_buckets: int. The most (batch, length) shapes.
        shuffle: bool. Another order every epoch.
        seed: int. For the order.
        first_epoch: int. The epoch to begin with.
        batches_per_update: int. The optimizer's `gradient_accumulation_steps`, so
            that the loss is the mean over all texts of an update.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `token_ids`,
        `segment_ids` and `padding_mask` `(batch, length)`; labels int `(batch,)` or,
        with `multi_label`, float 0 or 1 `(batch, classes)`; weights `(batch,)` have
        mean 1 and are 0 on rows that are not filled.
    """
    if long_texts not in ("cut", "chunks"):
        raise ValueError(f"long_texts={long_texts!r}. Pass 'cut' or 'chunks'.")
    check_examples(examples, ("text", "labels" if multi_label else "label"))
    is_pair = "text_pair" in examples.element_spec
    if is_pair and long_texts == "chunks":
        raise ValueError(
            "long_texts='chunks' is for single texts: pass 'cut' for pairs."
        )
    if overlap is None:
        overlap = (max_length - 2) // 4
    encode = RowEncoder(
        tokenizer, max_length, overlap if long_texts == "chunks" else None
    )
    rows = _Rows(examples, encode, classes, multi_label, tokenizer.pad_token_id)
    epochs = RowEpochs(
        rows.texts.lengths,
        rows.arrays,
        batch_tokens=batch_tokens,
        num_buckets=num_buckets,
        batches_per_update=batches_per_update,
        shuffle=shuffle,
        seed=seed,
    )
    labels = ((None, len(classes)), tf.float32) if multi_label else ((None,), tf.int32)
    return epochs.dataset(labels, ((None,), tf.float32), first_epoch)


def check_classified(examples, *, pairs, multi_label):
    """Raises if examples are not of the kind that a classifier was made for.

    Args:
        examples: `tf.data.Dataset` of dicts.
        pairs, multi_label: bool, as of `zoo.TextClassifier`.
    """
    check_examples(examples, ("text",))
    wanted = {"text", "labels" if multi_label else "label"}
    wanted |= {"text_pair"} if pairs else set()
    given = set(examples.element_spec)
    if not wanted <= given or ("text_pair" in given and not pairs):
        raise ValueError(
            f"A classifier with pairs={pairs} and multi_label={multi_label} reads "
            f"examples of {sorted(wanted)}, but these have {sorted(given)}. Make it "
            "with pairs=True for those with a text_pair and with multi_label=True for "
            "those with labels, or give the columns that it reads."
        )


class _Rows:
    """The corpus: `texts`, their segments, and what label each has."""

    def __init__(self, examples, encode, classes, multi_label, pad_id):
        texts, segments, owner, labels = _encoded(examples, encode, multi_label)
        self.texts = join_texts(texts)
        self.segment_ids = np.concatenate(segments)
        self.pad_id = pad_id
        labels, counts = labels
        ids = label_ids(labels, classes, "classes")
        if multi_label:
            self.labels = np.zeros((len(counts), len(classes)), np.float32)
            self.labels[np.repeat(np.arange(len(counts)), counts), ids] = 1.0
        else:
            self.labels = ids
        self.labels = self.labels[owner]

    def arrays(self, batch):
        """(inputs, labels, weight) of one `batching.Batch`."""
        offsets = self.texts.offsets
        places = Places(batch.shape[:2], batch, batch.source_starts, self.texts.lengths)
        inputs = {
            "token_ids": places.gather(self.texts.token_ids, offsets, self.pad_id),
            "segment_ids": places.gather(self.segment_ids, offsets),
            "padding_mask": places.segment_ids() > 0,
        }
        labels = np.zeros((batch.shape[0], *self.labels.shape[1:]), self.labels.dtype)
        labels[batch.rows] = self.labels[batch.pairs]
        weight = np.zeros(batch.shape[0], np.float32)
        weight[batch.rows] = 1.0
        return inputs, labels, weight


def _encoded(examples, encode, multi_label):
    """Reads the corpus once.

    Returns:
        lists of (token ids, lengths) and of segment ids; the owners of the rows; the
        labels as (list of bytes, how many each text has).
    """

    def read(batch):
        token_ids, segment_ids, owner, num_cut = encode(batch)
        labels = batch["labels"] if multi_label else batch["label"]
        counts = labels.row_lengths() if multi_label else tf.ones_like(labels, tf.int64)
        flat = labels.flat_values if multi_label else labels
        rows = token_ids.flat_values, token_ids.row_lengths()
        return rows, segment_ids.flat_values, owner, (flat, counts), num_cut

    parts = list(
        ragged_batches(examples, TOKENIZED_TOGETHER)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )
    if not parts:
        raise ValueError("There is no text to train on.")
    texts, segments, owners, labels, num_cut = zip(*parts, strict=True)
    counts = np.concatenate([counts for _, counts in labels])
    sizes = [len(counts) for _, counts in labels]
    before = np.cumsum(sizes) - sizes
    owner = np.concatenate([o + b for o, b in zip(owners, before, strict=True)])
    warn_of_cut(sum(num_cut), len(counts))
    return texts, segments, owner, ([x for flat, _ in labels for x in flat], counts)
