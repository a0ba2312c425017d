"""The labels of a recipe's data, checked before anything is trained."""

import numpy as np

_MOST_TOLD = 5


def label_names(parts, columns, advice):
    """The labels of the training examples, which are all that the others may have.

    >>> label_names({"train": train, "test": test}, ("text", "label"), "Pass --label.")
    ["bad", "good"]

    Args:
        parts: dict from names to `tf.data.Dataset`. The first is for training.
        columns: tuple of str. What each example needs, its label or labels last.
        advice: str. What to do where one of them is missing.
    """
    known = None
    for part, examples in parts.items():
        given = set(examples.element_spec)
        if not set(columns) <= given:
            raise ValueError(
                f"The examples for {part} have {sorted(given)}, but this recipe needs "
                f"{list(columns)}. {advice}"
            )
        labels = {
            label.decode("utf-8")
            for example in examples.as_numpy_iterator()
            for label in np.ravel(example[columns[-1]])
        }
        known = labels if known is None else known
        unknown = sorted(labels - known)
        if unknown:
            raise ValueError(
                f"The examples for {part} have labels that none for training has: "
                f"{unknown[:_MOST_TOLD]}{' ...' if unknown[_MOST_TOLD:] else ''}. Add "
                "examples of them for training, or leave these out."
            )
    return sorted(known)
