"""Pairs from TensorFlow Datasets."""

import difflib

import tensorflow_datasets

from zoo.data.missing_split import MissingSplitError


def read_tfds(name, split, source, target):
    """Reads a translation data set of TensorFlow Datasets.

    Args:
        name: str such as `"wmt14_translate/de-en"`.
        split: list of str. Names of the split, the first that exists is read.
        source, target: languages; None for the data set's own direction.

    Returns:
        (sources, targets): lists of str.
    """
    builder = _builder(name)
    languages = _languages(builder, name)
    if source is None and target is None and builder.info.supervised_keys:
        source, target = builder.info.supervised_keys
    for language in (source, target):
        if language not in languages:
            raise ValueError(
                f"tfds:{name} has no language {language!r}. It has {languages}: pass "
                "two of them as source= and target=."
            )
    builder.download_and_prepare()
    # The mock data of TensorFlow Datasets has every split but names none.
    known = list(builder.info.splits) or split
    chosen = next((name for name in split if name in known), None)
    if chosen is None:
        raise MissingSplitError(
            f"tfds:{name} has no split {split[0]!r}. It has {known}."
        )
    sources, targets = [], []
    for example in builder.as_dataset(split=chosen).as_numpy_iterator():
        texts = _texts(example)
        if source in texts and target in texts:
            sources.append(texts[source].decode("utf-8"))
            targets.append(texts[target].decode("utf-8"))
    return sources, targets


def _builder(name):
    try:
        return tensorflow_datasets.builder(name)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
    near = difflib.get_close_matches(name.partition("/")[0], known, n=5)
    # Raised out here, for the error above lists all of the thousand names.
    raise ValueError(
        f"tfds:{name} is no data set of TensorFlow Datasets. "
        + (f"Its nearest names: {near}. " if near else "No name is near. ")
        + "All are at https://www.tensorflow.org/datasets/catalog."
    )


def _languages(builder, name):
    """The languages of a data set, whichever translation feature it has."""
    features = builder.info.features
    for feature in (features, *getattr(features, "values", list)()):
        if languages := getattr(feature, "languages", None):
            return sorted(languages)
    raise ValueError(
        f"tfds:{name} is no translation data set: its features are "
        f"{list(features)}, none of them a translation."
    )


def _texts(example):
    """{language: text}, from texts by language or from lists of both."""
    if "translations" not in example:
        return example
    lists = example["translations"]
    names = [language.decode() for language in lists["language"]]
    return dict(zip(names, lists["translation"], strict=True))
