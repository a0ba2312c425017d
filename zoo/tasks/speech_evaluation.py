"""Transcripts of examples that have references, for scores and pictures."""

import keras

from zoo.data.speech import check_transcribed_sounds
from zoo.data.unusable import Unusable
from zoo.tasks.file_requests import in_turn


def transcribed_rows(transcribe, examples, batch_size):
    """Transcribes sounds and keeps their references beside.

    Sounds that cannot be decoded, or have no reference with a word in it, are left out
    with a warning that names them; more than 2 % of them are an error.

    Args:
        transcribe: callable. list of bytes -> (transcripts, errors), lists of str.
        examples: tf.data of raw examples, `{"audio", "transcript"}`.
        batch_size: int. The most sounds at a time, fewer of long ones; a progress bar
            counts them.

    Yields:
        dicts: `audio` bytes, `transcript` and `reference` str.
    """
    check_transcribed_sounds(examples)
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be 1 or more.")
    known = int(examples.cardinality())
    progress = keras.utils.Progbar(known if known > 0 else None, unit_name="sound")
    unusable = Unusable(examples, "sound", "transcript")
    each = examples.as_numpy_iterator()
    for batch in in_turn(each, lambda example: len(example["audio"]), batch_size):
        transcripts, errors = transcribe([example["audio"] for example in batch])
        for example, text, error in zip(batch, transcripts, errors, strict=True):
            for reference in unusable.usable([example["transcript"]], error):
                row = {"transcript": text, "reference": reference}
                yield {"audio": example["audio"], **row}
        progress.add(len(batch))
    unusable.check()
