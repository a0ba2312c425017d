"""From strings with masks to the tokens that fit there, in the graph."""

import tensorflow as tf

from zoo.tasks.compiling import bridged
from zoo.tasks.encoding import encode_in_pieces, encoding_function
from zoo.tasks.text_rows import rows_of_cut_texts

NUM_TOKENS = 5  # answers to a mask


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
    logits = bridged(model.predict_tokens)(tf.boolean_mask(places, is_mask.flat_values))
    # The model may have rows to spare, which are no tokens.
    logits = logits[:, : tokenizer.vocabulary_size()]
    best = tf.math.top_k(tf.nn.softmax(tf.cast(logits, tf.float32)), NUM_TOKENS)
    num_masks = tf.reduce_sum(tf.cast(is_mask, tf.int64), axis=1)
    tokens, probability = (
        tf.RaggedTensor.from_row_lengths(values, num_masks)
        for values in (tokenizer.pieces(best.indices), best.values)
    )
    return tokens, probability, num_cut
