"""Asks worker processes in turn for one repetition: A B C A B C.

What disturbs the machine then disturbs all alike, and the ratios within a round
are trustworthy where absolute times are not.
"""

import csv
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOLERATED_DISTURBANCE = 0.08  # share of the machine; above it a repetition is redone


class Configuration(NamedTuple):
    """A row of the report: its name, and the process that runs it.

    `module` is run with `python -m`, with `options` as JSON on its command line;
    `useful_flops_per_token` turns its rate into GFLOP/s, 0 leaves that out.
    """

    name: str
    module: str
    options: dict
    python: str = sys.executable
    useful_flops_per_token: float = 0.0


class Worker:
    """The running process of a configuration, warmed up and waiting."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.process = subprocess.Popen(
            [
                configuration.python,
                "-m",
                configuration.module,
                json.dumps(configuration.options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(ROOT)},
        )
        self.ready = self._answer()

    def repeat(self):
        """One repetition: `{"seconds", "tokens", "disturbance", "rss_mib"}`."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"The worker {self.configuration.name!r} "
                f"(python -m {self.configuration.module}) ended without an answer, "
                f"exit code {self.process.wait()}. Its own message is above; run "
                "it alone to see more."
            )
        return json.loads(line)


def interleave(configurations, rounds, log=print):
    """Runs all configurations side by side for a number of rounds.

    A repetition that lost more than 8 % of the machine to others is repeated once,
    and the less disturbed of the two counts. A worker that fails is reported
    and left out; the others go on.

    Returns:
        dict from name to `{"ready": ..., "rounds": [one answer a round]}`.
    """
    workers, results = [], {}
    try:
        for configuration in configurations:
            try:
                worker = Worker(configuration)
            except RuntimeError as error:
                log(f"left out: {error}")
                continue
            workers.append(worker)
            results[configuration.name] = {"ready": worker.ready, "rounds": []}
            log(f"ready: {configuration.name}, {worker.ready['first_call_s']:.1f} s")
        for number in range(rounds):
            for worker in workers:
                answer = worker.repeat()
                if answer["disturbance"] > TOLERATED_DISTURBANCE:
                    again = worker.repeat()
                    answer = min(answer, again, key=lambda a: a["disturbance"])
                results[worker.configuration.name]["rounds"].append(answer)
            log(f"round {number + 1} of {rounds} done")
    finally:
        for worker in workers:
            worker.close()
    return results


def summarise(configurations, results, ours, limits=()):
    """One row a configuration, with medians and ratios of the same round.

    Args:
        configurations: the list given to `interleave`.
        results: what `interleave` returned.
        ours: str, the name all ratios are against: `ours / other`, above 1 where
            ours is faster. With several names starting so, the first.
        limits: names of the configurations that only multiply matrices. The
            faster one of a round is that round's limit.

    Returns:
        list of dicts, in the order of the configurations.
    """
    rates = {
        name: [r["tokens"] / r["seconds"] for r in result["rounds"]]
        for name, result in results.items()
    }
    flops = {c.name: c.useful_flops_per_token for c in configurations}
    limit = [
        max(each)
        for each in zip(
            *[[r * flops[n] for r in rates[n]] for n in limits if n in rates],
            strict=True,
        )
    ]
    rows = []
    for configuration in configurations:
        name = configuration.name
        if name not in results:
            continue
        measured = results[name]["rounds"]
        ratios = [a / b for a, b in zip(rates[ours], rates[name], strict=True)]
        useful = [rate * flops[name] for rate in rates[name]]
        shares = [a / b for a, b in zip(useful, limit, strict=True)] if limit else [0]
        rows.append(
            {
                "configuration": name,
                "tokens_per_s": statistics.median(rates[name]),
                "slowest": min(rates[name]),
                "fastest": max(rates[name]),
                "ours_vs_it": statistics.median(ratios),
                "ratio_min": min(ratios),
                "ratio_max": max(ratios),
                "gflop_per_s": statistics.median(useful) / 1e9,
                "percent_of_limit": 100 * statistics.median(shares),
                "first_call_s": results[name]["ready"]["first_call_s"],
                "rss_mib": max(r["rss_mib"] for r in measured),
                "disturbance": statistics.median(r["disturbance"] for r in measured),
                "parameters": results[name]["ready"]["facts"].get("parameters", 0),
                "versions": results[name]["ready"]["facts"].get("versions", ""),
            }
        )
    return rows


def table(rows):
    """The rows as aligned text, one line each."""
    head = (
        f"{'configuration':34}{'tokens/s':>10}{'ours/it':>9}{'min..max':>13}"
        f"{'GFLOP/s':>9}{'%limit':>8}{'1st s':>7}{'RSS MiB':>9}{'others':>8}"
    )
    lines = [head]
    for row in rows:
        span = f"{row['ratio_min']:.2f}..{row['ratio_max']:.2f}"
        lines.append(
            f"{row['configuration']:34}{row['tokens_per_s']:10.1f}"
            f"{row['ours_vs_it']:9.2f}{span:>13}{row['gflop_per_s']:9.1f}"
            f"{row['percent_of_limit']:8.1f}{row['first_call_s']:7.1f}"
            f"{row['rss_mib']:9.0f}{row['disturbance']:8.2f}"
        )
    return "\n".join(lines)


def machine():
    """The machine in one line: processor, cores, system, Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, fp32"


def write_report(rows, folder, name, title, command):
    """Writes `NAME.csv` and `NAME.png` into the folder; returns the CSV's path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    date = datetime.date.today().isoformat()
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        file.write(f"# {title}\n# {machine()}, {date}\n# {command}\n")
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    key: f"{value:.4g}" if isinstance(value, float) else value
                    for key, value in row.items()
                }
            )
    plot(rows, path.with_suffix(".png"), title, f"{machine()}, {date}")
    return path


def plot(rows, path, title, note):
    """Bars of the median rates, with the slowest and fastest round as whiskers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in rows if not row["configuration"].startswith("limit")]
    figure = Figure(figsize=(8, 0.5 * len(rows) + 1.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [row["configuration"] for row in rows][::-1]
    rates = [row["tokens_per_s"] for row in rows][::-1]
    whiskers = [
        [row["tokens_per_s"] - row["slowest"] for row in rows][::-1],
        [row["fastest"] - row["tokens_per_s"] for row in rows][::-1],
    ]
    colours = ["tab:orange" if n.startswith("zoo") else "tab:gray" for n in names]
    bars = axes.barh(names, rates, xerr=whiskers, color=colours, capsize=3)
    axes.bar_label(bars, fmt="%.0f", label_type="center", color="white")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"real tokens a second ({note})", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=80)
