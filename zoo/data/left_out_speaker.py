"""Splits of which one speaker is heard in the test alone."""


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
    everything = test.concatenate(train).concatenate(validation)
    speakers = {x["speaker"].decode() for x in everything.as_numpy_iterator()}
    if speaker not in speakers or len(speakers) == 1:
        raise ValueError(
            f"{speaker!r} cannot be left out: the speakers are "
            f"{', '.join(sorted(speakers))}. Name one of several."
        )
    others = [
        part.filter(lambda example: example["speaker"] != speaker)
        for part in (train.concatenate(test), validation)
    ]
    return *others, everything.filter(lambda example: example["speaker"] == speaker)
