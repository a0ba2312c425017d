"""Speed of speech: ours and Hugging Face's Speech2Text of the same size.

    python -m benchmarks.recognize
    python -m benchmarks.recognize --peers-python /path/to/peers/bin/python

Rates are of seconds of sound, so they are inverse real-time factors. Training: sounds
of one length, and of 2 to 18 seconds, with transcripts of so many tokens a second. Ours
takes WAV files into batches by length and makes its spectrograms in each step; the
peer's are made beforehand, in batches of 8 as they come, or by length. Ours with the
decoder alone does what the peer does, the other row has the loss of CTC on top.
Recognition: to exactly so many tokens. Ours takes WAV files and gives strings, the peer
takes samples and gives ids. Weights are random. Writes `recognize.csv`, `recognize.md`
and `recognize.png`.
"""

import random

from benchmarks.command_line import RESULTS, measured, num_rounds, searches, typed
from benchmarks.driver import Configuration
from benchmarks.report import write_report

MODEL = {
    "size": "speech_small",
    "vocabulary_size": 10_000,
    "num_tokens": 30,
    "seconds": 10,
}
# Sounds of one repetition of training: of one length, and of many.
TRAINED, TRAINED_MIXED = 24, 48
SHORTEST, LONGEST = 2, 18
TOKENS_PER_SECOND = 3
# The peer's batch, and ours: 8 sounds of 10 s whose tokens count a 25th of a second.
TRAINED_TOGETHER, BATCH_SECONDS = 8, 90
BATCHES, BEAMS = (1, 8), (1, 5)
UNIT = "s of sound"


def main(
    peers_python=None,
    batches=BATCHES,
    beams=BEAMS,
    rounds=5,
    quick=False,
    results=RESULTS,
    model=None,
):
    """Measures and writes the report; returns the rows of each setting."""
    rounds = num_rounds(rounds, quick)
    model = {**MODEL, **(model or {})}
    settings = {}
    for setting, seconds in {
        f"train, {model['seconds']} s": [model["seconds"]] * TRAINED,
        f"train, {SHORTEST} to {LONGEST} s": mixed_seconds(),
    }.items():
        rows = trainers({**model, "seconds": seconds}, peers_python)
        settings[setting] = measured(setting, rows, rounds, ["zoo"], unit=UNIT)
    for num_beams in beams:
        for batch in batches:
            options = {**model, "batch": batch, "beams": num_beams}
            setting = f"recognize, batch {batch}, beam {num_beams}"
            rows = recognizers(options, peers_python)
            settings[setting] = measured(setting, rows, rounds, ["zoo"], unit=UNIT)
    command = typed("recognize", rounds, quick, peers_python)
    title = (
        "Speech, {size}, vocabulary {vocabulary_size}, {seconds} s, {num_tokens} tokens"
    )
    title = title.format(**model)
    write_report(settings, results, "recognize", title, command, unit=UNIT)
    return settings


def mixed_seconds():
    """Lengths from SHORTEST to LONGEST, as many of each, in a random order."""
    step = (LONGEST - SHORTEST) / (TRAINED_MIXED - 1)
    seconds = [SHORTEST + step * number for number in range(TRAINED_MIXED)]
    random.Random(0).shuffle(seconds)
    return seconds


def trainers(options, peers_python):
    """The rows of training on sounds of `options["seconds"]`."""
    seconds = options["seconds"]
    options = {**options, "tokens_per_second": TOKENS_PER_SECOND}
    ours = {**options, "batch_seconds": BATCH_SECONDS}
    peers = {**options, "batch": TRAINED_TOGETHER}
    module = "benchmarks.workers.zoo_train_speech"
    rows = [
        Configuration("zoo", module, {**ours, "ctc_weight": 0.0}, as_recipes=True),
        peer("HF Speech2Text", "train", peers, peers_python),
    ]
    if len(set(seconds)) == 1:
        both = {**ours, "ctc_weight": 0.3}
        both = Configuration("zoo, CTC + decoder", module, both, as_recipes=True)
        return [*rows, both]
    by_length = {**peers, "seconds": sorted(seconds)}
    return [*rows, peer("HF Speech2Text, by length", "train", by_length, peers_python)]


def recognizers(options, peers_python):
    """The rows of recognition."""
    return [
        Configuration("zoo", "benchmarks.workers.zoo_recognize", options),
        Configuration(
            "zoo, CTC", "benchmarks.workers.zoo_recognize", {**options, "ctc": True}
        ),
        peer("HF Speech2Text", "recognize", options, peers_python),
    ]


def peer(name, job, options, peers_python):
    return Configuration(
        name,
        f"benchmarks.workers.speech2text_{job}",
        options,
        python=peers_python or "",
    )


if __name__ == "__main__":
    main(**searches(__doc__, BATCHES, BEAMS))
