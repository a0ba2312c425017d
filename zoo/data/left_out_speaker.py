"""Splits of which one speaker is heard in the test alone."""

import functools
import itertools

import numpy as np
import tensorflow as tf


def leave_out_speaker(train, validation, test, speaker):
    """Splits a corpus anew, so that one speaker is in no training example.

    Args:
        train, validation, test: `tf.data.Dataset` of examples with a `"speaker"`, as
            `zoo.data.read_splits` gives them.
        speaker: str.

    Returns:
        The same three: what others said in training or test, what they said in
        validation, and all that the speaker said.
    """
    if "speaker" not in train.element_spec:
        raise ValueError(
            f"The examples do not name their speakers, so that {speaker!r} cannot be "
            "left out. Give their table a column of speakers."
        )
    parts = (test, train, validation)
    speakers = [
        [example["speaker"].decode() for example in part.as_numpy_iterator()]
        for part in parts
    ]
    known = {name for names in speakers for name in names}
    if speaker not in known or len(known) == 1:
        raise ValueError(
            f"{speaker!r} cannot be left out: the speakers are "
            f"{', '.join(sorted(known))}. Name one of several."
        )
    others = [
        _chosen(part, [name != speaker for name in names])
        for part, names in zip(parts, speakers, strict=True)
    ]
    theirs = [
        _chosen(part, [name == speaker for name in names])
        for part, names in zip(parts, speakers, strict=True)
    ]
    of_test, of_train, of_validation = others
    return _joined(of_train, of_test), of_validation, _joined(*theirs)


def _chosen(examples, is_chosen):
    """Those examples for which a list of bool says so, with their files' names."""
    numbered = tf.data.Dataset.zip(
        examples, tf.data.Dataset.from_tensor_slices(np.array(is_chosen, bool))
    )
    chosen = numbered.filter(lambda _, chosen: chosen).map(lambda example, _: example)
    names = getattr(examples, "media_names", None)
    if names is not None:
        chosen.media_names = list(itertools.compress(names, is_chosen))
    return chosen


def _joined(*parts):
    """One after the other, with their files' names."""
    joined = functools.reduce(tf.data.Dataset.concatenate, parts)
    names = [getattr(part, "media_names", None) for part in parts]
    if None not in names:
        joined.media_names = list(itertools.chain(*names))
    return joined
