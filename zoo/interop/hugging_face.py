"""Checkpoints of Hugging Face: a folder to a model and its tokenizer, and back."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.interop.hub import checkpoint_folder
from zoo.interop.hugging_face_config import (
    encoder_arguments,
    encoder_config,
    least_parameters,
)
from zoo.interop.hugging_face_heads import (
    head_config,
    left_out,
    make_model,
    task_of,
    task_options,
)
from zoo.interop.hugging_face_names import places
from zoo.interop.hugging_face_tokenizer import read_tokenizer
from zoo.interop.hugging_face_tokenizer_writing import TOKENIZER_FILES, write_tokenizer
from zoo.interop.hugging_face_weights import (
    assign_weights,
    modern_names,
    weight_arrays,
)
from zoo.interop.json_file import JsonFile, read_json
from zoo.interop.safetensors_file import write_safetensors
from zoo.interop.sentence_transformers_files import (
    MODULE_FILES,
    read_modules,
    write_json,
    write_modules,
)
from zoo.interop.weight_files import WEIGHTS, read_weights

CONFIG = "config.json"


class Checkpoint(NamedTuple):
    """What a folder holds.

    Attributes:
        task_name: `"TextEmbedder"`, `"TextClassifier"`, `"TokenClassifier"` or
            `"MaskedLM"`.
        model: `TextEncoder`, `ClassificationModel`, `LabellingModel` or
            `MaskedLanguageModel`, with the checkpoint's weights.
        tokenizer: `WordPieceTokenizer` or `BytePairTokenizer`.
        options: dict. `model_type`, `max_length` (in tokens, special ones included);
            of classifiers `labels`, of text classifiers `multi_label` and `pairs`; of
            embedders `pooling` (`"mean"` or `"cls"`) and `normalize`.
        left_out: list of the names of tensors that the model has no place for.
    """

    task_name: str
    model: Any
    tokenizer: Any
    options: dict
    left_out: list


def read_hugging_face(folder_or_id):
    """Reads a published checkpoint, without PyTorch and without transformers.

    Model types bert, distilbert, electra and roberta; as it is, with the head of a
    masked language model or of a classifier of texts or tokens, or as
    sentence-transformers saved it. Weights come from safetensors files only, in
    float32 whatever they are there. Every one of the model's is in the file and every
    one in the file is the model's, or else an error says which is not.

    >>> checkpoint = read_hugging_face("all-MiniLM-L6-v2")
    >>> checkpoint.task_name, checkpoint.options
    ("TextEmbedder", {"model_type": "bert", "max_length": 256, "pooling": "mean",
                      "normalize": True})

    Args:
        folder_or_id: str or path: a folder with `config.json`, `model.safetensors`
            and a tokenizer's files, or the name of one on the Hugging Face Hub.

    Returns:
        `Checkpoint`.
    """
    folder, pooling = read_modules(checkpoint_folder(folder_or_id))
    config = JsonFile(folder / CONFIG)
    model_type, task_name = task_of(config)
    if pooling is not None:
        task_name = "TextEmbedder"
    options = task_options(config, task_name)
    arguments = encoder_arguments(config, model_type)
    tensors, file = read_weights(folder)
    tensors = modern_names(tensors, file)
    _check_size(config, arguments, options, tensors)
    tokenizer, longest = read_tokenizer(folder)
    arguments["pad_token_id"] = _pad_token_id(config, model_type, arguments, tokenizer)
    model = make_model(config, model_type, task_name, arguments, tensors, options)
    unused = _assign(model, model_type, task_name, tensors, file)
    if task_name == "TextEmbedder":
        options |= pooling or {"pooling": "mean", "normalize": False}
    options["model_type"] = model_type
    options["max_length"] = min(
        options.get("max_length", longest), arguments["max_length"]
    )
    return Checkpoint(task_name, model, tokenizer, options, unused)


def write_hugging_face(folder, task_name, model, tokenizer, options):
    """Writes a checkpoint that transformers, and `read_hugging_face`, load.

    Weights are written as float32. An embedder's folder is also one that
    sentence-transformers loads. What an older checkpoint left in the folder is
    replaced; other files there stay.

    >>> write_hugging_face("exported", *checkpoint[:4])

    Args:
        folder: str or path. Made where it is missing. Not one that `save_to_preset`
            wrote.
        task_name, model, tokenizer, options: as in `Checkpoint`. Without
            `options["model_type"]`, the type is the one that has the model's parts.
    """
    _refuse_preset(folder)
    encoder = model if task_name == "TextEmbedder" else model.encoder
    model_type = options.get("model_type") or _model_type(encoder)
    max_length = options.get("max_length", encoder.max_length)
    _check_tokenizer(encoder, tokenizer)
    config = encoder_config(encoder, model_type)
    config |= head_config(model, model_type, task_name, options)
    prefix = "" if task_name == "TextEmbedder" else f"{model_type}."
    arrays = weight_arrays(places(model_type, task_name, model, prefix))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as staging:
        staging = Path(staging)
        write_safetensors(staging / WEIGHTS, arrays)
        write_json(staging / CONFIG, config)
        write_tokenizer(staging, tokenizer, max_length)
        if task_name == "TextEmbedder":
            modules = {**options, "max_length": max_length}
            write_modules(staging, encoder.hidden_dim, modules)
        _move(staging, folder)


def _refuse_preset(folder):
    """Refuses to write over a saved task, whose config would be replaced."""
    try:
        config = read_json(Path(folder) / CONFIG)
    except (OSError, ValueError):
        return
    if isinstance(config, dict) and "weights_sha256" in config:
        raise ValueError(
            f"{folder} holds a task that save_to_preset wrote, whose {CONFIG} a "
            "checkpoint's would replace. Pass another folder."
        )


def _assign(model, model_type, task_name, tensors, file):
    """Gives the model its weights; returns the names of tensors left out."""
    prefix = f"{model_type}."
    if task_name == "TextEmbedder" and not any(n.startswith(prefix) for n in tensors):
        prefix = ""
    unused = assign_weights(
        places(model_type, task_name, model, prefix),
        tensors,
        file,
        left_out(model_type, task_name, prefix),
    )
    counted = prefix + "embeddings.position_ids"
    if counted in unused:
        _check_counted(file, counted, tensors[counted])
    if others := [name for name in unused if name != counted]:
        warnings.warn(
            f"{file} has {', '.join(others)}, which a {task_name} has no place for. "
            "They are left out.",
            stacklevel=3,
        )
    return unused


def _check_counted(file, name, array):
    """A table of positions counts from 0, or the model would be another one."""
    if not np.array_equal(np.ravel(array), np.arange(array.size)):
        raise ValueError(
            f"{file} has {name!r} that does not count 0, 1, 2, ... Such a model is not "
            "supported."
        )


def _check_size(config, arguments, options, tensors):
    """Refuses a config that asks for far more memory than the file has numbers."""
    least = least_parameters(arguments)
    least += len(options.get("labels", ())) * arguments["hidden_dim"]
    found = sum(array.size for array in tensors.values())
    if least > 2 * found + 1_000_000:
        raise ValueError(
            f"{config.path} describes a model of {least:,} weights or more, but the "
            f"files of weights beside it hold {found:,}. They do not belong together, "
            "or one of them is damaged: download the folder again."
        )


def _pad_token_id(config, model_type, arguments, tokenizer):
    """The tokenizer's, which the config may not know; positions depend on RoBERTa's."""
    size = tokenizer.vocabulary_size()
    if size > arguments["vocabulary_size"]:
        raise ValueError(
            f"{config.path} has vocab_size = {arguments['vocabulary_size']:,}, but the "
            f"tokenizer beside it has {size:,} tokens. They do not belong together: "
            "download the folder again."
        )
    if model_type == "roberta" and tokenizer.pad_token_id != arguments["pad_token_id"]:
        raise ValueError(
            f"{config.path} has pad_token_id = {arguments['pad_token_id']}, but the "
            f"tokenizer beside it has {tokenizer.pad_token_id}. They do not belong "
            "together: download the folder again."
        )
    return tokenizer.pad_token_id


def _check_tokenizer(encoder, tokenizer):
    size, pad = tokenizer.vocabulary_size(), tokenizer.pad_token_id
    if size > encoder.vocabulary_size or pad != encoder.pad_token_id:
        raise ValueError(
            f"The tokenizer has {size:,} tokens and the padding {pad}, but the model "
            f"{encoder.vocabulary_size:,} and {encoder.pad_token_id}. Pass the "
            "tokenizer that the model was trained with."
        )


def _model_type(encoder):
    """The type whose checkpoints have the parts of an encoder."""
    if not encoder.num_segments:
        return "distilbert"
    if encoder.embedding_dim != encoder.hidden_dim:
        return "electra"
    return "roberta" if encoder.first_position else "bert"


def _move(staging, folder):
    """Puts the written files in their places and removes older ones of theirs."""
    written = sorted(
        path.relative_to(staging) for path in staging.rglob("*") if path.is_file()
    )
    for name in written:
        with open(staging / name, "rb") as file:
            os.fsync(file.fileno())
        (folder / name).parent.mkdir(exist_ok=True)
        os.replace(staging / name, folder / name)
    for name in {*TOKENIZER_FILES, *MODULE_FILES} - set(map(str, written)):
        (folder / name).unlink(missing_ok=True)
