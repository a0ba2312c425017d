"""Pairs of sentences to batches for training a translation model."""

import tensorflow as tf

from zoo.data.epoch_dataset import epoch_dataset
from zoo.data.epochs import Epochs
from zoo.data.sharded_epochs import ShardedEpochs
from zoo.data.token_cache import cache_pairs
from zoo.data.tokenized_pairs import tokenize_pairs
from zoo.text.subword_sampling import SubwordSampler


def translation_batches(
    examples,
    source_tokenizer,
    target_tokenizer,
    *,
    batch_tokens=4096,
    max_length=256,
    num_buckets=8,
    packed=False,
    shuffle=True,
    seed=0,
    subword_sampling=0.0,
    first_epoch=0,
    batches_per_update=1,
    cache_dir=None,
):
    """Tokenizes pairs once and serves them in batches of few static shapes.

    A batch is a pure function of (seed, epoch, step). An iteration to the end of the
    dataset moves it to the next epoch: other batches in another order and, with
    `subword_sampling`, other subwords. An iteration that is left early does not (Keras
    looks at a first batch to build a model). So `model.fit(batches, epochs=10)` sees
    what five epochs see and then, in a new process that passes `first_epoch=5`,
    `model.fit(batches, initial_epoch=5, epochs=10)`. Every epoch has the same number
    of batches and shows each pair once.

    >>> inputs, labels, weight = next(iter(translation_batches(pairs, en, de)))
    >>> # the first row of source_ids, target_ids, labels and weight
    [21, 9, 3, 0], [2, 35, 8], [35, 8, 3], [1.2, 1.2, 1.2]

    Args:
        examples: `tf.data.Dataset` of `{"source", "target"}` strings.
        source_tokenizer, target_tokenizer: `zoo.text.SentencePieceTokenizer`.
        batch_tokens: int. The most places, source and target, of a batch.
        max_length: int. Pairs with more source or target ids, the end id
            included, are left out with a warning that counts them.
        num_buckets: int. The most (batch, source, target) shapes; not for packed.
        packed: bool. Put several pairs in a row. The inputs then also have
            `source_segment_ids`, `target_segment_ids` (0 padding, 1 the first pair,
            ...) and `source_positions`, `target_positions` (from 0 in every pair).
        shuffle: bool. Another order every epoch.
        seed: int. For order and subword sampling.
        subword_sampling: float. Probability to split a subword, see
            `zoo.text.SubwordSampler`.
        first_epoch: int. The epoch to begin with.
        batches_per_update: int. The optimizer's `gradient_accumulation_steps`, so
            that the loss is the mean over all tokens of an update.
        cache_dir: path. For corpora that memory does not hold: their ids are written
            to this folder once, see `zoo.data.token_cache`, and read shard by shard,
            in another order every epoch, each of up to 65,536 pairs mixed within.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `source_ids`
        `(batch, source length)`, which end with the end id, and `target_ids`
        `(batch, target length)`, which begin with the start id; labels `(batch, target
        length)` are the next target ids; weights are 0 on padding and have mean 1
        (over the batches of an update, each counted alike).
    """
    how = (source_tokenizer, target_tokenizer, max_length)
    if cache_dir is None:
        make, corpus = Epochs, tokenize_pairs(examples, *how)
    else:
        make, corpus = ShardedEpochs, cache_pairs(examples, cache_dir, *how)
    epochs = make(
        corpus,
        _samplers(source_tokenizer, target_tokenizer, subword_sampling),
        batch_tokens=batch_tokens,
        batches_per_update=batches_per_update,
        num_buckets=num_buckets,
        packed=packed,
        shuffle=shuffle,
        seed=seed,
    )
    return epoch_dataset(epochs, _signature(epochs), first_epoch)


def _samplers(source_tokenizer, target_tokenizer, rate):
    if rate == 0.0:
        return None
    source = SubwordSampler(source_tokenizer, rate)
    if target_tokenizer is source_tokenizer:
        return source, source
    return source, SubwordSampler(target_tokenizer, rate)


def _signature(epochs):
    """The specification of a batch; lengths are static if there is one shape."""
    source, target = epochs.shapes[0] if len(epochs.shapes) == 1 else (None, None)
    source_ids = tf.TensorSpec([None, source], tf.int32)
    target_ids = tf.TensorSpec([None, target], tf.int32)
    inputs = {"source_ids": source_ids, "target_ids": target_ids}
    if epochs.packed:
        for name in ("segment_ids", "positions"):
            inputs |= {f"source_{name}": source_ids, f"target_{name}": target_ids}
    return inputs, target_ids, tf.TensorSpec([None, target], tf.float32)
