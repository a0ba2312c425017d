"""What the commands of the benchmarks share: their options, and one setting's run."""

import argparse
import os
from pathlib import Path

from benchmarks.driver import interleave, present, summarise
from benchmarks.report import table

RESULTS = Path(__file__).parent / "results"
MOST_QUICK_ROUNDS = 3


def parser(description, quick):
    """An `ArgumentParser` with the options of every benchmark.

    Args:
        description: str. The module's docstring; its first line is taken.
        quick: str. What `--quick` does beside fewer rounds.
    """
    result = argparse.ArgumentParser(description=description.splitlines()[0])
    result.add_argument(
        "--peers-python",
        default=os.environ.get("PEERS_PYTHON"),
        help="of an environment with benchmarks/requirements-peers.txt "
        "(default: the variable PEERS_PYTHON)",
    )
    result.add_argument("--rounds", type=int, default=5)
    result.add_argument("--quick", action="store_true", help=quick)
    result.add_argument("--results", default=RESULTS, help="folder of the report")
    return result


def searches(description, batches, beams):
    """Options of a benchmark of searches, read from the command line.

    Args:
        description: str. The module's docstring.
        batches, beams: lists of int. Sizes of requests and widths, if none are given.
    """
    options = parser(description, quick="at most 3 rounds")
    options.add_argument("--batches", type=int, nargs="+", default=batches)
    options.add_argument("--beams", type=int, nargs="+", default=beams)
    return vars(options.parse_args())


def num_rounds(rounds, quick):
    return min(rounds, MOST_QUICK_ROUNDS) if quick else rounds


def typed(name, rounds, quick, peers_python):
    """The command as the report shows it, without the places of this machine.

    >>> typed("train --data multi30k", 5, False, "/somewhere/bin/python")
    "python -m benchmarks.train --data multi30k --rounds 5 --peers-python PYTHON"
    """
    command = f"python -m benchmarks.{name} --rounds {rounds}"
    return command + " --quick" * quick + " --peers-python PYTHON" * bool(peers_python)


def measured(setting, configurations, rounds, ours, limits=(), unit="tokens"):
    """Runs the configurations of a setting; prints and returns its rows."""
    answers = interleave(present(configurations), rounds)
    rows = summarise(configurations, answers, ours, limits)
    print(f"\n## {setting}\n{table(rows, unit)}\n", flush=True)
    return rows
