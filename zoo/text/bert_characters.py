"""What BERT's normalisation makes of each Unicode character, as tables."""

import functools
import unicodedata

import numpy as np

from zoo.text import unicode_ranges
from zoo.text.unicode_ranges import NUM_CODE_POINTS, code_points

# What a character does to words. A mark is left out, but its place is the word's.
IN_WORD, SPACE, ALONE, MARK = range(4)
# A character's number: its code, its class and its canonical combining class.
CLASS_SHIFT, COMBINING_SHIFT = 21, 23
CODE_MASK = (1 << CLASS_SHIFT) - 1
MOST_CHARACTERS = 4  # that one becomes: a Greek vowel and three marks
# A table's entry says how a character's number differs from its code, or, as -1 - row,
# the characters that it becomes: none, what stands for a special token, or several.
DROPPED, SPECIAL = -1, -2
_FIRST_ROWS = [0, 0xFFFD | ALONE << CLASS_SHIFT]
# Beyond these no character changes but ideographs that stand for others.
_MAY_CHANGE = [*range(0x1F000), *range(0x2F800, 0x2FA20)]


@functools.lru_cache
def entries_of(lowercase, strip_accents, split_cjk):
    """The entry of each code point, and the rows that some of them point to.

    Returns:
        int64 `(0x110000,)` and int32 `(rows, 4)`, filled with zeros.
    """
    codes = np.arange(NUM_CODE_POINTS)
    numbers = _numbers(codes, strip_accents)
    ideographs = np.zeros(NUM_CODE_POINTS, np.int64)
    if split_cjk:
        alone = ALONE << CLASS_SHIFT
        ideographs[code_points(unicode_ranges.IDEOGRAPHS)] = alone
    entries = (numbers | ideographs) ^ codes
    several = [[number] for number in _FIRST_ROWS]
    for code, outputs in _changed(lowercase, strip_accents):
        row = [int(numbers[output] | ideographs[code]) for output in outputs]
        if len(row) == 1:
            entries[code] = row[0] ^ code
        else:
            entries[code] = -1 - len(several)
            several.append(row)
    white_space = code_points(unicode_ranges.WHITE_SPACE)
    entries[white_space] = (ord(" ") | SPACE << CLASS_SHIFT) ^ white_space
    entries[code_points(unicode_ranges.DROPPED)] = DROPPED
    rows = np.zeros([len(several), MOST_CHARACTERS], np.int32)
    for row, numbers in zip(rows, several, strict=True):
        row[: len(numbers)] = numbers
    return entries, rows


def _numbers(codes, strip_accents):
    """What each code point is to a word where nothing changes it but the loss of marks.

    Args:
        codes: int64 `(0x110000,)`, ascending from 0.

    Returns:
        int64 `(0x110000,)`.
    """
    classes = np.full(NUM_CODE_POINTS, IN_WORD)
    classes[code_points(unicode_ranges.PUNCTUATION)] = ALONE
    combining = np.zeros(NUM_CODE_POINTS, np.int64)
    if strip_accents:
        marks = code_points(unicode_ranges.NONSPACING_MARKS)
        classes[marks] = MARK
        codes = np.where(classes == MARK, 0, codes)
        marks = np.concatenate([marks, code_points(unicode_ranges.ORDERED_MARKS)])
        combining[marks] = [unicodedata.combining(chr(mark)) for mark in marks]
    return codes | classes << CLASS_SHIFT | combining << COMBINING_SHIFT


def _changed(lowercase, strip_accents):
    """Yields (code, the codes it becomes) of the characters that change."""
    small = {}
    for ranges, distance in unicode_ranges.NEW_CAPITALS.items():
        small.update((code, chr(code + distance)) for code in code_points(ranges))
    whole = set(code_points(unicode_ranges.NEW_DECOMPOSITIONS))
    for code in _MAY_CHANGE:
        text = character = chr(code)
        if strip_accents and code not in whole:
            text = unicodedata.normalize("NFD", text)
        if lowercase:
            text = "".join(small.get(ord(part)) or part.lower() for part in text)
        if text != character:
            yield code, [ord(part) for part in text]
