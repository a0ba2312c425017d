"""Asks worker processes in turn for one repetition: A B C A B C.

What disturbs the machine then disturbs all alike, and the ratios within a round
are trustworthy where absolute times are not.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from recipes import ENGINE

ROOT = Path(__file__).resolve().parent.parent
TOLERATED_DISTURBANCE = 0.08  # share of the machine; above it a repetition is redone


class Configuration(NamedTuple):
    """A row of the report: its name, and the process that runs it.

    `module` is run with `python -m`, with `options` as JSON on its command line;
    `useful_flops_per_token` turns its rate into GFLOP/s, `texts_per_token` into texts
    a second; 0 leaves that out. `as_recipes` sets TensorFlow's engine as
    recipes/__init__.py does; others have its defaults.
    """

    name: str
    module: str
    options: dict
    python: str = sys.executable
    useful_flops_per_token: float = 0.0
    texts_per_token: float = 0.0
    as_recipes: bool = False


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
            env={
                **{k: v for k, v in os.environ.items() if k not in ENGINE},
                **(ENGINE if configuration.as_recipes else {}),
                "TF_CPP_MIN_LOG_LEVEL": "2",
                "PYTHONPATH": str(ROOT),
            },
        )
        self.ready = self._answer()

    def repeat(self):
        """One repetition: `{"seconds", "tokens", "disturbance", "peak_mib"}`."""
        with contextlib.suppress(BrokenPipeError):  # the missing answer tells more
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        return self._answer()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(
                f"The worker {self.configuration.name!r} "
                f"(python -m {self.configuration.module}) ended without an answer, "
                f"exit code {self.process.returncode}. Its own message is above; run "
                "it alone to see more."
            )
        return json.loads(line)


def present(configurations, log=print):
    """The configurations whose interpreter is known; names the others.

    A peer's `python` is empty where no environment of the peers was given.
    """
    for configuration in configurations:
        if not configuration.python:
            log(
                f"left out: {configuration.name}. Install "
                "benchmarks/requirements-peers.txt and pass --peers-python."
            )
    return [c for c in configurations if c.python]


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
            for worker in list(workers):
                name = worker.configuration.name
                try:
                    results[name]["rounds"].append(_undisturbed(worker))
                except RuntimeError as error:
                    log(f"left out: {error}")
                    workers.remove(worker)
                    del results[name]
            log(f"round {number + 1} of {rounds} done")
    finally:
        for worker in workers:
            worker.close()
    return results


def _undisturbed(worker):
    answer = worker.repeat()
    if answer["disturbance"] <= TOLERATED_DISTURBANCE:
        return answer
    return min(answer, worker.repeat(), key=lambda answer: answer["disturbance"])


def summarise(configurations, results, ours, limits=()):
    """One row a configuration, with medians over rounds and ratios within them.

    Args:
        configurations: the list given to `interleave`.
        results: what `interleave` returned.
        ours: list of names. A row gets for each the ratio `ours / it`, the median
            over rounds of the quotient of one round's rates: above 1 where ours
            is faster.
        limits: names of the configurations that only multiply matrices. The
            faster one of a round is that round's limit.

    Returns:
        list of dicts, in the order of the configurations. `ratios` is a dict from
        the name in `ours` to `(median, smallest, largest)`.
    """
    rates = {
        name: [answer["tokens"] / answer["seconds"] for answer in result["rounds"]]
        for name, result in results.items()
    }
    texts_per_token = {c.name: c.texts_per_token for c in configurations}
    useful = {
        c.name: [rate * c.useful_flops_per_token for rate in rates[c.name]]
        for c in configurations
        if c.name in rates
    }
    limit = [useful[name] for name in limits if name in useful]
    limit = [max(each) for each in zip(*limit, strict=True)]
    return [
        {
            "configuration": name,
            **_spread(rates[name]),
            "ratios": {
                our: _median_and_ends(_quotients(rates[our], rates[name]))
                for our in ours
                if our in rates
            },
            "texts_per_s": statistics.median(rates[name]) * texts_per_token[name],
            "gflop_per_s": statistics.median(useful[name]) / 1e9,
            "percent_of_limit": 100
            * (statistics.median(_quotients(useful[name], limit)) if limit else 0),
            **_facts(results[name]),
        }
        for name in useful
    ]


def _spread(rates):
    median, slowest, fastest = _median_and_ends(rates)
    return {"tokens_per_s": median, "slowest": slowest, "fastest": fastest}


def _facts(result):
    ready, answers = result["ready"], result["rounds"]
    return {
        "first_call_s": ready["first_call_s"],
        "peak_mib": max(answer["peak_mib"] for answer in answers),
        "disturbance": statistics.median(a["disturbance"] for a in answers),
        "parameters": ready["facts"].get("parameters", 0),
        "versions": ready["facts"].get("versions", ""),
    }


def _quotients(numerators, denominators):
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def _median_and_ends(values):
    return statistics.median(values), min(values), max(values)
