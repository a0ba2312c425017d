"""Pictures of sounds: what was heard when, and where the decoder looked."""

import textwrap
import warnings

import numpy as np
from matplotlib.figure import Figure

from zoo.atomic_write import atomic_write

_WINDOW_SECONDS, _STRIDE_SECONDS = 0.025, 0.005
_PLACE_SECONDS = 0.04  # of the memory, see `zoo.SpeechModel`
_RANGE_DB = 60  # below the loudest, what is shown
_WORD_START = "\u2581"  # SentencePiece's mark of the space before a word


def draw_transcript(
    path, samples, sample_rate_hz, target_pieces, seconds, attention, title=""
):
    """Draws a spectrogram with the pieces of its transcript at their times.

    Below it, for each piece, what its decoder looked at.

    Args:
        path: where the PNG goes.
        samples: float array `(samples,)`.
        sample_rate_hz: int.
        target_pieces: list of str, of length T.
        seconds: float array `(T,)`. When each begins.
        attention: float array `(T, S)`. Over places of 40 ms.
        title: str.
    """
    pieces = [piece.replace(_WORD_START, " ").strip() or "␣" for piece in target_pieces]
    length = max(len(samples) / sample_rate_hz, 0.1)
    height = 2.5 + 0.25 * max(len(pieces), 2)
    figure = Figure(figsize=(min(4 + 1.5 * length, 16), height), layout="constrained")
    above, below = figure.subplots(
        2, 1, sharex=True, height_ratios=[2.5, height - 2.5], squeeze=True
    )
    above.imshow(
        _spectrogram(samples, sample_rate_hz),
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, length, 0, sample_rate_hz / 2000),
    )
    above.set_ylabel("kHz")
    for piece, second in zip(pieces, seconds, strict=True):
        above.axvline(second, color="white", linewidth=0.7)
        above.annotate(
            piece,
            (second, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=9,
            parse_math=False,
        ).set_in_layout(False)
    attention = np.asarray(attention, "float32")
    if attention.size:
        end = attention.shape[1] * _PLACE_SECONDS
        below.imshow(
            attention / np.maximum(attention.max(axis=1, keepdims=True), 1e-9),
            aspect="auto",
            cmap="viridis",
            extent=(0, end, len(pieces) - 0.5, -0.5),
        )
    below.set_yticks(range(len(pieces)), pieces, parse_math=False)
    below.set_ylabel("attention")
    below.set_xlabel("seconds")
    below.set_xlim(0, length)
    figure.suptitle(
        textwrap.fill(title, 90, max_lines=4), fontsize=10, parse_math=False
    )
    with atomic_write(path) as beside, warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(beside, format="png", dpi=110)


def _spectrogram(samples, sample_rate_hz):
    """Decibels `(frequencies, frames)`, from the loudest down."""
    window = max(int(_WINDOW_SECONDS * sample_rate_hz), 2)
    stride = max(int(_STRIDE_SECONDS * sample_rate_hz), 1)
    samples = np.pad(np.asarray(samples, "float32"), (0, window))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::stride]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    return np.maximum(decibels - decibels.max(), -_RANGE_DB).T
