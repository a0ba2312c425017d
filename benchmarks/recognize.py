"""Speed of speech: ours and Hugging Face's Speech2Text of the same size.

    python -m benchmarks.recognize
    python -m benchmarks.recognize --peers-python /path/to/peers/bin/python

Rates are of seconds of sound, so they are inverse real-time factors. Training: batches
of sounds with transcripts of so many tokens. Ours makes its spectrograms in each step,
the peer's are made beforehand; ours with the decoder alone does what the peer does, the
other row has the loss of CTC on top. Recognition: to exactly so many tokens. Ours takes
WAV files and gives strings, the peer takes samples and gives ids. Weights are random.
Writes `recognize.csv`, `recognize.md` and `recognize.png`.
"""

from benchmarks.command_line import RESULTS, measured, num_rounds, searches, typed
from benchmarks.driver import Configuration
from benchmarks.report import write_report

MODEL = {
    "size": "speech_small",
    "vocabulary_size": 10_000,
    "num_tokens": 30,
    "seconds": 10,
}
TRAINED_TOGETHER, STEPS = 8, 3
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
    options = {**model, "batch": TRAINED_TOGETHER, "steps": STEPS}
    setting = f"train, batch {TRAINED_TOGETHER}"
    rows = trainers(options, peers_python)
    settings = {setting: measured(setting, rows, rounds, ["zoo"], unit=UNIT)}
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


def trainers(options, peers_python):
    """The rows of training."""
    return [
        Configuration(
            "zoo",
            "benchmarks.workers.zoo_train_speech",
            {**options, "ctc_weight": 0.0},
        ),
        Configuration(
            "zoo, CTC + decoder",
            "benchmarks.workers.zoo_train_speech",
            {**options, "ctc_weight": 0.3},
        ),
        peer("train", options, peers_python),
    ]


def recognizers(options, peers_python):
    """The rows of recognition."""
    return [
        Configuration("zoo", "benchmarks.workers.zoo_recognize", options),
        Configuration(
            "zoo, CTC", "benchmarks.workers.zoo_recognize", {**options, "ctc": True}
        ),
        peer("recognize", options, peers_python),
    ]


def peer(job, options, peers_python):
    return Configuration(
        "HF Speech2Text",
        f"benchmarks.workers.speech2text_{job}",
        options,
        python=peers_python or "",
    )


if __name__ == "__main__":
    main(**searches(__doc__, BATCHES, BEAMS))
