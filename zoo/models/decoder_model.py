"""What the models that write tokens share: the decoder, all at once or step by step."""

from keras import ops

from zoo.layers import segment_attention_mask
from zoo.models.trained_model import TrainedModel


class DecoderModel(TrainedModel):
    """Abstract: predicts each next token from those before it and from a memory.

    With `B` batch, `S` places of the memory, `T` tokens, `D` hidden_dim, `V`
    vocabulary size.

    Attributes, made by the models themselves:
        target_embedding, output_embedding: `TokenEmbedding`, perhaps the same.
        position_encoding: `SinusoidalPositionEncoding`.
        embedding_dropout: `Dropout`.
        decoder: `TransformerDecoder`.
    """

    def decode(
        self,
        target_ids,
        memory,
        memory_mask=None,
        segment_ids=None,
        positions=None,
        memory_segment_ids=None,
        return_scores=False,
        training=None,
    ):
        """int `(B, T)`, memory `(B, S, D)` -> logits `(B, T, V)`.

        With `return_scores` also the cross-attention of every layer, a list of
        `(B, num_heads, T, S)`.
        """
        x = self.embed(self.target_embedding, target_ids, positions, training)
        cross_attention_mask = None  # all of a row sees all of its memory
        if memory_segment_ids is not None:
            cross_attention_mask = segment_mask(segment_ids, memory_segment_ids)
        x = self.decoder(
            x,
            memory,
            padding_mask=ops.not_equal(target_ids, 0),
            memory_mask=memory_mask,
            self_attention_mask=segment_mask(segment_ids, segment_ids),
            cross_attention_mask=cross_attention_mask,
            return_scores=return_scores,
            training=training,
        )
        if return_scores:
            x, scores = x
            return self.output_embedding.logits(x), scores
        return self.output_embedding.logits(x)

    def project_memory(self, memory):
        """Keys and values of the cross-attention of every layer, made once."""
        return self.decoder.project_memory(memory)

    def start_cache(self, rows, max_length):
        """Room for `max_length` decoded tokens in each of `rows` rows."""
        return self.decoder.start_cache(rows, max_length)

    def step(
        self,
        token_ids,
        index,
        cache,
        crosses,
        memory_mask=None,
        self_attention_mask=None,
    ):
        """Decodes one more token: int `(rows,)` at position `index` -> logits.

        Args:
            token_ids: int `(rows,)`. The tokens at position `index`.
            index: int scalar, or int `(rows,)` where rows stand at different ones.
            cache: what `start_cache` or the step before returned.
            crosses: what `project_memory` returned; `rows` may be a multiple of
                its batch (beams).
            memory_mask: bool `(batch, S)`.
            self_attention_mask: for a cache that beams share, the entries that each
                may see; see `zoo.decoding.beam_search`.

        Returns:
            logits `(rows, V)` and the new cache.
        """
        positions = ops.broadcast_to(ops.cast(index, "int32"), ops.shape(token_ids))
        x = self.embed(self.target_embedding, token_ids[:, None], positions[:, None])
        x, cache = self.decoder.step(
            x,
            index,
            cache,
            crosses,
            memory_mask=memory_mask,
            self_attention_mask=self_attention_mask,
        )
        return self.output_embedding.logits(x)[:, 0], cache

    def embed(self, embedding, token_ids, positions, training=None):
        """int `(B, T)` -> `(B, T, D)`, what the first block reads."""
        x = embedding(token_ids)
        x = x + self.position_encoding(x, positions)
        return self.embedding_dropout(x, training=training)


def segment_mask(query_segment_ids, key_segment_ids):
    """Which pairs of places are of one segment; None where nothing is packed."""
    if query_segment_ids is None:
        return None
    return segment_attention_mask(query_segment_ids, key_segment_ids)
