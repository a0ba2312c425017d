"""Stacks of blocks."""

import keras

from zoo.layers.decoder_block import TransformerDecoderBlock
from zoo.layers.encoder_block import TransformerEncoderBlock
from zoo.layers.remat import rematerialized


class TransformerStack(keras.layers.Layer):
    """Abstract: make a `TransformerEncoder` or a `TransformerDecoder`.

    Args:
        num_layers: int, 1 or more. Number of blocks.
        Others as in `TransformerBlock`. A pre-norm stack ends with a norm.

    Attributes:
        remat: bool. Set it to keep nothing of the blocks' insides in training; they
            are then computed twice.
    """

    def __init__(self, block_class, num_layers, sizes, block_options):
        layer_options = {
            key: block_options.pop(key)
            for key in ("name", "dtype", "trainable")
            if key in block_options
        }
        super().__init__(**layer_options)
        if num_layers < 1:
            raise ValueError(
                f"{type(self).__name__} got num_layers={num_layers}. A stack needs "
                "at least one block: pass 1 or more."
            )
        self.blocks = [
            block_class(
                *sizes, **block_options, dtype=self.dtype_policy, name=f"block_{i}"
            )
            for i in range(num_layers)
        ]
        self.remat = False
        first = self.blocks[0]
        self.final_norm = first.make_norm("final_norm") if first.norm_first else None

    def _build(self, x_shape, **other_shapes):
        for block in self.blocks:
            block.build(x_shape, **other_shapes)
        if self.final_norm is not None:
            self.final_norm.build(x_shape)

    def _apply(self, block, *tensors, return_scores, training, **options):
        if self.remat and training and not return_scores:
            return rematerialized(block, *tensors, training=training, **options)
        return block(
            *tensors, return_scores=return_scores, training=training, **options
        )

    def _finish(self, x):
        return x if self.final_norm is None else self.final_norm(x)

    def get_config(self):
        block = self.blocks[0].get_config()
        for key in ("name", "dtype", "trainable"):
            del block[key]
        return {**super().get_config(), "num_layers": len(self.blocks), **block}


@keras.saving.register_keras_serializable(package="zoo")
class TransformerEncoder(TransformerStack):
    """Turns a sequence of vectors into a memory of the same length.

    Args:
        num_layers: int, 1 or more. Number of `TransformerEncoderBlock`s.
        num_heads, hidden_dim, intermediate_dim and the rest: as in the block.
            A pre-norm stack (`norm_first=True`) ends with a norm.

    Call arguments and result: as in the block; with `return_scores` the second
    result is the list of all blocks' probabilities.
    """

    def __init__(
        self, num_layers, num_heads, hidden_dim, intermediate_dim, *args, **kwargs
    ):
        sizes = (num_heads, hidden_dim, intermediate_dim, *args)
        super().__init__(TransformerEncoderBlock, num_layers, sizes, kwargs)

    def build(self, x_shape):
        self._build(x_shape)

    def call(
        self,
        x,
        padding_mask=None,
        attention_mask=None,
        positions=None,
        return_scores=False,
        training=None,
    ):
        all_scores = []
        for block in self.blocks:
            x = self._apply(
                block,
                x,
                padding_mask=padding_mask,
                attention_mask=attention_mask,
                positions=positions,
                return_scores=return_scores,
                training=training,
            )
            if return_scores:
                x, scores = x
                all_scores.append(scores)
        x = self._finish(x)
        return (x, all_scores) if return_scores else x

    def compute_output_shape(self, x_shape):
        return tuple(x_shape)

    def compute_output_spec(self, x, *args, return_scores=False, **kwargs):
        specs = [
            block.compute_output_spec(x, return_scores=return_scores)
            for block in self.blocks
        ]
        return _gather(specs) if return_scores else specs[-1]


@keras.saving.register_keras_serializable(package="zoo")
class TransformerDecoder(TransformerStack):
    """Predicts from what came before and from a memory.

    Args:
        num_layers: int, 1 or more. Number of `TransformerDecoderBlock`s.
        num_heads, hidden_dim, intermediate_dim and the rest: as in the block.
            A pre-norm stack (`norm_first=True`) ends with a norm.

    Call arguments and result: as in the block; with `return_scores` the second
    result is the list of all blocks' cross-attention probabilities.
    """

    def __init__(
        self, num_layers, num_heads, hidden_dim, intermediate_dim, *args, **kwargs
    ):
        sizes = (num_heads, hidden_dim, intermediate_dim, *args)
        super().__init__(TransformerDecoderBlock, num_layers, sizes, kwargs)

    def build(self, x_shape, memory_shape=None):
        self._build(x_shape, memory_shape=memory_shape)

    def call(
        self,
        x,
        memory,
        padding_mask=None,
        memory_mask=None,
        self_attention_mask=None,
        cross_attention_mask=None,
        positions=None,
        return_scores=False,
        training=None,
    ):
        all_scores = []
        for block in self.blocks:
            x = self._apply(
                block,
                x,
                memory,
                padding_mask=padding_mask,
                memory_mask=memory_mask,
                self_attention_mask=self_attention_mask,
                cross_attention_mask=cross_attention_mask,
                positions=positions,
                return_scores=return_scores,
                training=training,
            )
            if return_scores:
                x, scores = x
                all_scores.append(scores)
        x = self._finish(x)
        return (x, all_scores) if return_scores else x

    def project_memory(self, memory):
        """(batch, keys, hidden_dim) -> list of what each block's `step` reads."""
        return [block.project_memory(memory) for block in self.blocks]

    def start_cache(self, batch_size, max_length):
        """List of the blocks' empty caches for `max_length` steps."""
        return [block.start_cache(batch_size, max_length) for block in self.blocks]

    def step(
        self,
        x,
        index,
        caches,
        crosses,
        memory_mask=None,
        self_attention_mask=None,
        return_scores=False,
    ):
        """Reads one place through all blocks; see `TransformerDecoderBlock.step`.

        Returns:
            x `(rows, 1, hidden_dim)` and the list of new caches; with
            `return_scores` also the list of cross-attention probabilities.
        """
        new_caches, all_scores = [], []
        for block, cache, cross in zip(self.blocks, caches, crosses, strict=True):
            x, cache, *scores = block.step(
                x,
                index,
                cache,
                cross,
                memory_mask=memory_mask,
                self_attention_mask=self_attention_mask,
                return_scores=return_scores,
            )
            new_caches.append(cache)
            all_scores += scores
        x = self._finish(x)
        return (x, new_caches, all_scores) if return_scores else (x, new_caches)

    def compute_output_shape(self, x_shape, memory_shape=None):
        return tuple(x_shape)

    def compute_output_spec(self, x, memory, *args, return_scores=False, **kwargs):
        specs = [
            block.compute_output_spec(x, memory, return_scores=return_scores)
            for block in self.blocks
        ]
        return _gather(specs) if return_scores else specs[-1]


def _gather(specs):
    """Each block's (x, scores) -> the last x, and all scores."""
    return specs[-1][0], [scores for _, scores in specs]
