"""An image to a sentence about it."""

import math

import keras
from keras import ops

from zoo.layers import (
    Dropout,
    SinusoidalPositionEncoding,
    TokenEmbedding,
    TransformerDecoder,
)
from zoo.layers.feed_forward import plain_activation
from zoo.models.decoder_model import DecoderModel
from zoo.models.image_encoder import ImageEncoder

# Vision Transformers have a token for the class, some others to be distilled or to
# keep what belongs to no place.
_MOST_BESIDE = 5


@keras.saving.register_keras_serializable(package="zoo")
class CaptioningModel(DecoderModel):
    """Reads an image, predicts the next token of its caption at every position.

    The decoder of [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762) over the
    patches of an image. With `B` batch, `N` patches, `T` tokens, `D` hidden_dim, `V`
    vocabulary size:

        images (B, H, W, 3)       -> encode -> memory (B, N, D)
        target_ids (B, T), memory -> decode -> logits (B, T, V)

    Several captions of an image stand in one row, packed, so that it is encoded once.

    Args:
        image_encoder: `ImageEncoder`, or any Keras model from images `(B, H, W, 3)`,
            RGB from 0 to 255, to `(B, N, any)` or `(B, h, w, any)`; set its
            `trainable` to False to leave it as it is.
        vocabulary_size: int.
        num_layers, num_heads, hidden_dim, intermediate_dim: int. Of the decoder.
        dropout: float. On embeddings and on the output of every sublayer.
        max_length: int. Longest caption, in tokens.
        norm_first: bool.
        activation: as `zoo.layers.FeedForward` takes it.
        tie_embeddings: bool. One matrix for the input and the output.

    Call arguments:
        inputs: dict. `images`; `target_ids` int `(B, T)`, which begins with the start
            token, 0 is padding. Packed rows add `target_segment_ids` and
            `target_positions` `(B, T)`.

    Returns:
        logits `(B, T, V)`.
    """

    def __init__(
        self,
        image_encoder,
        vocabulary_size,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        dropout=0.1,
        *,
        max_length=64,
        norm_first=True,
        activation="gelu",
        tie_embeddings=True,
        **kwargs,
    ):
        _check(image_encoder)
        super().__init__(**{"dtype": image_encoder.dtype_policy, **kwargs})
        self.image_encoder = image_encoder
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.max_length = max_length
        self.norm_first = norm_first
        self.activation = activation
        self.tie_embeddings = tie_embeddings

        def options(name):
            return {"dtype": self.dtype_policy, "name": name}

        # A memory of another size than the decoder's.
        self.memory_projection = None
        if image_encoder.output_shape[-1] != hidden_dim:
            self.memory_projection = keras.layers.Dense(
                hidden_dim, **options("memory_projection")
            )
        self.target_embedding = TokenEmbedding(
            vocabulary_size, hidden_dim, **options("target_embedding")
        )
        self.output_embedding = self.target_embedding
        if not tie_embeddings:
            self.output_embedding = TokenEmbedding(
                vocabulary_size, hidden_dim, **options("output_embedding")
            )
        self.position_encoding = SinusoidalPositionEncoding(
            **options("position_encoding")
        )
        self.embedding_dropout = Dropout(dropout, **options("embedding_dropout"))
        self.decoder = TransformerDecoder(
            num_layers,
            num_heads,
            hidden_dim,
            intermediate_dim,
            dropout=dropout,
            norm_first=norm_first,
            activation=activation,
            **options("decoder"),
        )

    def build(self, input_shape=None):
        if not self.image_encoder.built:
            self.image_encoder.build()
        if self.memory_projection is not None:
            width = self.image_encoder.output_shape[-1]
            self.memory_projection.build((None, None, width))
        for embedding in (self.target_embedding, self.output_embedding):
            if not embedding.built:
                embedding.build((None, None))
        self.decoder.build((None, None, self.hidden_dim))

    def call(self, inputs, training=None):
        # Handed on, for on JAX `fit` tells this call alone that the model trains.
        return self.decode(
            inputs["target_ids"],
            self.encode(inputs["images"], training),
            segment_ids=inputs.get("target_segment_ids"),
            positions=inputs.get("target_positions"),
            training=training,
        )

    def encode(self, images, training=None):
        """`(B, H, W, 3)` -> memory `(B, N, D)`"""
        memory = self.image_encoder(images, training=training)
        (memory,) = keras.tree.flatten(memory)  # may have a name
        if len(memory.shape) == 4:  # the map of a convolutional network
            rows, height, width, _ = ops.shape(memory)
            shape = (rows, height * width, memory.shape[-1])
            memory = ops.reshape(memory, shape)
        if self.memory_projection is not None:
            memory = self.memory_projection(memory)
        return memory

    @property
    def image_size(self):
        """(int, int): height and width of the images that it reads."""
        size = tuple(self.image_encoder.input_shape[1:3])
        if None in size:
            raise ValueError(
                f"The image_encoder takes images of any size, {size}. Make it for one, "
                "with input_shape=(height, width, 3)."
            )
        return size

    def on_image(self, places):
        """`(..., N)`, a number for each place of the memory -> `(..., rows, columns)`.

        What an encoder gives beside the places of its image, such as a token that
        stands for all of it, is left out.
        """
        shape = self.image_encoder.output_shape
        height, width = self.image_size
        beside, size = 0, shape[1:3]
        if len(shape) == 3:
            beside, size = _grid(shape[1], height / width)
        places = places[..., beside:]
        return ops.reshape(places, (*ops.shape(places)[:-1], *size))

    def get_config(self):
        encoder = keras.saving.serialize_keras_object(self.image_encoder)
        if self._encoder_has_same_dtype():
            del encoder["config"]["dtype"]  # `from_config` gives it that of the model
        return {
            **super().get_config(),
            "image_encoder": encoder,
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "max_length": self.max_length,
            "norm_first": self.norm_first,
            "activation": plain_activation(self.activation),
            "tie_embeddings": self.tie_embeddings,
        }

    def _encoder_has_same_dtype(self):
        is_ours = isinstance(self.image_encoder, ImageEncoder)
        return is_ours and self.image_encoder.dtype_policy == self.dtype_policy

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = config["image_encoder"]
        if encoder["class_name"] == ImageEncoder.__name__:
            own = {"dtype": config["dtype"], **encoder["config"]}
            encoder = {**encoder, "config": own}
        encoder = keras.saving.deserialize_keras_object(encoder, custom_objects)
        if not encoder.trainable:
            # Its layers are not frozen yet; False in place of False would do nothing.
            encoder.trainable = True
            encoder.trainable = False
        return cls(**{**config, "image_encoder": encoder})


def _check(image_encoder):
    """Raises if a network does not turn images into places."""
    inputs = getattr(image_encoder, "input_shape", None)
    outputs = getattr(image_encoder, "output_shape", None)
    reads = isinstance(inputs, tuple) and len(inputs) == 4 and inputs[-1] == 3
    gives = isinstance(outputs, tuple) and len(outputs) in (3, 4)
    if not (isinstance(image_encoder, keras.Model) and reads and gives):
        raise ValueError(
            f"CaptioningModel got the image_encoder {image_encoder!r:.60} with the "
            f"input {inputs or 'of an unknown shape'} and the output "
            f"{outputs or 'of an unknown shape'}. Pass a Keras model with one input "
            "(batch, height, width, 3) and one output (batch, places, features) or "
            "(batch, rows, columns, features), such as a network of "
            "keras.applications with include_top=False; a keras.Sequential begins "
            "with keras.Input((height, width, 3))."
        )


def _grid(count, ratio):
    """How many of `count` places are beside the image's, and its (rows, columns).

    >>> _grid(197, ratio=1.0)
    (1, (14, 14))
    """
    for beside in range(min(_MOST_BESIDE + 1, count)):
        rows = round(math.sqrt((count - beside) * ratio))
        columns = round(rows / ratio)
        is_whole = rows > 0 and rows * columns == count - beside
        if is_whole and math.isclose(rows, columns * ratio):
            return beside, (rows, columns)
    return 0, (1, count)
