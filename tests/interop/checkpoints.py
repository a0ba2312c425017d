"""Copies of the reference checkpoints, to change and to read."""

import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tests.interop.seeded_weights import write_weights
from zoo.interop import read_hugging_face
from zoo.interop.safetensors_file import read_safetensors, write_safetensors
from zoo.interop.weight_files import read_weights

REFERENCES = Path(__file__).parent / "references"
NAMES = sorted(path.name for path in REFERENCES.iterdir() if path.is_dir())
ELECTRA_WARNING = "ignore:.*discriminator_predictions.*left out:UserWarning"


_BUILT = tempfile.TemporaryDirectory()


@functools.cache
def reference(name):
    """The folder of a reference with its weights, which are not kept but made."""
    folder = Path(_BUILT.name) / name
    shutil.copytree(REFERENCES / name, folder)
    write_weights(folder, name)
    return folder


@functools.cache
def checkpoint(name):
    """A reference that has been read, shared by all tests."""
    return read_hugging_face(reference(name))


def copy_of(name, folder):
    """A copy of a reference in `folder`, in one file of weights."""
    shutil.copytree(reference(name), folder, dirs_exist_ok=True)
    tensors = {key: np.array(value) for key, value in read_weights(folder)[0].items()}
    for path in folder.glob("model*"):
        path.unlink()
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def edit_json(path, remove=(), **values):
    """Changes values of a JSON file; makes it where it is missing."""
    old = json.loads(path.read_text()) if path.is_file() else {}
    new = {key: value for key, value in {**old, **values}.items() if key not in remove}
    path.write_text(json.dumps(new))


def edit_tensors(folder, change):
    """Writes what `change` makes of `{name: array}`."""
    path = folder / "model.safetensors"
    tensors = {key: np.array(value) for key, value in read_safetensors(path).items()}
    write_safetensors(path, change(tensors) or tensors)


def reference_inputs(name):
    """(what the model reads, what PyTorch made of it)"""
    arrays = dict(np.load(REFERENCES / name / "outputs.npz"))
    inputs = {
        "token_ids": arrays.pop("token_ids"),
        "padding_mask": arrays.pop("padding_mask").astype(bool),
    }
    if "segment_ids" in arrays:
        inputs["segment_ids"] = arrays.pop("segment_ids")
    return inputs, arrays


def outputs(found, inputs):
    """`{name: array}` of a `Checkpoint`'s model, as in the references."""
    given = found.model(inputs)
    if found.task_name == "TextEmbedder":
        return {name: value.numpy() for name, value in given.items()}
    named = {"logits": given.numpy()}
    if getattr(found.model, "next_sentence", None) is not None:
        named["next_sentence_logits"] = found.model.next_sentence_logits(inputs).numpy()
    return named
