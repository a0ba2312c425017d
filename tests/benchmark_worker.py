"""A worker that speaks the driver's protocol and invents its measurements.

Options: `name`, `log` (a file that gets a line each repetition), `disturbances` (one
a repetition, the last one for good); `fails` ends it before it is ready, `dies` after
so many repetitions.
"""

import json
import sys
from pathlib import Path


def say(**message):
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    if options.get("fails"):
        sys.exit("This worker fails.")
    disturbances = options.get("disturbances", [0.0])
    say(build_s=1.0, first_call_s=2.0, facts={"versions": "none"})
    for number, _ in enumerate(sys.stdin):
        if number == options.get("dies"):
            sys.exit("This worker dies.")
        with Path(options["log"]).open("a") as log:
            log.write(f"{options['name']}\n")
        disturbance = disturbances[0]
        disturbances = disturbances[1:] or disturbances
        say(seconds=2.0, tokens=10, disturbance=disturbance, peak_mib=5.0)
