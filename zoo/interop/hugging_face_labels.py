"""The classes that a `config.json` names, and back."""

MOST_LABELS = 100_000


def label_options(config):
    """`{"labels": list of str, "multi_label": bool}` of a classifier."""
    given = config.get("id2label")
    if given is None:
        number = config.integer("num_labels", lowest=1, highest=MOST_LABELS, default=2)
        given = {str(i): f"LABEL_{i}" for i in range(number)}
    if (
        not isinstance(given, dict)
        or set(given) != {str(i) for i in range(len(given))}
        or not all(isinstance(label, str) for label in given.values())
        or len(set(given.values())) < len(given)
    ):
        raise ValueError(
            f"{config.path} has id2label = {given!r:.100}, but a different string for "
            'each of "0", "1", ... is needed.'
        )
    problem = config.get("problem_type", "single_label_classification")
    if problem == "regression" or len(given) < 2:
        raise ValueError(
            f"{config.path} describes a regression (problem_type = {problem!r:.40}, "
            f"{len(given)} labels), which is not supported. Two or more labels are "
            "needed."
        )
    if problem not in ("single_label_classification", "multi_label_classification"):
        raise ValueError(f"{config.path} has the unknown problem_type {problem!r:.40}.")
    return {
        "labels": [given[str(i)] for i in range(len(given))],
        "multi_label": problem == "multi_label_classification",
    }


def label_config(labels, multi_label, task_name):
    """The part of a `config.json` that `label_options` reads."""
    config = {
        "id2label": {str(i): label for i, label in enumerate(labels)},
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    if task_name == "TextClassifier":
        kind = "multi_label" if multi_label else "single_label"
        config["problem_type"] = f"{kind}_classification"
    return config
