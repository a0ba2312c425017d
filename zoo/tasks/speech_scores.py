"""How well sounds are transcribed: word and character error rates, by jiwer."""

import math
import re
import unicodedata
from importlib.metadata import version

import jiwer

_PUNCTUATION = re.compile(r"[^\w\s']|_")
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
    """`"It's  5 o'clock!"` -> `"it's 5 o'clock"`"""
    text = unicodedata.normalize("NFKC", text).lower()
    return " ".join(_PUNCTUATION.sub(" ", text).split())
