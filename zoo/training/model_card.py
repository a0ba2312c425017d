"""The README.md of a run: what was trained, on what, how well, how to use it."""

import os
import platform
import shlex
import sys
from pathlib import Path

import keras

from zoo.atomic_write import atomic_write
from zoo.training.run_folder import read_metrics


def write_model_card(
    run_dir,
    task,
    scores,
    *,
    title,
    preset,
    data,
    command=None,
    preset_dir=None,
    export_dir=None,
    search=None,
):
    """Writes `run_dir/README.md` from what was measured, and returns its path.

    An export gets one too, without pictures, in `assets.extra`: a server shows it.

    Args:
        run_dir: the folder of a run; its settings, metrics and pictures are taken
            up where they are there.
        task: the trained task. Its class and its model's parameters are named.
        scores: dict from the name of a data set to what `task.evaluate` gave for
            it. Numbers become a table, text (the scores' signatures) a list below.
        title: str. What it does, such as `"English to German"`.
        preset: str. Name of the preset.
        data: str. What it was trained on.
        command: str. What gives this model again; the running command by default.
        preset_dir: the folder that `task.save_to_preset` wrote, if it did.
        export_dir: the version folder that `task.export` gave, if it did.
        search: dict of the options of `task.generate` that it was scored with.
    """
    folder = Path(run_dir)
    facts = {
        "task": f"`zoo.{type(task).__name__}`",
        "preset": f"`{preset}`",
        "parameters": f"{task.model.count_params():,}",
        "data": data,
        "command": f"`{command or running_command()}`",
        **_training_facts(folder / "times.csv"),
        "machine": describe_machine(),
    }
    parts = [f"# {title}", _table(("", ""), facts.items()), "## Scores"]
    parts += [_score_table(scores), _signatures(scores)]
    settings = _settings(folder / "settings.json")
    if export_dir is not None and Path(export_dir).is_dir():
        extra = Path(export_dir) / "assets.extra"
        extra.mkdir(exist_ok=True)
        _write(extra / "README.md", [*parts, *settings])
    usage = _usage(task, preset_dir, export_dir, search)
    return _write(folder / "README.md", [*parts, *usage, *_pictures(folder), *settings])


def _write(path, parts):
    with atomic_write(path) as beside:
        beside.write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")
    return path


def running_command():
    """The command line of this process, without the interpreter's own path."""
    return shlex.join(["python", *sys.orig_argv[1:]])


def describe_machine():
    """One line: system, processor, cores, accelerators, backend."""
    return ", ".join(
        [
            f"{platform.system()} {platform.machine()}",
            _processor(),
            f"{os.cpu_count()} cores",
            f"devices {_devices()}",
            f"Python {platform.python_version()}",
            f"Keras {keras.__version__} on {keras.backend.backend()}",
        ]
    )


def _devices():
    if keras.backend.backend() not in ("tensorflow", "jax"):
        return "not listed"  # Keras lists those of these two only
    return " ".join(sorted(set(keras.distribution.list_devices())))


def _processor():
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", maxsplit=1)[1].strip()
    return platform.processor() or "unknown processor"


def _training_facts(metrics):
    if not metrics.is_file():
        return {}
    history = read_metrics(metrics)
    seconds = sum(row.get("seconds", 0.0) for row in history)
    evaluation = sum(row.get("val_seconds", 0.0) for row in history)
    return {
        "epochs": len(history),
        "minutes": f"{seconds / 60:.1f}, of which {evaluation / 60:.1f} for decoding "
        "the validation examples",
    }


def _score_table(scores):
    numbers = {
        name: {key: x for key, x in values.items() if not isinstance(x, str)}
        for name, values in scores.items()
    }
    keys = list(dict.fromkeys(key for values in numbers.values() for key in values))
    rows = [
        [name, *(f"{values[key]:.4g}" if key in values else "" for key in keys)]
        for name, values in numbers.items()
    ]
    return _table(("data", *keys), rows)


def _signatures(scores):
    lines = {
        f"- {key}: `{text}`"
        for values in scores.values()
        for key, text in values.items()
        if isinstance(text, str)
    }
    return "\n".join(sorted(lines))


def _usage(task, preset_dir, export_dir, search):
    parts = []
    if preset_dir is not None:
        name = type(task).__name__
        code = f'import zoo\n\ntask = zoo.{name}.from_preset("{preset_dir}")'
        if search:
            options = ", ".join(f"{name}={value!r}" for name, value in search.items())
            code += f"\ntask.generate(..., {options})"
        parts += ["## Load", f"```python\n{code}\n```"]
    if export_dir is not None:
        export_dir = Path(export_dir)
        name = export_dir.parent.name
        model = f"$PWD/{export_dir.parent}"
        if export_dir.is_absolute():
            model = f"{export_dir.parent}"
        code = (
            f"zoo predict {export_dir} INPUT\n\n"
            f"docker run -p 8501:8501 -v {model}:/models/{name} \\\n"
            f"    -e MODEL_NAME={name} tensorflow/serving \\\n"
            "    --xla_cpu_compilation_enabled=true"
        )
        parts += ["## Serve", f"```bash\n{code}\n```"]
    return parts


def _pictures(folder):
    pictures = [f"![{path.stem}]({path.name})" for path in sorted(folder.glob("*.png"))]
    return ["## Pictures", *pictures] if pictures else []


def _settings(path):
    if not path.is_file():
        return []
    return ["## Settings", f"```json\n{path.read_text().strip()}\n```"]


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
