"""A folder of a checkpoint: one that is here, or one of the Hugging Face Hub's."""

import re
from pathlib import Path

try:
    import huggingface_hub
except ImportError:  # folders can be read without it
    huggingface_hub = None

# No pickle, and nothing else that is large, is ever fetched.
_FILES = (
    *("config.json", "model*.safetensors", "model.safetensors.index.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("modules.json", "sentence_*_config.json", "config_sentence_transformers.json"),
    *("*_Transformer/*.json", "*_Transformer/*.txt", "*_Transformer/*.safetensors"),
    "*_Pooling/config.json",
)


def checkpoint_folder(folder_or_id):
    """The path of a folder, fetched from the hub where it is not on this machine.

    >>> checkpoint_folder("sentence-transformers/all-MiniLM-L6-v2")
    Path("~/.cache/huggingface/hub/models--sentence-transformers--.../snapshots/...")
    """
    folder = Path(folder_or_id)
    if folder.is_dir():
        return folder
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", str(folder_or_id)):
        raise FileNotFoundError(
            f"{folder_or_id} is not a folder. Pass a folder with a config.json, or an "
            "id of the Hugging Face Hub such as 'google-bert/bert-base-uncased'."
        )
    if huggingface_hub is None:
        raise FileNotFoundError(
            f"There is no folder {folder_or_id}. If it is an id of the Hugging Face "
            "Hub, pip install huggingface_hub."
        )
    try:
        return Path(
            huggingface_hub.snapshot_download(
                str(folder_or_id), allow_patterns=list(_FILES)
            )
        )
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"There is no folder {folder_or_id}, and the Hugging Face Hub did not give "
            f"it ({type(error).__name__}: {error!s:.200}). See that the name is right "
            "and that there is a network."
        ) from error
