"""Reads a corpus, recognising how it is laid out."""

import importlib
import pathlib

import tensorflow as tf

from zoo.data.captioned_images import read_captioned_images
from zoo.data.columns import Columns
from zoo.data.flac import wav_of_flac
from zoo.data.folders import read_folder
from zoo.data.media_files import media_bytes, media_name
from zoo.data.pairs import chunks_of, filled_pairs
from zoo.data.tables import read_table
from zoo.data.text_sources import read_texts
from zoo.data.transcribed_sounds import check_no_sounds, read_transcribed_sounds

_VALIDATION = ("validation", "val", "valid", "dev")
_TFDS = "tfds:"
_MEDIA = ("image", "audio")  # columns that hold places of files


def read(
    path,
    split="train",
    source=None,
    target=None,
    *,
    text=None,
    text_pair=None,
    label=None,
    label_separator=None,
    tokens=None,
    labels=None,
    document=None,
    unlabelled=False,
):
    """Reads pairs of sentences, texts, labelled texts or words, images or sounds.

    The layout is recognised. Sentences in two languages:

    - a folder with a file a language, `train.en` and `train.de`, line i of one the
      translation of line i of the other;
    - a folder with a table a split, `train.tsv`, or with one table for all;
    - one table: `.tsv`, `.csv` (columns by name, or just two columns) or `.jsonl`
      (keys by name); its column `split`, if there is one, says what is for training;
    - `"tfds:NAME"`, a translation data set of TensorFlow Datasets.

    Everything else, where neither `source` nor `target` is passed:

    - a table with a column of texts and perhaps one of labels, known by usual names
      (`text`, `sentence`, `review`, ...; `label`, `class`, ...) or named here;
    - a folder of folders, `train/pos/1.txt`: the text of a file, of class `pos`;
    - words with a label each, in CoNLL's columns or CoNLL-U, or lists in JSON lines;
    - text files: their paragraphs or, where no line is empty, their lines;
    - a folder of files of one kind, those of a split with its name as a word in
      theirs, `emerging.dev.conll`; files without any split's name are for training;
    - a folder of images, or of .tar archives of them, with their captions: a table
      with columns such as `image` and `caption`, COCO's or Karpathy's JSON, Flickr8k's
      `NAME.jpg#0` and caption with its lists of names;
    - a folder of WAV or FLAC files, or of .tar archives of them, with transcripts: a
      table with columns such as `audio` and `transcript`, or LibriSpeech's layout;
    - `"tfds:NAME"`, a data set of TensorFlow Datasets with such features.

    Files may be gzipped. A pair with an empty side is left out, and a warning says
    how many were; so are rows without text or label, if there are few.

    >>> pairs = read("data/multi30k", split="val", source="en", target="de")
    >>> next(pairs.as_numpy_iterator())
    {"source": b"A group of men are ...", "target": b"Eine Gruppe von M..."}
    >>> next(read("data/sst2", split="dev").as_numpy_iterator())
    {"text": b"one long string of cliches .", "label": b"0"}
    >>> next(read("data/ud_english_ewt", labels="XPOS").as_numpy_iterator())
    {"tokens": [b"Al", b"-", b"Zaman", ...], "labels": [b"NNP", b"HYPH", b"NNP", ...]}

    Args:
        path: str or path of a folder or file, or `"tfds:NAME"`.
        split: str. `"validation"`, `"val"`, `"valid"` and `"dev"` mean the same.
        source, target: str. Languages, as the files, columns or keys name them.
        text, text_pair, label: str. Columns or keys. `text` alone reads texts without
            their labels. A list of labels in JSON lines gives `"labels"`.
        label_separator: str, what parts the labels of a text that may have several.
        tokens, labels: str or int. The columns of words and of their labels, of
            CoNLL-U by name (`"FORM"`, `"UPOS"`), else of CoNLL from 0.
        document: str. Column whose rows, as long as it stays the same, are one text.
        unlabelled: bool. Read texts alone, whatever else there is; rows with the same
            `doc`, `doc_id` or `document_id` are one text.

    Returns:
        `tf.data.Dataset` of dicts of strings: `{"source", "target"}`, `{"text"}`,
        `{"text", "label"}`, `{"text", "text_pair", "label"}`, `{"text", "labels"}`
        with `labels` `(number,)`, `{"tokens", "labels"}`, each `(words,)`,
        `{"image", "captions"}`, the bytes of a file and `(number,)`, or `{"audio",
        "transcript"}`, the bytes of a WAV file, and `"speaker"` where it is known.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: what is there cannot be read; says which file and line.
        MissingSplitError: a ValueError too; it can be read but has no such split.
    """
    columns = Columns(
        *(text, text_pair, label, tokens, labels, label_separator, document, unlabelled)
    )
    return as_dataset(read_columns(path, split, source, target, columns))


def as_dataset(columns):
    """{name: list of str, or of lists of str} -> `tf.data.Dataset` of dicts.

    What is one already stays as it is.
    """
    if isinstance(columns, tf.data.Dataset):
        return columns
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: _tensor(values) for name, values in columns.items()}
    )
    kind = next((kind for kind in _MEDIA if kind in columns), None)
    if kind is None:
        return dataset
    places = columns[kind]

    def with_bytes(example):
        data = media_bytes(example[kind])
        return {**example, kind: wav_of_flac(data) if kind == "audio" else data}

    dataset = dataset.map(
        with_bytes,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    # For messages; what is made of the dataset, in another order, has no names.
    dataset.media_names = [media_name(place) for place in places]
    return dataset


def _tensor(values):
    if not isinstance(values[0], list):
        return tf.constant(values)
    flat = tf.constant([item for value in values for item in value], tf.string)
    return tf.RaggedTensor.from_row_lengths(flat, [len(value) for value in values])


def read_columns(path, split, source, target, columns):
    """What `read` reads: a dict of lists; a `tf.data.Dataset` of what is not held in
    memory, pairs and what tfds: has of images and sounds.
    """
    names = _VALIDATION if split in _VALIDATION else (split,)
    # What was asked for comes first, so that errors name it.
    names = (split, *(name for name in names if name != split))
    for_pairs = source is not None or target is not None
    if for_pairs and columns.are_named:
        raise ValueError(
            "source= and target= name two languages, text=, label=, tokens= and such "
            "the columns of other examples: pass either these or those."
        )
    if str(path).startswith(_TFDS):
        name = str(path).removeprefix(_TFDS)
        module = _tfds_module(name)
        found = None
        if not for_pairs and not columns.are_named:
            found = module.read_tfds_sounds(name, names)
            found = found or module.read_tfds_images(name, names)
        if found is None and not for_pairs:
            found = module.read_tfds_texts(name, names, columns)
        if found is not None:
            return found
        return filled_pairs(module.read_tfds(name, names, source, target), path)
    path = pathlib.Path(path)
    if not path.is_dir() and not path.is_file():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. A TensorFlow Datasets name is "
            f"written tfds:{path.name}."
        )
    found, may_be_media = None, not for_pairs and not columns.are_named
    if may_be_media:
        found = read_transcribed_sounds(path, names)
        found = found or read_captioned_images(path, names)
    if found is not None:
        return found
    try:
        if not for_pairs:
            found = read_texts(path, names, columns)
        if found is not None:
            return found
        read_pairs = read_folder if path.is_dir() else read_table
        return filled_pairs(chunks_of(read_pairs(path, names, source, target)), path)
    except (FileNotFoundError, ValueError):
        if may_be_media and path.is_dir():
            check_no_sounds(path)
        raise


def _tfds_module(name):
    try:
        return importlib.import_module("zoo.data.tfds")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tfds:{name} needs TensorFlow Datasets: pip install 'zoo[tfds]'."
        ) from error
