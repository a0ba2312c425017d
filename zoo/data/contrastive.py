"""Pairs of texts that mean alike to batches for training an embedding model."""

import numpy as np
import tensorflow as tf

from zoo.data.places import Places
from zoo.data.row_encoder import RowEncoder, warn_of_cut
from zoo.data.row_epochs import RowEpochs
from zoo.data.tokenized_texts import TOKENIZED_TOGETHER, check_examples, join_texts

_SIDES = ("text", "text_pair")


def contrastive_batches(
    examples,
    tokenizer,
    *,
    max_length=128,
    batch_tokens=4096,
    num_buckets=4,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Tokenizes pairs once, serves them in batches: all first texts, then all second.

    For `zoo.losses.ContrastiveCrossentropy`: the other texts of a batch are what a pair
    is told apart from, so larger batches teach more. Epochs are as in
    `zoo.data.translation_batches`: a batch is a pure function of (seed, epoch, step).

    >>> inputs, labels, weight = next(iter(contrastive_batches(pairs, tokenizer)))
    >>> labels  # of three pairs, the second a paraphrase of the same text as the first
    [7, 7, 2, 7, 7, 2]

    Args:
        examples: `tf.data.Dataset` of `{"text", "text_pair"}` strings.
        max_length: int. The most tokens of a text, special ones included; a warning
            counts those that are cut.
        batch_tokens: int. The most places of a batch, both texts counted.
        num_buckets: int. The most (batch, length) shapes.
        Others: as in `zoo.data.classification_batches`.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `token_ids`,
        `segment_ids` and `padding_mask` `(2 * pairs, length)`; labels, int, and weights
        are `(2 * pairs,)`. Labels are equal for texts that belong together: pairs with
        a text in common are of one kind. They are -1 on rows that are not filled;
        weights have mean 1 and are 0 there.
    """
    check_examples(examples, _SIDES)
    sides, labels = _encoded(examples, tokenizer, max_length)
    longest = max(int(side.lengths.max()) for side in sides)
    if batch_tokens < 4 * longest or len(labels) < 2:
        raise ValueError(
            f"batch_tokens={batch_tokens} and {len(labels)} pairs of at most {longest} "
            "tokens a text: a batch has to hold two pairs, or there is nothing to tell "
            f"a pair apart from. Pass batch_tokens={4 * longest} or more, or a smaller "
            "max_length, and two pairs or more."
        )

    def arrays(batch):
        """(inputs, labels, weight) of one `batching.Batch`."""
        places = [
            Places(batch.shape[:2], batch, batch.source_starts, side.lengths)
            for side in sides
        ]
        token_ids = [
            place.gather(side.token_ids, side.offsets, tokenizer.pad_token_id)
            for place, side in zip(places, sides, strict=True)
        ]
        token_ids = np.concatenate(token_ids)
        mask = np.concatenate([place.segment_ids() > 0 for place in places])
        inputs = {
            "token_ids": token_ids,
            "segment_ids": np.zeros_like(token_ids),
            "padding_mask": mask,
        }
        of_row = np.full(batch.shape[0], -1, np.int32)
        of_row[batch.rows] = labels[batch.pairs]
        both = np.concatenate([of_row, of_row])
        return inputs, both, (both >= 0).astype(np.float32)

    epochs = RowEpochs(
        np.maximum(*(side.lengths for side in sides)),
        arrays,
        batch_tokens=batch_tokens // 2,
        num_buckets=num_buckets,
        batches_per_update=batches_per_update,
        shuffle=shuffle,
        seed=seed,
    )
    return epochs.dataset(((None,), tf.int32), ((None,), tf.float32), first_epoch)


def _encoded(examples, tokenizer, max_length):
    """Reads the corpus once: a `TokenizedTexts` a side, and the label of each pair."""

    encode = RowEncoder(tokenizer, max_length)

    def read(batch):
        rows, num_cut = [], 0
        for name in _SIDES:
            ids, _, _, cut = encode({"text": batch[name]})
            rows.append((ids.flat_values, ids.row_lengths()))
            num_cut += cut
        return *rows, [batch[name] for name in _SIDES], num_cut

    parts = list(
        examples.batch(TOKENIZED_TOGETHER)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .as_numpy_iterator()
    )
    if not parts:
        raise ValueError("There is no pair of texts to train on.")
    first, second, texts, num_cut = zip(*parts, strict=True)
    texts = np.concatenate(texts, axis=1)
    warn_of_cut(sum(num_cut), texts.size)
    return (join_texts(first), join_texts(second)), _kinds(*texts)


def _kinds(first, second):
    """Numbers of pairs, equal where pairs have a text in common, directly or by others.

    >>> _kinds(np.array(["a", "b", "a", "d"]), np.array(["x", "y", "z", "z"]))
    [0, 1, 0, 0]
    """
    sides = [np.unique(texts, return_inverse=True)[1] for texts in (first, second)]
    kinds, before = np.arange(len(first)), None
    while not np.array_equal(kinds, before):
        before = kinds
        for side in sides:
            least = np.full(side.max() + 1, len(first))
            np.minimum.at(least, side, kinds)
            kinds = least[side]
    return kinds.astype(np.int32)
