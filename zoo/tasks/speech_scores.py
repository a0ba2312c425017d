"""How well sounds are transcribed: word and character error rates, by jiwer."""

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
        transcripts without any; `speech_signature`, how this was counted.
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
    return {
        "wer": jiwer.process_words(references, transcripts).wer,
        "cer": jiwer.process_characters(references, transcripts).cer,
        "exact_match": sum(a == b for a, b in pairs) / len(pairs),
        "speech_signature": _SIGNATURE,
    }


def normalized(text):
    """`"It's  5 o'clock!"` -> `"it's 5 o'clock"`"""
    text = unicodedata.normalize("NFKC", text).lower()
    return " ".join(_PUNCTUATION.sub(" ", text).split())
