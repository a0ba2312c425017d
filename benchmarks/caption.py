"""Speed of images: ours, our SavedModel, KerasHub's ViT, Hugging Face's ViT + decoder.

    python -m benchmarks.caption
    python -m benchmarks.caption --peers-python /path/to/peers/bin/python

Encoding: 16 images of 224 x 224 pixels, ready as arrays, to vectors of patches, by a
ViT-B/16. Captioning: images to exactly 20 tokens each, by that encoder and a decoder of
6 layers. All weights are random; ours takes PNG files and gives strings, the peer takes
pixels and gives ids. Rates are of images. Writes `caption.csv`, `caption.md` and
`caption.png`.
"""

import tempfile
from pathlib import Path

from benchmarks.command_line import RESULTS, measured, num_rounds, searches, typed
from benchmarks.driver import Configuration
from benchmarks.report import write_report

OURS = ["zoo", "zoo SavedModel"]
BATCHES, BEAMS = (1, 16), (1, 4)
ENCODED_TOGETHER = 16
MODEL = {"size": "captioner_base", "vocabulary_size": 8_000, "num_tokens": 20}


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
    setting = f"encode, batch {ENCODED_TOGETHER}"
    rows = encoders({**model, "batch": ENCODED_TOGETHER})
    settings = {setting: measured(setting, rows, rounds, OURS[:1], unit="images")}
    with tempfile.TemporaryDirectory() as folder:
        write_exports(folder, beams, model)
        for num_beams in beams:
            for batch in batches:
                options = {**model, "batch": batch, "beams": num_beams}
                exported = str(Path(folder) / f"beam-{num_beams}" / "1")
                rows = captioners(options, exported, peers_python)
                setting = f"caption, batch {batch}, beam {num_beams}"
                settings[setting] = measured(setting, rows, rounds, OURS, unit="images")
    command = typed("caption", rounds, quick, peers_python)
    title = "Images, {size}, vocabulary {vocabulary_size}, {num_tokens} tokens"
    title = title.format(**model)
    write_report(settings, results, "caption", title, command, unit="images")
    return settings


def write_exports(folder, beams, model):
    """Exports the captioner for each width."""
    from benchmarks.workers.forced_captioner import forced_captioner

    captioner = forced_captioner(**model)
    for num_beams in beams:
        captioner.export(Path(folder) / f"beam-{num_beams}", num_beams=num_beams)


def encoders(options):
    """The rows of encoding."""
    return [
        Configuration("zoo", "benchmarks.workers.zoo_encode_images", options),
        Configuration(
            "KerasHub ViT", "benchmarks.workers.keras_hub_encode_images", options
        ),
    ]


def captioners(options, exported, peers_python):
    """The rows of captioning."""
    served = {**options, "saved_model": exported}
    return [
        Configuration("zoo", "benchmarks.workers.zoo_caption", options),
        Configuration(
            "zoo SavedModel", "benchmarks.workers.saved_model_caption", served
        ),
        Configuration(
            "HF ViT + decoder",
            "benchmarks.workers.vit_caption",
            options,
            python=peers_python or "",
        ),
    ]


if __name__ == "__main__":
    main(**searches(__doc__, BATCHES, BEAMS))
