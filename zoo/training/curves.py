"""The picture of a run that one looks at first."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zoo.atomic_write import atomic_write
from zoo.training.ranking import checked_mode, ranked_epochs

# Kept in metrics.csv, but no measure of how well the model does.
NOT_DRAWN = ("epoch", "seconds", "val_seconds", "learning_rate")
MAX_COLUMNS = 3
TRAINING = {"label": "training", "color": "tab:blue"}
VALIDATION = {"label": "validation", "color": "tab:orange"}


def draw_curves(path, history, monitor=None, mode="auto"):
    """Draws every metric against the epochs and writes a PNG.

    A metric and its `val_` counterpart share a panel. The best epoch is marked in
    the panel of the monitored metric.

    Args:
        path: where the PNG goes.
        history: list of dicts, one an epoch, as `read_metrics` gives.
        monitor: str, optional. The metric whose best epoch is marked.
        mode: `"max"`, `"min"` or `"auto"`, as in `Checkpoints`.
    """
    panels = list(
        dict.fromkeys(
            name.removeprefix("val_")
            for row in history
            for name in row
            if name not in NOT_DRAWN
        )
    )
    num_columns = min(max(len(panels), 1), MAX_COLUMNS)
    num_rows = max(-(-len(panels) // num_columns), 1)
    size = (4.5 * num_columns, 3.4 * num_rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, panels, strict=False):
        for key, style in ((name, TRAINING), (f"val_{name}", VALIDATION)):
            points = [(row["epoch"], row[key]) for row in history if key in row]
            if points:
                axis.plot(*zip(*points, strict=True), marker=".", **style)
            if points and key == monitor:
                _mark_best(axis, history, monitor, checked_mode(monitor, mode))
        axis.set_title(name)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    with atomic_write(path) as beside:
        figure.savefig(beside, dpi=110)


def _mark_best(axis, history, monitor, mode):
    best = ranked_epochs(history, monitor, mode)[0]
    value = next(row.get(monitor) for row in history if row["epoch"] == best)
    axis.plot(
        best, value, "o", color="tab:red", label=f"best: {value:.4g}, epoch {best}"
    )
