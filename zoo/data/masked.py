"""Texts to batches for training a masked language model."""

import numpy as np
import tensorflow as tf

from zoo.data import batching
from zoo.data.documents import cut, tokenize_documents
from zoo.data.epoch_dataset import (
    check_batches_per_update,
    epoch_dataset,
    with_mean_one,
)
from zoo.data.masking import choose_masks, hide, num_mask_positions
from zoo.data.places import Places
from zoo.data.tokenized_texts import ranges
from zoo.data.word_pieces import begins_word

_PLAN, _MASKS = 0, 1  # what a random generator is for


def masked_batches(
    examples,
    tokenizer,
    *,
    row_length=128,
    batch_size=32,
    mask_rate=0.15,
    whole_words=False,
    shuffle=True,
    seed=0,
    first_epoch=0,
    batches_per_update=1,
):
    """Packs texts into full rows and hides some of their tokens, others every epoch.

    A text is put between `[CLS]` and `[SEP]`; one that is longer than a row is cut into
    pieces, at other places every epoch, and each is put so. A row holds several texts,
    which `document_ids` keeps apart. Of the tokens 15 % are chosen, which become
    `[MASK]` (80 %), a random token (10 %) or stay
    ([Devlin et al., 2018](https://arxiv.org/abs/1810.04805)); special tokens never are.

    A batch is a pure function of (seed, epoch, step), and epochs are as in
    `zoo.data.translation_batches`, but for this: an epoch whose cuts take more batches
    than those of epoch 0 leaves out what is too much.

    >>> inputs, labels, weight = next(iter(masked_batches(texts, tokenizer)))
    >>> # token_ids, document_ids and positions of a row; its mask_positions and labels
    [2, 41, 4, 3, 2, 4, 3, 0], [1, 1, 1, 1, 2, 2, 2, 0], [0, 1, 2, 3, 0, 1, 2, 0]
    [2, 5, 0], [77, 12, 0]

    Args:
        examples: `tf.data.Dataset` of dicts with a string `"text"`.
        tokenizer: as in `zoo.data.classification_batches`, with a `mask_token_id`.
        row_length: int. Tokens of a row.
        batch_size: int. Rows of a batch.
        mask_rate: float. Share of the tokens to predict.
        whole_words: bool. Choose all tokens of a word or none.
        Others: as in `zoo.data.translation_batches`.

    Returns:
        `tf.data.Dataset` of (inputs, labels, sample_weight): inputs are `token_ids`,
        `document_ids`, `positions` and `padding_mask` `(batch, row_length)`, and
        `mask_positions` `(batch, masks)`, ascending, 0 where unused. Labels, the
        tokens that stood there, and weights are `(batch, masks)`; weights have mean 1
        and are 0 where unused.
    """
    if not 0.0 < mask_rate < 1.0 or row_length < 3:
        raise ValueError(
            f"mask_rate={mask_rate}, row_length={row_length}: a share between 0 and 1, "
            "such as 0.15, and at least 3 places are needed."
        )
    epochs = _MaskedEpochs(
        tokenize_documents(examples, tokenizer),
        tokenizer,
        shape=(batch_size, row_length),
        mask_rate=mask_rate,
        whole_words=whole_words,
        shuffle=shuffle,
        seed=seed,
        batches_per_update=batches_per_update,
    )
    return epoch_dataset(epochs, epochs.signature, first_epoch)


class _MaskedEpochs:
    """What each epoch shows: the cuts, the rows, and the tokens that are hidden."""

    def __init__(
        self,
        texts,
        tokenizer,
        *,
        shape,
        mask_rate,
        whole_words,
        shuffle,
        seed,
        batches_per_update,
    ):
        check_batches_per_update(batches_per_update)
        self.texts = texts
        self.tokenizer = tokenizer
        self.shape = shape
        self.mask_rate = mask_rate
        self.shuffle = shuffle
        self.seed = seed
        self.batches_per_update = batches_per_update
        self.num_masks = num_mask_positions(shape[1], mask_rate, whole_words)
        size = tokenizer.vocabulary_size()
        self.begins_word = (
            begins_word(tokenizer) if whole_words else np.ones(size, bool)
        )
        self.is_ordinary = np.ones(size, bool)
        self.is_ordinary[list(tokenizer.special_token_ids)] = False
        self.ordinary_ids = np.flatnonzero(self.is_ordinary)
        self.num_batches = self._count(len(self._plan(0)[1]))

    def batches(self, epoch):
        """Yields (inputs, labels, sample_weight), dicts of arrays and arrays."""
        pieces, plan = self._plan(epoch)
        plan = batching.with_length(plan, self.num_batches)
        batches = (
            self._arrays(batch, pieces, self._generator(epoch, _MASKS, step))
            for step, batch in enumerate(plan)
        )
        return with_mean_one(batches, self.batches_per_update)

    @property
    def signature(self):
        """The specification of a batch."""
        tokens = tf.TensorSpec([None, self.shape[1]], tf.int32)
        masks = tf.TensorSpec([None, self.num_masks], tf.int32)
        inputs = dict.fromkeys(("token_ids", "document_ids", "positions"), tokens)
        inputs["padding_mask"] = tf.TensorSpec([None, self.shape[1]], tf.bool)
        inputs["mask_positions"] = masks
        return inputs, masks, tf.TensorSpec([None, self.num_masks], tf.float32)

    def _generator(self, epoch, *purpose):
        return np.random.default_rng([self.seed, epoch, *purpose])

    def _plan(self, epoch):
        """The pieces of an epoch, as (offsets, lengths), and where they go."""
        generator = self._generator(epoch, _PLAN) if self.shuffle else None
        offsets, lengths = cut(self.texts, self.shape[1] - 2, generator)
        plan = batching.packed_batches(
            lengths + 2,
            np.zeros_like(lengths),
            [(self.shape[1], 0)],
            self.shape[0] * self.shape[1],
            generator,
        )
        return (offsets, lengths), plan

    def _count(self, num_planned):
        """Batches of an epoch: full updates of the weights."""
        updates = num_planned // self.batches_per_update
        if updates == 0:
            raise ValueError(
                f"batches_per_update={self.batches_per_update}, but the texts fill "
                f"only {num_planned} batches. Pass a smaller number or a smaller "
                "batch_size."
            )
        return updates * self.batches_per_update

    def _arrays(self, batch, pieces, generator):
        """(inputs, labels, weight) of one `batching.Batch`."""
        offsets, lengths = pieces
        places = Places(batch.shape[:2], batch, batch.source_starts, lengths + 2)
        padding = self.tokenizer.pad_token_id
        token_ids = places.fill(self._with_special_ids(batch, pieces), padding)
        can_be_masked = self.is_ordinary[token_ids]
        positions, is_used = choose_masks(
            can_be_masked,
            self.begins_word[token_ids],
            self.mask_rate,
            self.num_masks,
            generator,
        )
        rows, slots = np.nonzero(is_used)
        chosen = rows, positions[rows, slots]
        labels = np.zeros_like(positions)
        labels[rows, slots] = token_ids[chosen]
        token_ids[chosen] = hide(
            token_ids[chosen],
            self.tokenizer.mask_token_id,
            self.ordinary_ids,
            generator,
        )
        documents = places.segment_ids()
        inputs = {
            "token_ids": token_ids,
            "document_ids": documents,
            "positions": places.positions(),
            "padding_mask": documents > 0,
            "mask_positions": positions,
        }
        return inputs, labels, is_used.astype(np.float32)

    def _with_special_ids(self, batch, pieces):
        """The ids of the pieces of a batch, each from `[CLS]` to `[SEP]`."""
        offsets, lengths = (array[batch.pairs] for array in pieces)
        ends = np.cumsum(lengths)
        return np.insert(
            self.texts.token_ids[ranges(offsets, lengths)],
            np.stack([ends - lengths, ends], axis=1).ravel(),
            [self.tokenizer.cls_token_id, self.tokenizer.sep_token_id] * len(ends),
        )
