"""Which pieces of a text a model looked at while it wrote or decided something."""

import warnings

import numpy as np
from matplotlib.figure import Figure

from zoo.atomic_write import atomic_write

INCHES_A_PIECE = 0.32
INCHES_FOR_LABELS = 1.6


def draw_attention(
    path, source_pieces, target_pieces, attention, axes=("source", "target")
):
    """Draws a heat map and writes a PNG: a row a target piece, a column a source one.

    Args:
        path: where the PNG goes.
        source_pieces: list of str, of length S.
        target_pieces: list of str, of length T.
        attention: float array `(T, S)`, or `(heads, T, S)`, which is averaged over
            the heads. Rows sum to 1.
        axes: what the columns and the rows are called.
    """
    attention = np.asarray(attention, "float32")
    if attention.ndim == 3:
        attention = attention.mean(axis=0)
    expected = (len(target_pieces), len(source_pieces))
    if attention.shape != expected:
        raise ValueError(
            f"draw_attention got an attention of shape {attention.shape} for "
            f"{expected[0]} target and {expected[1]} source pieces. Pass one of shape "
            f"{expected}, target first; cut off the padding."
        )
    height, width = (INCHES_FOR_LABELS + INCHES_A_PIECE * n for n in expected)
    figure = Figure(figsize=(width, height), layout="constrained")
    axis = figure.subplots()
    axis.imshow(attention, cmap="viridis", vmin=0.0, vmax=1.0, aspect="auto")
    # `parse_math` would take a piece such as "$" for the start of a formula.
    style = {"parse_math": False}
    axis.set_xticks(range(expected[1]), source_pieces, rotation=90, **style)
    axis.set_yticks(range(expected[0]), target_pieces, **style)
    axis.set_xlabel(axes[0])
    axis.set_ylabel(axes[1])
    with atomic_write(path) as beside, warnings.catch_warnings():
        # A script that the font lacks becomes boxes, which is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(beside, dpi=110)
