"""A server under load: throughput, overload, memory, overhead, the first token.

    python -m benchmarks.serve
    python -m benchmarks.serve --quick

`zoo serve` holds three models with random weights and is asked over loopback; server
and clients share the machine. `translator_tiny`, greedy and with four beams, answers
texts of 4 to 31 words with 31 words each; `bert_tiny` classifies, and is loaded only.
Writes `serve.csv` and `serve.md`; about 7 minutes on 2 cores.
"""

import argparse
import contextlib
import csv
import datetime
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.command_line import RESULTS
from benchmarks.report import machine
from benchmarks.serve_clients import Client, load, median, request

VOCABULARY_SIZE, NUM_TOKENS = 8_000, 32
LENGTHS = (4, 8, 12, 16, 20, 24, 28, 31)  # of sources, in words
CLIENTS = 32
MODEL, BEAMS = "translate", {"translate": 1, "translate-4": 4}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SECONDS = {"load": 6, "overload": 60}  # "load" a round
QUICK = {"load": 1, "overload": 6}
ROUNDS = 5
DEADLINE_S = 10  # of a request under overload
WAITING_ROWS = 64  # there
COMPILED_S = 1.0  # an answer that takes longer waited for a compilation
MOST_WARM_UPS = 10
NORMAL = 0.9  # of what was answered before it


def main(quick=False, results=RESULTS):
    """Measures and writes the report; returns its rows, (what, value, unit)."""
    seconds = QUICK if quick else SECONDS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        texts = write_models(Path(folder))
        rows += overhead(folder, texts)
        for model in BEAMS:
            rows += throughput(folder, texts, seconds["load"], model)
        rows += overload(folder, texts, seconds["overload"])
    write(rows, Path(results), "python -m benchmarks.serve" + " --quick" * quick)
    return rows


def write_models(folder):
    """Exports three models; gives texts to translate."""
    import zoo
    from benchmarks.workers.forced_translator import (
        forced_translator,
        source_texts,
        words,
    )

    translator = forced_translator("translator_tiny", VOCABULARY_SIZE, NUM_TOKENS)
    for name, num_beams in BEAMS.items():
        translator.export(folder / name, num_beams=num_beams)
    pieces = [*_SPECIAL, *words(VOCABULARY_SIZE)]
    zoo.TextClassifier.from_preset(
        *("bert_tiny", zoo.text.WordPieceTokenizer(pieces)), classes=["good", "bad"]
    ).export(folder / "classify")
    return [
        source_texts(VOCABULARY_SIZE, 1, 1 + length, seed=seed)[0]
        for seed, length in enumerate(LENGTHS * 4)
    ]


class Server:
    """`zoo serve` in a process of its own."""

    def __init__(self, folder, *options, log=subprocess.DEVNULL):
        with socket.socket() as http_port, socket.socket() as grpc_port:
            for each in (http_port, grpc_port):
                each.bind(("127.0.0.1", 0))
            self.port = http_port.getsockname()[1]
            ports = ["--port", str(self.port)]
            ports += ["--grpc-port", str(grpc_port.getsockname()[1])]
        command = [sys.executable, "-m", "zoo.cli", "serve", str(folder), *ports]
        begin = time.monotonic()
        self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log)
        while not self._is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"zoo serve ended with {self.process.returncode}.")
            time.sleep(0.1)
        self.seconds_to_ready = time.monotonic() - begin

    def _is_ready(self):
        with contextlib.suppress(OSError):
            return Client(self.port).get("/readyz")[0] == 200
        return False

    def memory_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def overhead(folder, texts):
    """Start, what the server adds to a call, and the first token of a stream."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401 (registers ops)

    importing = "import tensorflow, tensorflow_text"
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", importing], check=True, capture_output=True)
    import_s = time.monotonic() - begin
    server = Server(folder)
    fresh = Client(server.port).first_token_s(request(texts[0], MODEL, "stream"))
    model = tf.saved_model.load(str(Path(folder) / MODEL / "1"))
    serve = model.signatures["serving_default"]

    def direct(text):
        return serve(text=tf.constant([text]))["translation"].numpy()[0].decode()

    client = Client(server.port)
    asked = {text: request(text, MODEL) for text in texts}
    wrong = sum(client.translate(asked[text]) != (200, direct(text)) for text in texts)
    added = []
    for text in texts * 4:
        begin = time.monotonic()
        direct(text)
        middle = time.monotonic()
        client.translate(asked[text])
        added.append(time.monotonic() - middle - (middle - begin))
    streams = [request(text, MODEL, "stream") for text in texts]
    first = [Client(server.port).first_token_s(stream) for stream in streams]
    server.stop()
    return [
        ("start to ready with three models", server.seconds_to_ready, "s"),
        ("of which importing TensorFlow", import_s, "s"),
        ("answers unlike the SavedModel's", wrong, ""),
        ("added to a call of the SavedModel, median", 1e3 * median(added), "ms"),
        ("first token of the first stream", 1e3 * fresh, "ms"),
        ("first token of a stream, median", 1e3 * median(first), "ms"),
        ("first token of a stream, slowest", 1e3 * max(first), "ms"),
    ]


def throughput(folder, texts, seconds, model):
    """Requests a second of one client without batches and of many with them."""
    alone = Server(folder, "--batch-rows", "1", "--batches", "1")
    together = Server(folder)
    expected = answers(alone.port, texts, model)
    warm_up(together.port, seconds, expected)
    one, many = [], []
    for _ in range(ROUNDS):  # in turns: what else the machine does meets both
        one.append(load(alone.port, 1, seconds, expected))
        many.append(load(together.port, CLIENTS, seconds, expected))
    alone.stop()
    together.stop()
    one_rate, many_rate = (_middle(rounds, "rate") for rounds in (one, many))
    ratios = [m["rate"] / o["rate"] for o, m in zip(one, many, strict=True)]
    wrong, refused = (sum(x[key] for x in one + many) for key in ("wrong", "refused"))
    return [
        (f"{BEAMS[model]} beams: 1 client, no batches", one_rate, "requests/s"),
        (f"{CLIENTS} clients, batches", many_rate, "requests/s"),
        ("that is", median(ratios), "times"),
        ("at least, of the rounds", min(ratios), "times"),
        ("at most", max(ratios), "times"),
        ("median time of an answer then", 1e3 * _middle(many, "median_s"), "ms"),
        ("answers unlike those of one client", wrong, ""),
        ("requests refused", refused, ""),
    ]


def _middle(rounds, key):
    return median([each[key] for each in rounds])


def warm_up(port, seconds, expected):
    """Each number of rows and length is compiled when it first comes."""
    for _ in range(MOST_WARM_UPS):
        if load(port, CLIENTS, seconds, expected)["slowest_s"] < COMPILED_S:
            break


def answers(port, texts, model):
    """{request: translation}, asked one after the other."""
    client = Client(port)
    requests = [request(text, model) for text in texts]
    return {each: client.translate(each)[1] for each in requests}


def overload(folder, texts, seconds):
    """Twice the clients that the waiting room holds."""
    options = ["--waiting-rows", str(WAITING_ROWS), "--timeout", str(DEADLINE_S)]
    server = Server(folder, *options)
    expected = answers(server.port, texts, MODEL)
    warm_up(server.port, seconds / 6, expected)
    normal = load(server.port, CLIENTS, max(2, seconds / 6), expected)
    before = server.memory_mib()
    clients = 2 * (WAITING_ROWS + CLIENTS)
    busy = load(server.port, clients, seconds, expected)
    after = server.memory_mib()
    begin = time.monotonic()
    again = load(server.port, CLIENTS, 1, expected)
    while again["rate"] < NORMAL * normal["rate"] and time.monotonic() < begin + 30:
        again = load(server.port, CLIENTS, 1, expected)
    normal_after = time.monotonic() - begin - 1
    server.stop()
    return [
        (f"overload, {clients} clients, answered", busy["rate"], "requests/s"),
        ("of those before", busy["rate"] / normal["rate"], "times"),
        ("refused with 503", busy["refused"], ""),
        ("wrong answers", busy["wrong"] + again["wrong"], ""),
        ("other failures", busy["failed"] + again["failed"], ""),
        ("slowest answer", busy["slowest_s"], "s"),
        ("memory before", before, "MiB"),
        ("memory after", after, "MiB"),
        (f"back to {NORMAL} of the rate before after", max(0.0, normal_after), "s"),
    ]


def write(rows, folder, command):
    folder.mkdir(parents=True, exist_ok=True)
    origin = f"{machine()}, {datetime.date.today().isoformat()}"
    with open(folder / "serve.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("what", "value", "unit"))
        writer.writerows((what, f"{value:.4g}", unit) for what, value, unit in rows)
    lines = ["# A server under load", "", f"{origin}.", "", f"    {command}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {what} | {value:.4g} {unit} |" for what, value, unit in rows]
    (folder / "serve.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `zoo serve` has it
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="seconds, not minutes")
    options.add_argument("--results", default=RESULTS, help="folder of the report")
    for row in main(**vars(options.parse_args())):
        print("{:48}{:10.4g} {}".format(*row))
