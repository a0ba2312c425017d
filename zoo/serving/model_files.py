"""What lies in a folder of models, before any of it is loaded."""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

_CARD = Path("assets.extra") / "README.md"
_CARD_BYTES = 2**16


def signature_defs(path):
    """SignatureDefMap, what the file of a version says."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in saved.meta_graphs[0].signature_def.items():
        definitions.signature_def[name].CopyFrom(definition)
    return definitions


def card(path):
    """str, what its makers say of a version, "" if nothing."""
    path = path / _CARD
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return file.read(_CARD_BYTES).decode("utf-8", "replace")


def versions(folder):
    """{name: {number: path}} of all that look like SavedModels."""
    found = {}
    for path in folder.glob("*/*/saved_model.pb"):
        version, name = path.parent, path.parent.parent.name
        # A folder that is being written begins with a dot.
        if version.name.isdecimal() and not name.startswith("."):
            found.setdefault(name, {})[int(version.name)] = version
    return found


def looks(path):
    """What changes when a version's files do."""
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files)
