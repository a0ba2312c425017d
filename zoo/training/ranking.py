"""Which epochs were best. A function of the history, so a resume needs no more."""

import math


def ranked_epochs(history, monitor, mode):
    """Epoch numbers, best first; of equals the earlier; NaN and absent last.

    >>> rows = [{"epoch": 1, "val_bleu": 9.0}, {"epoch": 2, "val_bleu": 11.0}]
    >>> ranked_epochs(rows, "val_bleu", "max")
    [2, 1]
    """
    sign = {"max": -1.0, "min": 1.0}[mode]

    def rank(row):
        value = row.get(monitor, math.nan)
        return (math.isnan(value), 0.0 if math.isnan(value) else sign * value)

    return [row["epoch"] for row in sorted(history, key=rank)]


def kept_epochs(history, monitor, mode, keep):
    """Set of the epochs whose weights stay: the last and the best `keep` of them."""
    last = [row["epoch"] for row in history[-keep:]]
    return {*last, *ranked_epochs(history, monitor, mode)[:keep]}


def epochs_since_best(history, monitor, mode):
    """How many epochs have gone by without a new best; 0 without a history."""
    if not history:
        return 0
    return history[-1]["epoch"] - ranked_epochs(history, monitor, mode)[0]


def checked_mode(monitor, mode):
    """`"max"` or `"min"`; `"auto"` takes it from the name of the metric."""
    if mode == "auto":
        falling = ("loss", "error", "perplexity", "wer", "cer")
        return "min" if monitor.endswith(falling) else "max"
    if mode not in ("max", "min"):
        raise ValueError(
            f"mode={mode!r} for monitor={monitor!r}. Expected 'max' (more is better), "
            "'min' (less is better) or 'auto'."
        )
    return mode


def check_monitor(monitor, logs):
    """Raises ValueError where the metrics of an epoch lack the one that decides."""
    if monitor not in logs:
        raise ValueError(
            f"monitor={monitor!r} is not among the metrics of the epoch: "
            f"{sorted(logs)}. Name one of these, or add the callback that "
            "measures it before this one."
        )
