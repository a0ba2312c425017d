"""One configuration of a benchmark, as a process that waits for its turn.

A worker module calls `serve(build)`. `build(options)` makes everything and
returns a function `repeat()` that does one repetition and returns the number of
real tokens it worked on. The driver talks to it in lines of JSON: the worker
says `ready` after its warm-up, answers each `go` with its seconds, and ends at
the end of its input. Standard library only: a peer's environment has no more.
"""

import json
import os
import sys
import time

RSS_KIB_PER_MIB = 1024
CLOCK_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def serve(build, out=None, lines=None):
    """Builds, warms up, then does one repetition for every `go` line.

    Args:
        build: function from the options (a dict, from the command line's JSON) to
            `(repeat, facts)`: `repeat()` returns the tokens it worked on, `facts`
            is a dict of what the report shows beside the times.
        out: text stream for the answers. Defaults to the real standard output,
            which is then closed to everybody else: libraries print there.
        lines: iterable of requests. Defaults to standard input.
    """
    if out is None:
        out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    started = time.perf_counter()
    repeat, facts = build(options)
    built = time.perf_counter()
    repeat()
    first_call = time.perf_counter() - built
    repeat()
    _say(out, build_s=built - started, first_call_s=first_call, facts=facts)
    for line in sys.stdin if lines is None else lines:
        if line.strip() == "go":
            _say(out, **measure(repeat))


def measure(repeat):
    """One repetition: seconds, tokens, disturbance, resident memory.

    `disturbance` is the share of the machine's processor time that went to other
    processes, or was taken by the hypervisor, meanwhile (0 where /proc is absent).
    """
    before = _processor_seconds()
    start = time.perf_counter()
    tokens = repeat()
    seconds = time.perf_counter() - start
    after = _processor_seconds()
    disturbance = max(0.0, after - before) / (seconds * (os.cpu_count() or 1))
    return {
        "seconds": seconds,
        "tokens": int(tokens),
        "disturbance": disturbance,
        "peak_mib": _peak_mib(),
    }


def _processor_seconds():
    """Seconds of processor time spent by everybody but this process."""
    try:
        with open("/proc/stat") as stat:
            user, nice, system, _, _, irq, softirq, steal = (
                int(ticks) for ticks in stat.readline().split()[1:9]
            )
    except OSError:
        return 0.0
    everybody = user + nice + system + irq + softirq + steal
    own = os.times()
    return everybody / CLOCK_TICKS_PER_SECOND - own.user - own.system


def _peak_mib():
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / RSS_KIB_PER_MIB
    except OSError:
        pass
    return 0.0


def _say(out, **message):
    out.write(json.dumps(message) + "\n")
    out.flush()
