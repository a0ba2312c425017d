"""Splits of which one speaker is heard in the test alone."""

from zoo.data.named_examples import chosen_examples, joined_examples


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
    named = {"test": test, "train": train, "validation": validation}
    for name, part in named.items():
        if "speaker" not in part.element_spec:
            raise ValueError(
                f"The examples of {name!r} do not name their speakers: {speaker!r} "
                "cannot be left out. Give their table a column of speakers."
            )
    parts = list(named.values())
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
        chosen_examples(part, [name != speaker for name in names])
        for part, names in zip(parts, speakers, strict=True)
    ]
    theirs = [
        chosen_examples(part, [name == speaker for name in names])
        for part, names in zip(parts, speakers, strict=True)
    ]
    of_test, of_train, of_validation = others
    return joined_examples(of_train, of_test), of_validation, joined_examples(*theirs)
