"""The folder that `save_to_preset` writes: config, weights, tokenizers.

config.json                               says which of the others belong to it
model-0123456789ab.weights.h5             named by the start of its SHA-256
tokenizer-ba9876543210/vocabulary.spm     likewise; or source_ and target_tokenizer-
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import keras

from zoo.text.sentence_piece import VOCABULARY_FILE, SentencePieceTokenizer

CONFIG = "config.json"


def write_preset_folder(folder, task_name, model, tokenizers):
    """Writes a model and its tokenizers; readable by another Keras backend.

    Files named by their contents replace no others. The config, which names them,
    is replaced last and in one step, so that a broken write leaves what was there.

    Args:
        folder: path. Made where it is missing; other files in it stay.
        task_name: str. The class that reads it back.
        model: keras.Model.
        tokenizers: dict of KerasNLP tokenizers by name.
    """
    config = {"task": task_name, "model": _plain_config(model), "tokenizers": {}}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as staging:
        staging = Path(staging)
        weights = staging / "model.weights.h5"
        model.save_weights(weights)
        config["weights_sha256"] = _sha256(weights)
        _move(weights, _weights_file(folder, config))
        for name, tokenizer in tokenizers.items():
            tokenizer.save_assets(str(staging))
            vocabulary = staging / VOCABULARY_FILE
            config["tokenizers"][name] = _sha256(vocabulary)
            _move(vocabulary, _vocabulary_file(folder, name, config))
        (staging / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        _move(staging / CONFIG, folder / CONFIG)
    _remove_older(folder, config)


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
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}). Save the task again."
        ) from error
    kinds = {"task": str, "model": dict, "tokenizers": dict, "weights_sha256": str}
    found = config if isinstance(config, dict) else {}
    wrong = [name for name, kind in kinds.items() if type(found.get(name)) is not kind]
    if wrong:
        raise ValueError(
            f"{path} is not what save_to_preset writes: {', '.join(wrong)} missing or "
            "of another type. Copy the whole folder again, or save the task again."
        )
    if config["task"] != task_name:
        raise ValueError(
            f"{folder} holds a {config['task']}, not a {task_name}. Load it "
            f"with zoo.{config['task']}.from_preset."
        )
    return config


def read_tokenizers(folder, config):
    """The tokenizers by name; refuses missing, damaged and exchanged ones."""
    names = sorted(config["tokenizers"])
    if names not in (["tokenizer"], ["source_tokenizer", "target_tokenizer"]):
        raise ValueError(
            f"{Path(folder) / CONFIG} names the tokenizers {names}, instead of one "
            "'tokenizer' or 'source_tokenizer' and 'target_tokenizer'. Save the task "
            "again with save_to_preset."
        )
    tokenizers = {}
    for name in names:
        path = _vocabulary_file(folder, name, config)
        _check_file(path, "vocabulary", config["tokenizers"][name])
        tokenizers[name] = SentencePieceTokenizer(str(path))
    return tokenizers


def read_model(folder, config, model_class, overrides):
    """The model with its weights; refuses missing or damaged ones.

    Args:
        folder: path.
        config: dict, what `read_config` gave.
        model_class: class that takes what the config has under "model".
        overrides: dict. Of what was saved, only `dtype` may be another one.
    """
    if set(overrides) - {"dtype"}:
        raise ValueError(
            f"{folder} holds a trained model, whose sizes are given. from_preset takes "
            f"only dtype= with a folder, got {', '.join(sorted(overrides))}. Leave the "
            "others out, or begin anew from the name of a preset."
        )
    path = _weights_file(folder, config)
    _check_file(path, "weights", config["weights_sha256"])
    try:
        model = model_class(**{**config["model"], **overrides})
        model.build()
        model.load_weights(path)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"No {model_class.__name__} can be made of what {Path(folder) / CONFIG} "
            f"has under 'model' ({error}). Copy the whole folder again, or save the "
            "task again with save_to_preset."
        ) from error
    return model


def _plain_config(model):
    """The arguments that make the model again, `dtype` by its name."""
    policy = model.dtype_policy
    quantized = [
        weight.path
        for weight in model.weights
        # A float8 kernel stays as it is and gets scales beside it.
        if weight.dtype != policy.variable_dtype or weight.name.endswith("_scale")
    ]
    if quantized or type(policy) is not keras.DTypePolicy:
        raise ValueError(
            "save_to_preset cannot write a quantized model, or one whose layers have "
            f"dtypes of their own: {(quantized or [policy])[0]} is not of the model's "
            f"dtype, {policy.variable_dtype}. Save before `quantize`, and quantize "
            "again after from_preset; export() writes the model as it is."
        )
    config = {**model.get_config(), "dtype": policy.name}
    return {key: config[key] for key in config if key not in ("name", "trainable")}


def _weights_file(folder, config):
    return Path(folder) / f"model-{config['weights_sha256'][:12]}.weights.h5"


def _vocabulary_file(folder, name, config):
    start = str(config["tokenizers"][name])[:12]
    return Path(folder) / f"{name}-{start}" / VOCABULARY_FILE


def _remove_older(folder, config):
    """Removes the weights and tokenizers that the config no longer names."""
    start = "[0-9a-f]" * 12
    for path in folder.glob(f"model-{start}.weights.h5"):
        if path != _weights_file(folder, config):
            path.unlink(missing_ok=True)
    used = [_vocabulary_file(folder, name, config) for name in config["tokenizers"]]
    for path in folder.glob(f"*tokenizer-{start}/{VOCABULARY_FILE}"):
        if path not in used:
            shutil.rmtree(path.parent, ignore_errors=True)


def _move(source, target):
    """Puts a file in its place once it is on the disk."""
    target.parent.mkdir(exist_ok=True)
    with open(source, "rb") as file:
        os.fsync(file.fileno())
    os.replace(source, target)


def _check_file(path, content, sha256):
    if not path.is_file():
        raise FileNotFoundError(
            f"The {content} file {path} is missing. Copy it there, or save the task "
            "again with save_to_preset."
        )
    if _sha256(path) != sha256:
        raise ValueError(
            f"The {content} file {path} ({path.stat().st_size:,} bytes) does not fit "
            f"the saved model: it is not the one that {CONFIG} was written with, but "
            "was cut short or changed. Copy the whole folder again, or save the task "
            "again with save_to_preset."
        )


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
