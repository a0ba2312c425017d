"""Pairs, texts, labelled words, images and sounds from TensorFlow Datasets."""

import difflib

import tensorflow as tf
import tensorflow_datasets

from zoo.data.columns import recognise
from zoo.data.missing_split import MissingSplitError
from zoo.data.pairs import READ_TOGETHER
from zoo.data.text_tables import read_records_of_texts

_CAPTIONS = ("captions", "caption")
_SOUNDS = ("audio", "speech")
_TRANSCRIPTS = ("transcript", "text", "label")


def read_tfds(name, split, source, target):
    """Reads a translation data set of TensorFlow Datasets.

    Args:
        name: str such as `"wmt14_translate/de-en"`.
        split: list of str. Names of the split, the first that exists is read.
        source, target: languages; None for the data set's own direction.

    Returns:
        `tf.data.Dataset` of `{"source", "target"}`, string `(n,)`, many pairs at once.
    """
    builder = _builder(name)
    place, languages = _languages(builder, name)
    if source is None and target is None and builder.info.supervised_keys:
        source, target = builder.info.supervised_keys
    for language in (source, target):
        if language not in languages:
            raise ValueError(
                f"tfds:{name} has no language {language!r}. It has {languages}: pass "
                "two of them as source= and target=."
            )

    def pairs(example):
        """One, or none where the example lacks a language."""
        example = example if place is None else example[place]
        texts = [_texts(example, language) for language in (source, target)]
        size = tf.reduce_min([tf.size(side) for side in texts])
        return {"source": texts[0][:size], "target": texts[1][:size]}

    return _dataset(builder, name, split).map(pairs).unbatch().batch(READ_TOGETHER)


def read_tfds_texts(name, split, columns):
    """Reads texts, labelled texts or labelled words; classes by their names.

    Args:
        name, split: as in `read_tfds`.
        columns: `zoo.data.columns.Columns`, the names of features.

    Returns:
        dict of lists as `zoo.data.text_tables.read_text_table` gives it; None if no
        feature is named and none is known.
    """
    builder = _builder(name)
    features = builder.info.features
    kinds = tensorflow_datasets.features
    if not isinstance(features, kinds.FeaturesDict):
        return None
    values = {
        key: _value_reader(feature)
        for key, feature in features.items()
        if isinstance(feature, kinds.Text | kinds.ClassLabel | kinds.Sequence)
    }
    roles = recognise(list(values), columns, f"tfds:{name}")
    if roles is None:
        return None
    records = [
        (number, {key: values[key](example[key]) for key in roles.values()})
        for number, example in enumerate(_examples(builder, name, split), start=1)
    ]
    return read_records_of_texts(f"tfds:{name}", records, roles, columns)


def read_tfds_images(name, split):
    """Reads images and their captions as they are asked for, none of them before.

    >>> next(read_tfds_images("coco_captions", ["val"]).as_numpy_iterator())
    {"image": b"\\xff\\xd8\\xff...", "captions": [b"A man riding on a ...", ...]}

    Args:
        name, split: as in `read_tfds`.

    Returns:
        `tf.data.Dataset` of `{"image", "captions"}`, the bytes of a file as they are
        stored, and strings `(number,)`; None if there are no images with captions.
    """
    builder = _builder(name)
    features = builder.info.features
    if not isinstance(features, tensorflow_datasets.features.FeaturesDict):
        return None
    key = next((key for key in _CAPTIONS if key in features), None)
    if key is None or "image" not in features:
        return None
    # COCO's captions are texts with numbers, {"id", "text"}.
    are_numbered = isinstance(features[key].np_dtype, dict)
    decoders = tensorflow_datasets.decode.PartialDecoding(
        {"image": True, key: {"text": True} if are_numbered else True},
        decoders={"image": tensorflow_datasets.decode.SkipDecoding()},
    )

    def captioned(example):
        captions = example[key]["text"] if are_numbered else example[key]
        captions = tf.strings.strip(tf.reshape(captions, [-1]))
        captions = tf.boolean_mask(captions, captions != "")
        return {"image": example["image"], "captions": captions}

    return _dataset(builder, name, split, decoders).map(captioned)


def read_tfds_sounds(name, split):
    """Reads sounds and their transcripts, or classes, as they are asked for.

    >>> next(read_tfds_sounds("spoken_digit", ["train"]).as_numpy_iterator())
    {"audio": b"RIFF...", "transcript": b"5"}

    Args:
        name, split: as in `read_tfds`.

    Returns:
        `tf.data.Dataset` of `{"audio", "transcript"}`, the bytes of a WAV file of 16
        bits, and a string; None if there are no sounds with either.
    """
    builder = _builder(name)
    features = builder.info.features
    kinds = tensorflow_datasets.features
    if not isinstance(features, kinds.FeaturesDict):
        return None
    sound = next((key for key in _SOUNDS if key in features), None)
    text = next((key for key in _TRANSCRIPTS if key in features), None)
    if sound is None or text is None or not isinstance(features[sound], kinds.Audio):
        return None
    rate = features[sound].sample_rate
    if rate is None:
        raise ValueError(
            f"tfds:{name} does not say how many samples a second its sounds have. "
            "Write them to a folder of WAV files with a table of transcripts."
        )
    is_class = isinstance(features[text], kinds.ClassLabel)
    names = tf.constant(features[text].names if is_class else [""])

    def transcribed(example):
        samples = example[sound]
        if samples.dtype.is_integer:  # 16 bits, in whatever type they are stored
            samples = tf.cast(samples, tf.float32) / 2.0**15
        if samples.shape.rank == 1:
            samples = samples[:, None]
        samples = tf.reduce_mean(tf.cast(samples, tf.float32), axis=1, keepdims=True)
        transcript = example[text]
        transcript = tf.gather(names, transcript) if is_class else transcript
        audio = tf.audio.encode_wav(samples, rate)
        return {"audio": audio, "transcript": tf.strings.strip(transcript)}

    return _dataset(builder, name, split).map(transcribed)


def _value_reader(feature):
    """Makes a function of a feature's array to str, None or a list of these."""
    kinds = tensorflow_datasets.features
    if isinstance(feature, kinds.Sequence):
        read_item = _value_reader(feature.feature)
        return lambda array: [read_item(item) for item in array]
    if isinstance(feature, kinds.ClassLabel):
        # -1 is what test sets have whose labels are secret.
        return lambda i: feature.int2str(int(i)) if i >= 0 else None
    return lambda value: value.decode("utf-8")


def _examples(builder, name, split):
    """Iterates over the first split that exists, as NumPy arrays."""
    return _dataset(builder, name, split).as_numpy_iterator()


def _dataset(builder, name, split, decoders=None):
    """The first split that exists, perhaps in parts."""
    builder.download_and_prepare()
    # The mock data of TensorFlow Datasets has every split but names none.
    known = list(builder.info.splits) or split
    for wanted in split:
        # LibriSpeech has "train_clean100", "train_clean360" and others.
        chosen = [each for each in known if each.startswith(f"{wanted}_")]
        chosen = [wanted] if wanted in known else chosen
        if chosen:
            return builder.as_dataset(split="+".join(chosen), decoders=decoders)
    raise MissingSplitError(f"tfds:{name} has no split {split[0]!r}. It has {known}.")


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
    """Where the translations of a data set are, None for the top, and the languages."""
    features = builder.info.features
    for place, feature in ((None, features), *features.items()):
        if languages := getattr(feature, "languages", None):
            return place, sorted(languages)
    raise ValueError(
        f"tfds:{name} is no translation data set: its features are "
        f"{list(features)}, none of them a translation."
    )


def _texts(example, language):
    """string `(1,)` or `(0,)`, from texts by language or from lists of both."""
    if language in example:
        return example[language][tf.newaxis]
    is_wanted = example["language"] == language
    return tf.boolean_mask(example["translation"], is_wanted)[-1:]
