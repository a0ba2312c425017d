"""The weights of a checkpoint folder, whole or in shards; never a pickle."""

from pathlib import Path

from zoo.interop.json_file import JsonFile
from zoo.interop.safetensors_file import read_safetensors

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
# What other libraries write, most of it executed when it is read.
_OTHERS = ("*.bin", "*.pt", "*.pth", "*.ckpt*", "*.h5", "*.msgpack", "*.pkl")


def read_weights(folder):
    """`({name: array}, file)` of `model.safetensors` or of the shards of its index."""
    folder = Path(folder)
    if (folder / WEIGHTS).is_file():
        return read_safetensors(folder / WEIGHTS), folder / WEIGHTS
    if (folder / WEIGHTS_INDEX).is_file():
        index = JsonFile(folder / WEIGHTS_INDEX)
        return _read_shards(index), index.path
    others = sorted({path.name for kind in _OTHERS for path in folder.glob(kind)})
    if others:
        raise ValueError(
            f"{folder} has its weights only in {', '.join(others)}. Such files can "
            f"run code when they are opened, so only {WEIGHTS} is read. Convert them "
            "where PyTorch and transformers are installed and the folder is trusted: "
            "AutoModel.from_pretrained(folder).save_pretrained(folder), with the class "
            "that config.json names instead of AutoModel."
        )
    raise FileNotFoundError(f"{folder} has no {WEIGHTS} and no {WEIGHTS_INDEX}.")


def _read_shards(index):
    """The index maps each name to its file: `{"weight_map": {name: file}}`."""
    places = index.get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ValueError(f"{index.path} has no 'weight_map'. Download it again.")
    tensors = {}
    for name in sorted(set(map(str, places.values()))):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ValueError(
                f"{index.path} names the file {name!r:.100}, but only .safetensors "
                "files beside it are read."
            )
        if not (index.path.parent / name).is_file():
            raise FileNotFoundError(
                f"{index.path} names {name}, which is missing. Download it too."
            )
        shard = read_safetensors(index.path.parent / name)
        expected = {tensor for tensor, place in places.items() if place == name}
        if wrong := sorted(expected ^ set(shard)):
            raise ValueError(
                f"{name} and {index.path} do not belong together: only one of them "
                f"has {wrong[0]!r}. Download both again."
            )
        tensors |= shard
    return tensors
