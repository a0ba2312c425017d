"""Load an exported model and ask it, with TensorFlow alone."""

import json
import os
from pathlib import Path

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)

from zoo.serving.json_tensors import values

MOST_BYTES = 2**31 - 16  # of a file: as the tasks on files read them
_KINDS = ("text", "image_bytes", "audio_bytes")
_KNOWN_INPUTS = {(kind, "string (None,)") for kind in _KINDS}


def latest_version(path: str | Path) -> Path:
    """The SavedModel folder at `path`, or the highest version below it.

    >>> latest_version("saved_models/dates-en-de")
    PosixPath('saved_models/dates-en-de/2')
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return path
    versions = [
        folder.parent
        for folder in path.glob("*/saved_model.pb")
        if folder.parent.name.isdecimal()
    ]
    if not versions:
        raise FileNotFoundError(
            f"No SavedModel in {path}: neither saved_model.pb nor a version folder "
            "(1, 2, ...) that holds one. Pass what `export` returned or was given."
        )
    return max(versions, key=lambda folder: int(folder.name))


def predict(path: str | Path, inputs: list[str]) -> list[str]:
    """Asks the model's `serving_default` signature: one answer an input.

    An input is a text or, for a model of images or of sound, the path of a JPEG, PNG or
    WAV file. An answer is the one output that is a string for each text, such as a
    translation or the label of a class. Where there is none or several, or where
    several labels may fit a text, it is all outputs as JSON; lists shorter than others
    end in "" and -1.

    >>> predict("saved_models/names", ["Anna lives in Rome."])
    ['{"end": [4, 18], "label": ["person", "place"], "start": [0, 14]}']
    """
    version = latest_version(path)
    try:
        # The name keeps the loaded model, and with it its weights, alive.
        model = tf.saved_model.load(str(version))
    except (tf.errors.OpError, IndexError, OSError, ValueError) as error:
        raise ValueError(
            f"{version} cannot be loaded: {error}. Copy the whole folder again, or "
            "export the model again."
        ) from error
    serve, kind = _signature(path, model.signatures)
    asked = inputs if kind == "text" else [_file_bytes(name) for name in inputs]
    outputs = serve(**{kind: tf.constant(asked, tf.string)})
    outputs = {name: values(name, outputs[name].numpy()) for name in sorted(outputs)}
    if not any(outputs.get("error", [True])):
        del outputs["error"]
    answers = [v for v in outputs.values() if all(isinstance(x, str) for x in v)]
    if len(answers) == 1 and "labels" not in outputs:
        return answers[0]
    rows = ({name: outputs[name][i] for name in outputs} for i in range(len(inputs)))
    return [json.dumps(row, ensure_ascii=False) for row in rows]


def _file_bytes(path):
    if os.path.getsize(path) > MOST_BYTES:
        raise ValueError(
            f"{path} has {os.path.getsize(path):,} bytes; at most {MOST_BYTES:,} are "
            "read. Make it smaller."
        )
    return Path(path).read_bytes()


def _signature(path, signatures):
    """The signature `serving_default`, and the one string tensor that it takes."""
    known = f"It has the signatures {sorted(signatures)}"
    if "serving_default" not in signatures:
        raise ValueError(
            f"{path} has no signature 'serving_default'. {known}. Export it with one, "
            "or load it with tf.saved_model.load and ask another."
        )
    serve = signatures["serving_default"]
    inputs = {
        name: f"{spec.dtype.name} {spec.shape}"
        for name, spec in sorted(serve.structured_input_signature[1].items())
    }
    if len(inputs) != 1 or not set(inputs.items()) <= _KNOWN_INPUTS:
        raise ValueError(
            f"{path} takes {inputs}, not one string tensor (None,) called one of "
            f"{', '.join(_KINDS)}. {known}. Ask a model of text, images or sound."
        )
    return serve, *inputs
