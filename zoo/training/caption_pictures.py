"""Pictures of captions: where each word looked, and the best and the worst ones."""

import textwrap
import warnings

import numpy as np
from matplotlib.figure import Figure

from zoo.atomic_write import atomic_write

_COLUMNS = 5
_INCHES = 2.2  # a picture
_LETTERS = 34  # a line below a picture
_WORD_START = "\u2581"  # SentencePiece's mark of the space before a word


def draw_caption_attention(path, image, target_pieces, attention, caption=""):
    """Draws an image and, for each word of its caption, what that word looked at.

    Args:
        path: where the PNG goes.
        image: uint8 array `(height, width, 3)`.
        target_pieces: list of str, of length T, a word's first one marked as
            SentencePiece does. What follows the caption is left out.
        attention: float array `(T, rows, columns)`. Places of the image.
        caption: str. Becomes the title.
    """
    words, maps = _words(target_pieces, np.asarray(attention, "float32"))
    count = len(words) + 1
    figure = Figure(
        figsize=(_INCHES * min(count, _COLUMNS), _INCHES * -(-count // _COLUMNS)),
        layout="constrained",
    )
    axes = figure.subplots(-(-count // _COLUMNS), min(count, _COLUMNS), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    axes.flat[0].imshow(image)
    height, width = image.shape[:2]
    for axis, word, seen in zip(axes.flat[1:], words, maps, strict=False):
        axis.imshow(image)
        axis.imshow(
            seen / max(seen.max(), 1e-9),
            cmap="inferno",
            alpha=0.6,
            interpolation="bilinear",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )
        # `parse_math` would take a word such as "$" for the start of a formula.
        axis.set_title(word, fontsize=10, parse_math=False)
    figure.suptitle(textwrap.fill(caption, 60), fontsize=11, parse_math=False)
    _save(figure, path)


def draw_captions(path, rows, title=""):
    """Draws a page of images, each with its caption, a reference and a score.

    Args:
        path: where the PNG goes.
        rows: list of dicts: `image` uint8 array `(height, width, 3)`, `caption` str,
            `references` list of str, `score` float.
        title: str.
    """
    columns = min(max(len(rows), 1), _COLUMNS)
    lines = max(-(-len(rows) // columns), 1)
    figure = Figure(figsize=(1.3 * _INCHES * columns, 1.9 * _INCHES * lines))
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, row in zip(axes.flat, rows, strict=False):
        axis.imshow(row["image"])
        caption = textwrap.fill(row["caption"], _LETTERS)
        reference = textwrap.fill(f"({row['references'][0]})", _LETTERS)
        axis.set_title(f"{row['score']:.2f}", fontsize=9, loc="left")
        axis.text(
            *(0, -0.03, f"{caption}\n{reference}"),
            transform=axis.transAxes,
            verticalalignment="top",
            fontsize=8,
            parse_math=False,
        )
    figure.suptitle(title, parse_math=False)
    _save(figure, path)


def _words(pieces, attention):
    """Pieces to words, each with the mean of what its pieces saw.

    >>> _words(["▁two", "▁do", "gs", "</s>"], attention)[0]
    ["two", "dogs"]
    """
    words, seen = [], []
    for piece, places in zip(pieces, attention, strict=True):
        if piece in ("</s>", "[SEP]"):
            break
        if piece.startswith(_WORD_START) or not words:
            words.append("")
            seen.append([])
        words[-1] += piece.removeprefix(_WORD_START)
        seen[-1].append(places)
    return words, [np.mean(places, axis=0) for places in seen]


def _save(figure, path):
    with atomic_write(path) as beside, warnings.catch_warnings():
        # A script that the font lacks becomes boxes, which is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(beside, dpi=110)
