"""From strings with masks to the tokens that fit there, in the graph."""

import tensorflow as tf

from zoo.tasks.compiling import bridged
from zoo.tasks.encoding import encode_in_pieces, encoding_function
from zoo.tasks.generation import in_pieces
from zoo.tasks.text_rows import rows_of_cut_texts

NUM_TOKENS = 5  # answers to a mask
_TOGETHER = 1024  # masks: each has a logit for every token


def fill_masks(texts, task):
    """string `(n,)` -> tokens, their probabilities, and how many texts are cut.

    Tokens are string, probabilities float32, both ragged `(n, masks, 5)`.
    """
    model, tokenizer = task.model, task.tokenizer
    rows, num_cut = rows_of_cut_texts(texts, tokenizer, task.max_length)

    def vectors(inputs):
        return model.encoder(inputs, training=False)["sequence_output"]

    encode = encoding_function(vectors, model, task.max_length)
    places = encode_in_pieces(encode, rows, model.encoder.hidden_dim, per_place=True)
    is_mask = rows["token_ids"] == tokenizer.mask_token_id
    hidden = tf.boolean_mask(places, is_mask.flat_values)

    def best_tokens(here):
        logits = bridged(model.predict_tokens)(hidden[here])
        # The model may have rows to spare, which are no tokens.
        logits = logits[:, : tokenizer.vocabulary_size()]
        best = tf.math.top_k(tf.nn.softmax(tf.cast(logits, tf.float32)), NUM_TOKENS)
        return best.indices, best.values

    specs = [tf.TensorSpec([None, NUM_TOKENS], x) for x in (tf.int32, tf.float32)]
    ids, values = in_pieces(best_tokens, tf.shape(hidden)[0], specs, _TOGETHER)
    num_masks = tf.reduce_sum(tf.cast(is_mask, tf.int64), axis=1)
    tokens, probability = (
        tf.RaggedTensor.from_row_lengths(x, num_masks)
        for x in (tokenizer.pieces(ids), values)
    )
    return tokens, probability, num_cut
