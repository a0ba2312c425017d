"""Speed of decoding: ours, our SavedModel, Hugging Face, KerasNLP, CTranslate2.

    python -m benchmarks.decode
    python -m benchmarks.decode --peers-python /path/to/peers/bin/python

A Transformer-base with random weights turns 30 tokens into exactly 30, all in one
batch; the rate is of the best answer's tokens. Ours takes strings and gives strings,
the peers take and give ids. Writes `decode.csv`, `decode.md` and `decode.png`; about
20 minutes on 2 cores.
"""

import tempfile
from pathlib import Path

from benchmarks.command_line import RESULTS, measured, num_rounds, searches, typed
from benchmarks.driver import Configuration
from benchmarks.report import write_report

OURS = ["zoo", "zoo SavedModel"]
BATCHES, BEAMS = (1, 16, 64), (1, 5)
MODEL = {"size": "translator_base", "vocabulary_size": 32_000, "num_tokens": 30}


def main(
    peers_python=None,
    batches=BATCHES,
    beams=BEAMS,
    rounds=5,
    quick=False,
    results=RESULTS,
    model=None,
):
    """Measures and writes the report; returns the rows of each batch and beam."""
    rounds = num_rounds(rounds, quick)
    model = {**MODEL, **(model or {})}
    settings = {}
    with tempfile.TemporaryDirectory() as folder:
        texts = write_exports(folder, beams, max(batches), model)
        for num_beams in beams:
            for batch in batches:
                options = {**model, "batch": batch, "beams": num_beams}
                exported = {
                    "saved_model": str(Path(folder) / f"beam-{num_beams}" / "1"),
                    "texts": texts[:batch],
                }
                rows = configurations(options, exported, peers_python)
                setting = f"batch {batch}, beam {num_beams}"
                settings[setting] = measured(setting, rows, rounds, OURS)
    command = typed("decode", rounds, quick, peers_python)
    title = "Decoding, {size}, vocabulary {vocabulary_size}, {num_tokens} tokens"
    write_report(settings, results, "decode", title.format(**model), command)
    return settings


def write_exports(folder, beams, count, model):
    """Exports the translator for each width; returns texts to ask them."""
    from benchmarks.workers.forced_translator import forced_translator, source_texts

    translator = forced_translator(**model)
    for num_beams in beams:
        translator.export(Path(folder) / f"beam-{num_beams}", num_beams=num_beams)
    return source_texts(model["vocabulary_size"], count, model["num_tokens"])


def configurations(options, exported, peers_python):
    """The rows of the report, in its order."""

    def row(name, module, options=options, **process):
        return Configuration(name, f"benchmarks.workers.{module}", options, **process)

    peer = {"python": peers_python or ""}
    return [
        row("zoo", "zoo_decode"),
        row("zoo SavedModel", "saved_model_decode", exported),
        row("HF Marian generate", "marian_decode", **peer),
        row("KerasNLP BART generate", "bart_decode"),
        row("CTranslate2 fp32", "ctranslate2_decode", **peer),
    ]


if __name__ == "__main__":
    main(**searches(__doc__, BATCHES, BEAMS))
