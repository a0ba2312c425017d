"""What the encoding workers share: texts on disk, a repetition, the comparison.

NumPy and the standard library only: workers in the peers' environment import it.
"""

import numpy as np


def save_texts(path, texts, lengths, vectors):
    """Writes texts with their numbers of tokens, and what is to come of them."""
    np.savez(path, texts=np.array(texts), lengths=lengths, vectors=vectors)


def encodings(encode, options):
    """Makes `repeat()`: all texts at once, compared with what is to come of them.

    Args:
        encode: callable. list of str -> float array `(n, hidden_dim)`.
        options: dict. `texts`, a file of `save_texts`; `every`, 2 takes every second
            text; `tolerance`, of the vectors; `may_differ`, the share of the texts
            that a peer's tokenizer may split otherwise.

    Returns:
        The function, which returns the number of real tokens it worked on.
    """
    with np.load(options["texts"]) as file:
        texts, lengths, expected = (
            file[name][:: options["every"]] for name in ("texts", "lengths", "vectors")
        )
    texts, num_tokens = texts.tolist(), int(lengths.sum())

    def repeat():
        vectors = encode(texts)
        check_vectors(
            vectors, expected, options["tolerance"], options.get("may_differ", 0.0)
        )
        return num_tokens

    return repeat


def check_vectors(vectors, expected, tolerance, may_differ=0.0):
    """Refuses vectors that differ: what is timed must be the same work."""
    if vectors.shape != expected.shape:
        raise ValueError(
            f"The vectors are {vectors.shape}, but {expected.shape} is expected: one "
            "for each text."
        )
    difference = np.abs(vectors - expected).max(axis=1)
    wrong = np.flatnonzero(~(difference <= tolerance))
    if len(wrong) > may_differ * len(expected):
        raise ValueError(
            f"{len(wrong)} of {len(expected)} vectors differ by more than {tolerance}, "
            f"that of text {wrong[0]} by {difference[wrong[0]]:.2g}. Do all read the "
            "same checkpoint, and as many tokens of a text?"
        )
