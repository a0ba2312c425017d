"""Translate with an exported model, as a server would: without zoo.

    python recipes/serve_demo.py saved_models/dates-en-de "It is ten to one."

Loads the highest version of the export and answers five sentences and any given.
`make demo` runs this as its second process.
"""

import pathlib
import sys

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizer's ops)

SENTENCES = (
    "The meeting starts on Tuesday, March 3, 2026 at half past four.",
    "Anna bought a bicycle for two hundred and five euros.",
    "The invoice of 14 July 2031 for €1,234.50 is due.",
    "Clara gets up at twenty-five to seven in the morning.",
    "The town has 48,210 inhabitants.",
)


def main(export_dir, *texts):
    """Prints the translations of five sentences, then those of `texts`."""
    versions = [p for p in pathlib.Path(export_dir).glob("*") if p.name.isdecimal()]
    if not versions:
        sys.exit(f"No exported version (1, 2, ...) in {export_dir}. Run: make demo")
    path = max(versions, key=lambda version: int(version.name))
    # The name keeps the loaded model, and with it its weights, alive.
    model = tf.saved_model.load(str(path))
    translate = model.signatures["serving_default"]

    sources = [*SENTENCES, *texts]
    answers = translate(text=tf.constant(sources))["translation"].numpy()
    print(f"\n{path}, loaded with tensorflow and tensorflow_text alone:\n")
    for source, answer in zip(sources, answers, strict=True):
        print(f"  {source}\n    -> {answer.decode()}")
    unwanted = {"zoo", "keras_nlp", "keras_hub"} & set(sys.modules)
    if unwanted:
        sys.exit(f"An export should not need {sorted(unwanted)}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
