"""Which kind of folder one is: what a task was saved to, or a published checkpoint."""

import json
from pathlib import Path

CONFIG = "config.json"


def saved_task(folder):
    """The name of the task that a folder was saved by; None where it does not say."""
    name = _config(folder).get("task")
    return name if isinstance(name, str) else None


def is_published(folder):
    """Whether a folder looks like a checkpoint that Hugging Face's libraries wrote."""
    return "model_type" in _config(folder) or (Path(folder) / "modules.json").is_file()


def refuse_another(folder, task_name):
    """Refuses to save a task over a checkpoint or over what another task saved."""
    if is_published(folder):
        raise ValueError(
            f"{folder} holds a published checkpoint, whose {CONFIG} save_to_preset "
            "would replace. Pass another folder."
        )
    found = saved_task(folder)
    if found not in (None, task_name):
        raise ValueError(
            f"{folder} holds a {found}, which save_to_preset of a {task_name} would "
            "replace. Pass another folder, or remove that one first."
        )


def _config(folder):
    """The config of a folder as it is; empty where there is none to be read."""
    try:
        config = json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # `read_config` says what is wrong
    return config if isinstance(config, dict) else {}
