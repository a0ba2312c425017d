"""How well sounds are transcribed: word and character error rates, by jiwer."""

import collections
import itertools
import math
import unicodedata
from importlib.metadata import version

import jiwer
import numpy as np

_OTHER, _NONE = "(other)", "(none)"
_KEPT = "LMN"  # letters, marks and numbers, by Unicode's general categories
_SIGNATURE = f"case:lower|unicode:NFKC|punctuation:' only|jiwer:{version('jiwer')}"


def speech_scores(transcripts, references):
    """Scores transcripts against what was said.

    Both are compared in lower case, in Unicode's form NFKC and without punctuation but
    apostrophes; runs of white space are one space.

    Args:
        transcripts, references: lists of str of one length, one at least.

    Returns:
        dict: `wer` and `cer`, errors (substitutions, insertions and deletions) by the
        words or characters of all references, 0 is best; `exact_match`, the share of
        transcripts without any, and its 95 % confidence interval, `exact_match_low` and
        `exact_match_high`; `speech_signature`, how this was counted.
    """
    transcripts, references = (
        [normalized(text) for text in texts] for texts in (transcripts, references)
    )
    if not references:
        raise ValueError("There are no transcripts to score. Pass one at least.")
    if not all(references):
        raise ValueError(
            f"Reference {references.index('')} has no word in it. Leave it out."
        )
    pairs = list(zip(transcripts, references, strict=True))
    num_right = sum(a == b for a, b in pairs)
    low, high = wilson_interval(num_right, len(pairs))
    return {
        "wer": jiwer.process_words(references, transcripts).wer,
        "cer": jiwer.process_characters(references, transcripts).cer,
        "exact_match": num_right / len(pairs),
        "exact_match_low": low,
        "exact_match_high": high,
        "speech_signature": _SIGNATURE,
    }


def confusion(transcripts, references, most=36):
    """What was taken for what, word by word or, of more than `most`, by character.

    Transcripts are laid beside references with the fewest errors, as for `wer`.

    Args:
        transcripts, references: lists of str of one length.
        most: int. Of what is named; what comes more rarely is `(other)`.

    Returns:
        names, list of str; int array `(names, names)`, references by transcripts. The
        last name is `(none)`: what was left out is in its column, what was added in
        its row.
    """
    texts = [[normalized(x) for x in some] for some in (references, transcripts)]
    counts = collections.Counter(word for text in texts[0] for word in text.split())
    process = jiwer.process_words
    if len(counts) > most:
        counts = collections.Counter("".join(texts[0]).replace(" ", ""))
        process = jiwer.process_characters
    known = sorted(name for name, _ in counts.most_common(most))
    names = [*known, _OTHER, _NONE]
    places = {name: place for place, name in enumerate(names)}
    table = np.zeros((len(names), len(names)), int)
    aligned = process(*texts)
    for said, heard, chunks in zip(
        aligned.references, aligned.hypotheses, aligned.alignments, strict=True
    ):
        for chunk in chunks:
            pair = (
                said[chunk.ref_start_idx : chunk.ref_end_idx],
                heard[chunk.hyp_start_idx : chunk.hyp_end_idx],
            )
            for one, other in itertools.zip_longest(*pair, fillvalue=_NONE):
                row, column = (places.get(x, len(known)) for x in (one, other))
                table[row, column] += 1
    return names, table


def wilson_interval(successes, count, z=1.96):
    """The confidence interval of a share, by default of 95 %.

    Wilson, 1927, "Probable inference, the law of succession, and statistical
    inference".
    """
    share = successes / count
    middle = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return (middle - half) / scale, (middle + half) / scale


def normalized(text):
    """`"It\u2019s  5 o'clock!"` -> `"it's 5 o'clock"`"""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    kept = (x if x == "'" or unicodedata.category(x)[0] in _KEPT else " " for x in text)
    return " ".join("".join(kept).split())
