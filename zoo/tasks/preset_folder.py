"""The folder that `save_to_preset` writes: config, weights, tokenizer assets."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from zoo.text.sentence_piece import VOCABULARY_FILE

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"


def write_preset_folder(folder, task_name, model, tokenizers):
    """Writes a model and its tokenizers; readable by another Keras backend.

    Everything is written beside the folder and moved into it file by file, the
    config last, so that a broken write never leaves a folder that loads wrongly.

    Args:
        folder: path. Made where it is missing; other files in it stay.
        task_name: str. The class that reads it back.
        model: keras.Model.
        tokenizers: dict of KerasNLP tokenizers by name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as staging:
        staging = Path(staging)
        model.save_weights(staging / WEIGHTS)
        for name, tokenizer in tokenizers.items():
            (staging / "assets" / name).mkdir(parents=True)
            tokenizer.save_assets(str(staging / "assets" / name))
        config = {
            "task": task_name,
            "model": model.get_config(),
            "tokenizers": sorted(tokenizers),
            "weights_sha256": _sha256(staging / WEIGHTS),
        }
        config["model"].pop("name", None)
        config["model"].pop("dtype", None)
        config["model"].pop("trainable", None)
        (staging / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        if (folder / "assets").exists():
            shutil.rmtree(folder / "assets")
        for name in ("assets", WEIGHTS, CONFIG):
            os.replace(staging / name, folder / name)


def read_config(folder, task_name):
    """The config of a preset folder, checked to be one of `task_name`."""
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {CONFIG}, so it is not a folder that "
            "save_to_preset wrote. Pass such a folder, or the name of a preset "
            "(`zoo presets` lists them)."
        )
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}). Save the task again."
        ) from error
    if config.get("task") != task_name:
        raise ValueError(
            f"{folder} holds a {config.get('task')}, not a {task_name}. Load it "
            f"with zoo.{config.get('task')}.from_preset."
        )
    return config


def read_weights(folder, model, config):
    """Loads the weights into a built model; refuses missing or damaged ones."""
    path = Path(folder) / WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(
            f"The weights file {path} is missing. Copy it there, or save the task "
            "again with save_to_preset."
        )
    if _sha256(path) != config["weights_sha256"]:
        raise ValueError(
            f"The weights file {path} ({path.stat().st_size:,} bytes) is not the one "
            f"that {CONFIG} was written with: it was cut short or changed. Copy the "
            "whole folder again, or save the task again with save_to_preset."
        )
    model.load_weights(path)


def checked_assets(folder, name):
    """The folder of a tokenizer's files; refuses one without a vocabulary."""
    assets = Path(folder) / "assets" / name
    if not (assets / VOCABULARY_FILE).is_file():
        raise FileNotFoundError(
            f"The vocabulary {assets / VOCABULARY_FILE} is missing. Copy the whole "
            "folder again, or save the task again with save_to_preset."
        )
    return str(assets)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
