"""When each word of a transcript was said."""

import tensorflow as tf

from zoo.data.speech_epochs import PLACES_PER_SECOND
from zoo.tasks.requests import decoded

_WORD_START = "\u2581"  # SentencePiece's mark of the space before a word


def word_times(token_ids, places, tokenizer):
    """Tokens and their places in the memory, lists of int, to words and seconds.

    Returns:
        list of dicts: `word` str, `begin` and `end` float, the seconds from where its
        first token was heard until 40 ms after its last was: CTC says of a token when
        it is heard, not how long it lasts.
    """
    groups = []
    for token_id, place in zip(token_ids, places, strict=True):
        if not groups or tokenizer.id_to_token(token_id).startswith(_WORD_START):
            groups.append(([], []))
        groups[-1][0].append(token_id)
        groups[-1][1].append(place)
    ids = tf.ragged.constant([ids for ids, _ in groups], tf.int32, ragged_rank=1)
    words = [word.strip() for word in decoded(tokenizer.detokenize(ids))]
    return [
        {
            "word": word,
            "begin": places[0] / PLACES_PER_SECOND,
            "end": (places[-1] + 1) / PLACES_PER_SECOND,
        }
        for word, (_, places) in zip(words, groups, strict=True)
        if word
    ]
