"""Corpora made on the spot, with exact ground truth.

`date_pairs` puts English and German dates, times, numbers and prices into short
sentences. The hash of such a phrase, `"half past four"` say, tells which split it
belongs to. So no phrase of the test split occurs in training, in whatever sentence,
and hence no sentence does either.
"""

import random
import zlib

import tensorflow as tf

from zoo.data import phrases

# Of 20 phrases 18 are for training, one for validation and one for the test.
_SPLIT_OF_BUCKET = ("test", "validation", *["train"] * 18)
_SPLIT_ALIASES = {"val": "validation", "valid": "validation", "dev": "validation"}
# A test of whole batches: there is no smaller one to compile the search for.
_SIZE_OF = {"train": 40_000, "validation": 1_000, "test": 2_048}

_PHRASES = {
    "date": (phrases.calendar_date, phrases.calendar_date, phrases.spelled_date),
    "time": (phrases.digital_time, phrases.clock_time),
    "number": (phrases.number_in_words, phrases.number_in_digits),
    "count": (phrases.number_in_words, phrases.count_in_digits),
    "percentage": (phrases.percentage,),
    "price": (phrases.price_in_digits, phrases.price_in_words),
    "year": (phrases.year_in_words,),
}
_WORDS = {
    "person": [(name, name) for name in ("Anna", "Ben", "Clara", "Emma", "Felix")],
    "event": [
        ("The meeting", "Die Sitzung"),
        ("The concert", "Das Konzert"),
        ("The course", "Der Kurs"),
        ("The exhibition", "Die Ausstellung"),
        ("The game", "Das Spiel"),
        ("Our flight", "Unser Flug"),
    ],
    "good": [
        ("a bicycle", "ein Fahrrad"),
        ("a lamp", "eine Lampe"),
        ("a table", "einen Tisch"),
        ("a camera", "eine Kamera"),
        ("a coat", "einen Mantel"),
        ("a book", "ein Buch"),
    ],
}
# Slots take a phrase or a word; the German ones in the case the sentence asks for.
_SENTENCES = (
    ("{date}", "{date}"),
    ("{date} at {time}", "{date} um {time}"),
    ("{time}", "{time}"),
    ("{number}", "{number}"),
    ("{price}", "{price}"),
    ("It is {time}.", "Es ist {time}."),
    ("Today is {date}.", "Heute ist {date_nominative}."),
    ("{event} is on {date}.", "{event} ist am {date_dative}."),
    ("{event} starts at {time}.", "{event} beginnt um {time}."),
    (
        "{event} starts on {date} at {time}.",
        "{event} beginnt am {date_dative} um {time}.",
    ),
    ("{person} paid {price}.", "{person} hat {price_accusative} bezahlt."),
    ("{person} was born on {date}.", "{person} wurde am {date_dative} geboren."),
    ("{person} gets up at {time}.", "{person} steht um {time} auf."),
    (
        "{person} bought {good} for {price}.",
        "{person} hat für {price_accusative} {good} gekauft.",
    ),
    (
        "{person} moved to Berlin in {year}.",
        "{person} ist im Jahr {year} nach Berlin gezogen.",
    ),
    (
        "The invoice of {date} for {price} is due.",
        "Die Rechnung vom {date_dative} über {price_accusative} ist fällig.",
    ),
    ("We counted {count} birds.", "Wir haben {count} Vögel gezählt."),
    ("The town has {count} inhabitants.", "Die Stadt hat {count} Einwohner."),
    ("The share rose by {percentage}.", "Die Aktie stieg um {percentage}."),
)


def date_pairs(split="train", *, size=None, seed=0):
    """English dates, times, numbers and prices with their German translation.

    >>> next(date_pairs("test").as_numpy_iterator())
    {"source": b"It is half past four.", "target": b"Es ist halb f\\xc3\\xbcnf."}

    Args:
        split: `"train"`, `"validation"` or `"test"`; disjoint by construction.
        size: int, the number of pairs. Defaults to 40,000, 1,000 and 2,048.
        seed: int. Which phrase belongs to which split does not depend on it.

    Returns:
        `tf.data.Dataset` of `{"source", "target"}`, scalar strings. No source
        occurs twice, and every source has one right answer.
    """
    split = split_name(split, "date pairs")
    pairs = _unique_pairs(split, _SIZE_OF[split] if size is None else size, seed)
    return tf.data.Dataset.from_tensor_slices(
        {"source": list(pairs), "target": list(pairs.values())}
    )


def _unique_pairs(split, size, seed):
    """dict of `size` sources and their targets, in the order they were drawn."""
    if not 0 < size <= 100_000:
        raise ValueError(f"size must be in 1 ... 100,000, got {size}.")
    generator = random.Random(f"date pairs, {split}, {seed}")
    pairs = {}
    while len(pairs) < size:
        source, target = _draw_sentence(generator, split)
        pairs[source] = target
    return pairs


def _draw_sentence(generator, split):
    source, target = generator.choice(_SENTENCES)
    english, german = {}, {}
    for slot, choices in _PHRASES.items():
        if "{" + slot + "}" in source:
            english[slot], forms = _draw_phrase(generator, choices, split)
            german.update(forms)
    for slot, choices in _WORDS.items():
        english[slot], german[slot] = generator.choice(choices)
    return source.format(**english), target.format(**german)


def _draw_phrase(generator, choices, split):
    """Draws until the phrase is one of the split's."""
    make = generator.choice(choices)
    while True:
        english, german = make(generator)
        if split_of(english) == split:
            return english, german


def split_name(split, corpus):
    """`"validation"` for `"val"`; an error for what is no split of a corpus."""
    split = _SPLIT_ALIASES.get(split, split)
    if split not in _SIZE_OF:
        raise ValueError(
            f"The generated {corpus} have no split {split!r}. "
            f"Pass one of {list(_SIZE_OF)}."
        )
    return split


def split_of(text):
    """The split that a text belongs to, by its hash."""
    bucket = zlib.crc32(text.encode()) % len(_SPLIT_OF_BUCKET)
    return _SPLIT_OF_BUCKET[bucket]
