"""Malformed requests: whether a server says what is wrong with each, and goes on.

    python -m benchmarks.malformed
    python -m benchmarks.malformed --quick

`zoo serve` holds a translator, a classifier, a captioner and a recogniser with random
weights. 8 clients send it what `benchmarks.malformed_requests` draws, every third of it
by hypothesis from the server's own description, and every tenth time something good,
whose answer must be that of before. Meanwhile 160 others send a
byte a second, or nothing more. Writes `malformed.md`; about 4 minutes on 2 cores.
"""

import argparse
import collections
import contextlib
import datetime
import http.client
import itertools
import json
import os
import queue
import random
import socket
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.command_line import RESULTS
from benchmarks.described_requests import examples
from benchmarks.malformed_requests import (
    KINDS,
    MODELS,
    by_the_description,
    good_input,
    huge_json,
    predict,
    request,
)
from benchmarks.report import machine
from benchmarks.serve import Server

SEED = 0
COUNT, QUICK_COUNT = 10_000, 1_000
HUGE, QUICK_HUGE = 20, 4
CLIENTS = 8
GOOD_EVERY = 10
DESCRIBED_EVERY = 3
SLOW_OF_A_KIND = 40
TIMEOUT_S = 30  # of a request; what is slower than that is late
PATIENCE_S = 60.0
TOKENS = 4  # of an answer


def main(quick=False, results=RESULTS):
    """Sends everything and writes the report; returns the complaints, list of str."""
    with tempfile.TemporaryDirectory() as folder:
        write_models(Path(folder))
        with open(Path(folder) / "log", "w+b") as log:
            server = Server(folder, "--timeout", str(TIMEOUT_S), log=log)
            try:
                tally, facts = measure(server, quick)
            finally:
                server.stop()
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
    facts["lines in the log"] = len(lines)
    facts["of them of a traceback"] = sum("Traceback" in line for line in lines)
    if facts["of them of a traceback"]:
        tally.complaints.append("\n".join(lines[-60:]))
    write(tally, facts, Path(results), "--quick" if quick else "")
    return tally.complaints


def write_models(folder):
    """Exports one model of each kind."""
    import zoo
    from benchmarks.workers.forced_captioner import forced_captioner
    from benchmarks.workers.forced_recognizer import forced_recognizer
    from benchmarks.workers.forced_translator import forced_translator

    generating = {
        "translate": forced_translator("translator_tiny", 300, TOKENS),
        "caption": forced_captioner("captioner_mini", 300, TOKENS),
        "hear": forced_recognizer("speech_tiny", 300, TOKENS),
    }
    for name, task in generating.items():
        task.export(folder / name, num_beams=1, jit_compile=False)
    tokenizer = zoo.text.learn_tokenizer(
        ["a good film", "a bad film"], 60, kind="word_piece", at_most=True
    )
    zoo.TextClassifier.from_preset(
        *("bert_tiny",), tokenizer=tokenizer, classes=["bad", "good"], max_length=32
    ).export(folder / "classify")


class Tally:
    """What came of what was sent."""

    def __init__(self):
        self.answers = collections.Counter()  # (kind, status)
        self.complaints = []
        self.good_seconds = []
        self.lock = threading.Lock()

    def add(self, kind, status, complaint=""):
        with self.lock:
            self.answers[kind, status] += 1
            if complaint:
                self.complaints.append(f"{kind}: {complaint}")


def measure(server, quick):
    """Tally, and a dict of what else is to be reported."""
    count = QUICK_COUNT if quick else COUNT
    known = what_it_says(server.port, count // DESCRIBED_EVERY)
    expected = {model: warmed_up(server.port, model) for model in MODELS}
    before, tally = server.memory_mib(), Tally()
    rng = random.Random(SEED)
    kinds = [by_the_description] * (count // DESCRIBED_EVERY)
    kinds += [KINDS[i % len(KINDS)] for i in range(count - len(kinds))]
    kinds += [huge_json] * (QUICK_HUGE if quick else HUGE)
    rng.shuffle(kinds)
    # Drawn one after the other: which client sends it changes nothing.
    drawn = queue.Queue(4 * CLIENTS)
    begin = time.monotonic()
    clients = [
        threading.Thread(target=send_all, args=(server.port, drawn, tally, expected))
        for _ in range(CLIENTS)
    ]
    slow = threading.Thread(target=send_slowly, args=(server.port, tally))
    for each in (*clients, slow):
        each.start()
    for kind in kinds:
        drawn.put((kind.__name__, kind(rng, known)))
    for _ in clients:
        drawn.put(None)
    for each in (*clients, slow):
        each.join()
    seconds = time.monotonic() - begin
    for model, wanted in expected.items():
        if answer(server.port, model) != wanted:
            tally.complaints.append(f"{model} answers something else in the end")
    return tally, {
        "malformed requests": sum(tally.answers.values()),
        "complaints about their answers": len(tally.complaints),
        "good requests in between, all answered as before": len(tally.good_seconds),
        "slowest of them, s": round(max(tally.good_seconds), 1),
        "seconds": round(seconds),
        "memory before, MiB": round(before),
        "memory after, MiB": round(server.memory_mib()),
    }


def what_it_says(port, count):
    """So many requests by the description, and the inputs of each model's `step`."""

    def get(path):
        return json.loads(exchange(port, request(path, method="GET"))[1])

    states = {}
    for model in MODELS:
        found = get(f"/v1/models/{model}/metadata")["metadata"]["signature_def"]
        step = found["signature_def"].get("step", {"inputs": {}})["inputs"]
        if step:
            states[model] = {
                name: (
                    info["dtype"],
                    [int(dim["size"]) for dim in info["tensor_shape"]["dim"]],
                )
                for name, info in sorted(step.items())
            }
    described = examples(get("/openapi.json"), {"name": list(MODELS)}, count, SEED)
    return {"described": itertools.cycle(described), "states": states}


def exchange(port, raw, is_cut=False):
    """(status, body) of what is answered; (None, b"") where nothing is."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        # Refused before all is sent: the answer may be there.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        if is_cut:
            return None, b""
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return response.status, response.read()
        except (http.client.HTTPException, ConnectionError):
            return None, b""


def answer(port, model):
    """What a model says to a good request."""
    raw = predict(model, {"instances": [good_input(model)]})
    status, body = exchange(port, raw)
    if status != 200:
        return status, body
    return status, json.loads(body)["predictions"][0][MODELS[model][1]]


def warmed_up(port, model):
    """The same, after each signature was asked once: its first call takes long."""
    for signature in ("n_best", "explain", "start"):
        content = {"signature_name": signature, "instances": [good_input(model)]}
        exchange(port, predict(model, content))
    return answer(port, model)


def send_all(port, drawn, tally, expected):
    models = list(MODELS)
    for number in answered(drawn, port, tally):
        if number % GOOD_EVERY == 0:
            model = models[number // GOOD_EVERY % len(models)]
            begin = time.monotonic()
            found = answer(port, model)
            if found == expected[model]:
                tally.good_seconds.append(time.monotonic() - begin)
            else:
                tally.complaints.append(f"a good request of {model} got {found}")


def answered(drawn, port, tally):
    """Sends what is drawn, and counts."""
    number = 0
    while (item := drawn.get()) is not None:
        kind, sent = item
        try:
            status, body = exchange(port, sent.raw, sent.is_cut)
            tally.add(kind, status, complaint(sent, status, body))
        except TimeoutError:
            tally.add(
                kind, "stuck", f"no answer in {PATIENCE_S:g} s to {sent.raw[:99]}"
            )
        number += 1
        yield number


def complaint(sent, status, body):
    """What is wrong with an answer; "" where nothing is."""
    if status is None:
        return "" if sent.is_cut else f"no answer to {sent.raw[:200]}"
    if 400 <= status < 500:
        return "" if len(error_in(body)) > 8 else f"{status} says {body[:200]}"
    if status == 200 and sent.may_be_fine:
        return ""
    return f"{status} {body[:200]} to {sent.raw[:200]}"


def error_in(body):
    try:
        return json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return ""


def send_slowly(port, tally):
    """Many at once that take for ever: the server must end them all."""
    post = b"POST /v1/models/translate:predict HTTP/1.1\r\nHost: localhost\r\n"
    whole = post + b"Content-Length: 1000\r\n\r\n"
    kinds = {  # what is sent at once, and every second
        "slow_bodies": (whole, b" "),
        "bodies_that_stop": (whole + b'{"inst', b""),
        "slow_heads": (post, b"X"),
        "silent_connections": (b"", b""),
    }
    left = []
    for kind, (first, more) in kinds.items():
        for _ in range(SLOW_OF_A_KIND):
            connection = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
            connection.sendall(first)
            connection.setblocking(False)
            left.append((kind, more, connection))
    end = time.monotonic() + TIMEOUT_S + PATIENCE_S
    while left and time.monotonic() < end:
        time.sleep(1.0)
        left = [each for each in left if not has_ended(*each, tally)]
    for kind, _, connection in left:
        tally.add(kind, "stuck", "the server waits for ever")
        connection.close()


def has_ended(kind, more, connection, tally):
    try:
        data = connection.recv(2**16)
    except BlockingIOError:
        if more:
            connection.send(more)
        return False
    except ConnectionError:
        data = b""
    connection.close()
    status = int(data.split()[1]) if data else None
    fine = status == 408 or (not data and kind == "silent_connections")
    says = error_in(data.split(b"\r\n\r\n", 1)[-1])
    fine = fine and (not data or len(says) > 8)
    tally.add(kind, status, "" if fine else f"{data[:200]}")
    return True


def write(tally, facts, folder, options):
    folder.mkdir(parents=True, exist_ok=True)
    origin = f"{machine()}, {datetime.date.today().isoformat()}"
    command = f"python -m benchmarks.malformed {options}".strip()
    lines = ["# Malformed requests", "", f"{origin}.", "", f"    {command}", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {what} | {value:,} |" for what, value in facts.items()]
    statuses = sorted({str(status) for _, status in tally.answers})
    heads = ["left without one" if s == "None" else s for s in statuses]
    lines += ["", "Answers by kind and status:", ""]
    lines += ["| | " + " | ".join(heads) + " |", "| --- " * (1 + len(heads)) + "|"]
    for kind in sorted({kind for kind, _ in tally.answers}):
        counts = {str(s): n for (k, s), n in tally.answers.items() if k == kind}
        cells = [str(counts.get(status, "")) for status in statuses]
        lines.append(f"| {kind.replace('_', ' ')} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "An answer of 200 is one whose `error` says what is wrong with each picture or",
        "sound, or is to what chance, an ignored header or the client's choice of a",
        "state left nothing wrong in. `cut bodies` are left by their clients,",
        "`silent connections` are closed by the server.",
    ]
    (folder / "malformed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="a tenth of them")
    options.add_argument("--results", default=RESULTS, help="folder of the report")
    found = main(**vars(options.parse_args()))
    print("\n".join(found[:50]) or "Nothing to complain about.")
    raise SystemExit(bool(found))
