"""Which language is this? Names in many languages, with the language of each."""

import functools
import random

import tensorflow as tf
from babel import Locale

from zoo.data.generated import split_name, split_of

# Latin, Greek, Cyrillic, Hebrew, Arabic, Indic, Thai, Georgian and East Asian scripts.
# Left out are Danish and Norwegian beside Swedish, Slovak beside Czech and others whose
# names for things hardly differ: nobody could tell which of them a name is from.
LANGUAGES = (
    *("ar", "cs", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "it", "ja"),
    *("ka", "ko", "nl", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh"),
)


def language_names(split="train"):
    """Names of languages, territories, currencies, months and more in CLDR.

    Those of scripts, weekdays, cities and time zones are there too.

    >>> next(language_names("test").as_numpy_iterator())
    {"text": b"Vereinigtes K\\xc3\\xb6nigreich", "label": b"de"}

    Args:
        split: `"train"`, `"validation"` or `"test"`; disjoint by the hash of the text.

    Returns:
        `tf.data.Dataset` of `{"text", "label"}`, scalar strings, in random order that
        is the same every time. The label is one of `LANGUAGES`. No text occurs twice,
        whatever its case: what is a name in two of the languages is left out.
    """
    split = split_name(split, "language names")
    chosen = [pair for pair in _all_names() if split_of(pair[0].casefold()) == split]
    texts, labels = zip(*chosen, strict=True)
    return tf.data.Dataset.from_tensor_slices(
        {"text": list(texts), "label": list(labels)}
    )


@functools.cache
def _all_names():
    """list of (name, language), mixed; no name is there twice."""
    languages_of, spelling = {}, {}
    for language in LANGUAGES:
        for name in _names_in(Locale(language)):
            languages_of.setdefault(name.casefold(), set()).add(language)
            spelling.setdefault(name.casefold(), name)
    found = [
        (spelling[key], *languages)
        for key, languages in languages_of.items()
        if len(languages) == 1
    ]
    random.Random("language names").shuffle(found)
    return found


def _names_in(locale):
    """The names a locale has, those that are words of its language."""
    months = locale.months["format"]["wide"], locale.months["stand-alone"]["wide"]
    days = locale.days["format"]["wide"], locale.days["stand-alone"]["wide"]
    tables = (
        *(locale.languages, locale.territories, locale.currencies, *months, *days),
        *(locale.scripts, locale.variants),
        {code: zone.get("city") for code, zone in locale.time_zones.items()},
        *(zone.get("long", {}) for zone in locale.meta_zones.values()),
    )
    for table in tables:
        for code, name in table.items():
            if not isinstance(name, str):  # CLDR has none
                continue
            name = " ".join(name.split())
            # What CLDR does not know stands there as its code: "XAF".
            if name != str(code) and len(name) > 1 and not name.isdecimal():
                yield name
