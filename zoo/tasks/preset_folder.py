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

from zoo.tasks.folder_kinds import CONFIG, refuse_another
from zoo.text.byte_pair import BytePairTokenizer
from zoo.text.sentence_piece import SentencePieceTokenizer
from zoo.text.word_piece import WordPieceTokenizer

_TOKENIZERS = {
    kind.__name__: kind
    for kind in (BytePairTokenizer, SentencePieceTokenizer, WordPieceTokenizer)
}
# Of a tokenizer's config, what is no option: a file of its own, or Keras's.
_NO_OPTIONS = ("name", "dtype", "trainable", "proto", "vocabulary", "merges")


def write_preset_folder(folder, task_name, model, tokenizers, options=None):
    """Writes a model and its tokenizers; readable by another Keras backend.

    Files named by their contents replace no others. The config, which names them,
    is replaced last and in one step, so that a broken write leaves what was there.

    Args:
        folder: path. Made where it is missing; other files in it stay. Not one of a
            published checkpoint or of another task.
        task_name: str. The class that reads it back.
        model: keras.Model.
        tokenizers: dict of KerasNLP tokenizers by name.
        options: dict of plain values, what else the task is made of.
    """
    refuse_another(folder, task_name)
    config = {
        "task": task_name,
        "options": options or {},
        "model": _plain_config(model),
        "tokenizers": {},
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as staging:
        staging = Path(staging)
        weights = staging / "model.weights.h5"
        model.save_weights(weights)
        config["weights_sha256"] = _sha256(weights)
        _move(weights, _weights_file(folder, config))
        for name, tokenizer in tokenizers.items():
            assets = staging / name
            assets.mkdir()
            tokenizer.save_assets(str(assets))
            config["tokenizers"][name] = _tokenizer_config(tokenizer, assets)
            for path in assets.iterdir():
                _move(path, _assets_folder(folder, name, config) / path.name)
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
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not valid JSON ({error}). Save the task again."
        ) from error
    found = config if isinstance(config, dict) else {}
    wrong = [name for name, kind in _KINDS.items() if type(found.get(name)) is not kind]
    if not wrong:
        tokenizers = found["tokenizers"]
        wrong = [n for n in tokenizers if not _describes_tokenizer(tokenizers[n])]
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


def read_tokenizers(folder, config, names):
    """The tokenizers by name; refuses missing, damaged and exchanged ones.

    Args:
        folder: path.
        config: dict, what `read_config` gave.
        names: list of lists of names, any one of which the folder may hold.
    """
    found = sorted(config["tokenizers"])
    if found not in names:
        raise ValueError(
            f"{Path(folder) / CONFIG} names the tokenizers {found}, instead of "
            f"{' or '.join(map(str, names))}. Save the task again with save_to_preset."
        )
    return {name: _read_tokenizer(folder, name, config) for name in found}


def _read_tokenizer(folder, name, config):
    described = config["tokenizers"][name]
    assets = _assets_folder(folder, name, config)
    for file_name, sha256 in described["sha256"].items():
        _check_file(assets / file_name, "vocabulary", sha256)
    tokenizer = _TOKENIZERS[described["class"]](**described["options"])
    tokenizer.load_assets(str(assets))
    return tokenizer


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
        model = model_class.from_config({**config["model"], **overrides})
        model.build()
        model.load_weights(path)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"No {model_class.__name__} can be made of what {Path(folder) / CONFIG} "
            f"has under 'model' ({error}). Copy the whole folder again, or save the "
            "task again with save_to_preset."
        ) from error
    return model


_KINDS = {
    "task": str,
    "options": dict,
    "model": dict,
    "tokenizers": dict,
    "weights_sha256": str,
}


def _describes_tokenizer(described):
    """Whether this is what `_tokenizer_config` makes; its names lead nowhere else."""
    if not isinstance(described, dict) or described.get("class") not in _TOKENIZERS:
        return False
    hashes, options = described.get("sha256"), described.get("options")
    return (
        isinstance(options, dict)
        and not set(options) & set(_NO_OPTIONS)
        and isinstance(hashes, dict)
        and all(isinstance(sha256, str) for sha256 in hashes.values())
        and set(hashes) == set(_TOKENIZERS[described["class"]]().file_assets)
    )


def _tokenizer_config(tokenizer, assets):
    config = tokenizer.get_config()
    return {
        "class": type(tokenizer).__name__,
        "options": {key: config[key] for key in config if key not in _NO_OPTIONS},
        "sha256": {path.name: _sha256(path) for path in sorted(assets.iterdir())},
    }


def _plain_config(model):
    """The arguments that make the model again, `dtype` by its name."""
    policy = model.dtype_policy
    quantized = [
        weight.path
        for weight in model.weights
        # A float8 kernel stays as it is and gets scales beside it.
        if _is_other(weight.dtype, policy) or weight.name.endswith("_scale")
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


def _is_other(dtype, policy):
    """Whether a weight's dtype is a quantized one, or another than the model's.

    Some layers count in whole numbers, of at least 32 bits.
    """
    is_count = dtype in ("int32", "int64", "uint32", "uint64", "bool")
    return not is_count and dtype != policy.variable_dtype


def _weights_file(folder, config):
    return Path(folder) / f"model-{config['weights_sha256'][:12]}.weights.h5"


def _assets_folder(folder, name, config):
    hashes = config["tokenizers"][name]["sha256"]
    start = hashlib.sha256("".join(hashes[key] for key in sorted(hashes)).encode())
    return Path(folder) / f"{name}-{start.hexdigest()[:12]}"


def _remove_older(folder, config):
    """Removes the weights and tokenizers that the config no longer names."""
    start = "[0-9a-f]" * 12
    for path in folder.glob(f"model-{start}.weights.h5"):
        if path != _weights_file(folder, config):
            path.unlink(missing_ok=True)
    used = [_assets_folder(folder, name, config) for name in config["tokenizers"]]
    for path in folder.glob(f"*tokenizer-{start}"):
        if path not in used:
            shutil.rmtree(path, ignore_errors=True)


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
