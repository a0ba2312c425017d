"""Rows of a benchmark as aligned text, CSV, Markdown and a picture."""

import csv
import datetime
import os
import platform
from pathlib import Path


def table(rows, unit="tokens"):
    """The rows of one setting as aligned text, one line each; rates are of `unit`.

    Under each ratio stands the name of ours that it is of: `ours / it`.
    """
    ours = list(rows[0]["ratios"])
    has_texts = any(row["texts_per_s"] for row in rows)
    head = f"{'configuration':32}{f'{unit}/s':>10}" + f"{'texts/s':>9}" * has_texts
    head += "".join(f"{f'{name} / it':>28}" for name in ours)
    lines = [f"{head}{'GFLOP/s':>9}{'%limit':>8}{'1st s':>7}{'MiB':>7}{'others':>8}"]
    for row in rows:
        ratios = "".join(f"{_ratio(row['ratios'][name]):>28}" for name in ours)
        texts = f"{row['texts_per_s']:9.1f}" * has_texts
        lines.append(
            f"{row['configuration']:32}{row['tokens_per_s']:10.1f}{texts}{ratios}"
            f"{row['gflop_per_s']:9.1f}{row['percent_of_limit']:8.1f}"
            f"{row['first_call_s']:7.1f}{row['peak_mib']:7.0f}{row['disturbance']:8.2f}"
        )
    return "\n".join(lines)


def machine(dtype="fp32"):
    """The machine in one line: processor, cores, system, Python; and the precision."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {dtype}"
    )


def write_report(settings, folder, name, title, command, unit="tokens"):
    """Writes `NAME.csv`, `NAME.md` and `NAME.png`.

    Args:
        settings: dict from what was measured, such as `"translator_tiny"`, to the
            rows that `summarise` gave for it.
        folder: str or path; made if it is not there.
        name: str. Of the files.
        title: str. The first line of each.
        command: str. What was typed.
        unit: str. What the rates are of.

    Returns:
        path of the CSV file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    origin = f"{machine()}, {datetime.date.today().isoformat()}"
    _write_csv(settings, path, (title, origin, command))
    markdown = _markdown(settings, title, origin, command, unit)
    path.with_suffix(".md").write_text(markdown, encoding="utf-8")
    note = f"{'real ' * (unit == 'tokens')}{unit} a second\n{origin}"
    plot(settings, path.with_suffix(".png"), title, note)
    return path


def _write_csv(settings, path, heading):
    with path.open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {line}\n" for line in heading)
        flat = [
            {"setting": setting, **_flat(row)}
            for setting, rows in settings.items()
            for row in rows
        ]
        columns = list(dict.fromkeys(key for row in flat for key in row))
        writer = csv.DictWriter(file, fieldnames=columns)
        writer.writeheader()
        writer.writerows(flat)


def _flat(row):
    """A row with one number in each field, short enough to read."""
    flat = {key: value for key, value in row.items() if key != "ratios"}
    for name, ends in row["ratios"].items():
        for label, value in zip(("", " min", " max"), ends, strict=True):
            flat[f"{name} / it{label}"] = value
    return {
        key: f"{value:.4g}" if isinstance(value, float) else value
        for key, value in flat.items()
    }


def _markdown(settings, title, origin, command, unit):
    lines = [f"# {title}", "", f"{origin}.", "", f"    {command}", ""]
    for setting, rows in settings.items():
        ours = list(rows[0]["ratios"])
        has_limit = any(row["percent_of_limit"] for row in rows)
        has_texts = any(row["texts_per_s"] for row in rows)
        head = ["configuration", f"{unit}/s", *["texts/s"] * has_texts]
        head += [f"{name} / it" for name in ours]
        head += ["% of limit"] * has_limit + ["peak MiB", "versions"]
        lines += [f"## {setting}", "", _cells(head), _cells(["---"] * len(head))]
        for row in rows:
            cells = [row["configuration"], _rate(row["tokens_per_s"])]
            cells += [f"{row['texts_per_s']:.0f}"] * has_texts
            cells += [_ratio(row["ratios"][name]) for name in ours]
            cells += [f"{row['percent_of_limit']:.0f}"] * has_limit
            lines.append(_cells([*cells, f"{row['peak_mib']:.0f}", row["versions"]]))
        lines.append("")
    return "\n".join(lines)


def _cells(cells):
    return f"| {' | '.join(cells)} |"


def _rate(rate):
    return f"{rate:.{0 if rate >= 10 else 1}f}"


def _ratio(ends):
    median, smallest, largest = ends
    return f"{median:.2f} ({smallest:.2f}..{largest:.2f})"


def plot(settings, path, title, note):
    """Bars of the median rates, with the slowest and fastest round as whiskers.

    One panel a setting; configurations whose name begins with `limit` are left
    out, as they only multiply matrices.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {
        setting: [r for r in rows if not r["configuration"].startswith("limit")]
        for setting, rows in settings.items()
    }
    heights = [len(rows) + 1 for rows in panels.values()]
    figure = Figure(figsize=(8, 0.4 * sum(heights) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    all_axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (setting, rows) in zip(all_axes, panels.items(), strict=True):
        _bars(axes, rows[::-1])
        axes.set_title(setting, fontsize=9, loc="left")
    figure.suptitle(title, fontsize=10)
    all_axes[-1].set_xlabel(note, fontsize=7)
    figure.savefig(path, dpi=80)


def _bars(axes, rows):
    names = [row["configuration"] for row in rows]
    rates = [row["tokens_per_s"] for row in rows]
    whiskers = [
        [row["tokens_per_s"] - row["slowest"] for row in rows],
        [row["fastest"] - row["tokens_per_s"] for row in rows],
    ]
    colours = ["tab:orange" if n.startswith("zoo") else "tab:gray" for n in names]
    axes.barh(names, rates, xerr=whiskers, color=colours, capsize=3)
    for place, rate in enumerate(rates):  # at the foot, where no whisker is
        axes.annotate(
            f" {_rate(rate)}",
            (0, place),
            color="white",
            size=8,
            verticalalignment="center",
        )
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
