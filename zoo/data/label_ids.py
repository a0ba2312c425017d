"""Labels to their numbers."""

import numpy as np


def label_ids(labels, classes, argument):
    """Numbers of byte strings in a list of classes.

    >>> label_ids([b"good", b"bad"], ["bad", "good"], "classes")
    [1, 0]

    Raises:
        ValueError: a label is not among the classes; names `argument`, which has them.
    """
    ids = {name.encode("utf-8"): i for i, name in enumerate(classes)}
    if len(ids) < len(classes):
        raise ValueError(f"{argument} has a label twice: {list(classes)}.")
    unknown = sorted({label.decode("utf-8") for label in set(labels) - set(ids)})
    if unknown:
        raise ValueError(
            f"There are labels that are not among {argument}: {unknown[:5]}"
            f"{' ...' if unknown[5:] else ''}. {argument} has {list(classes)[:20]}. "
            "Add them, or leave these examples out."
        )
    return np.array([ids[label] for label in labels], np.int32)
