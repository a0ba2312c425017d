"""The files that sentence-transformers puts beside a model: how vectors become one."""

import json
from pathlib import Path

from zoo.interop.json_file import JsonFile, read_json

MODULES = "modules.json"
_SETTINGS = "sentence_bert_config.json"
# The same file, under the names of older versions.
_SETTINGS_NAMES = (
    _SETTINGS,
    *(f"sentence_{kind}_config.json" for kind in ("roberta", "distilbert")),
)
_POOLING_CONFIG = "1_Pooling/config.json"
_PROMPTS = "config_sentence_transformers.json"
MODULE_FILES = (MODULES, _POOLING_CONFIG, _PROMPTS, *_SETTINGS_NAMES)
_POOLING_FLAGS = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens"}


def read_modules(folder):
    """`(folder of the model, {"pooling", "normalize", and perhaps "max_length"})`.

    A folder without `modules.json` gives itself and None.

    >>> read_modules("all-MiniLM-L6-v2")
    (Path("all-MiniLM-L6-v2"),
     {"pooling": "mean", "normalize": True, "max_length": 256})
    """
    folder = Path(folder)
    path = folder / MODULES
    if not path.is_file():
        return folder, None
    modules = _modules(path)
    kinds = [kind for kind, _ in modules]
    if kinds not in (
        ["Transformer", "Pooling"],
        ["Transformer", "Pooling", "Normalize"],
    ):
        raise ValueError(
            f"{path} lists the modules {', '.join(kinds) or 'none'}, but only "
            "Transformer, Pooling and, at the end, Normalize are supported."
        )
    _check_prompts(folder)
    transformer = folder / modules[0][1]
    return transformer, {
        "pooling": _pooling(JsonFile(folder / modules[1][1] / "config.json")),
        "normalize": "Normalize" in kinds,
        **_settings(transformer),
    }


def write_modules(folder, hidden_dim, options):
    """Writes what `read_modules` reads, for a model in `folder` itself."""
    folder = Path(folder)
    kinds = ["Transformer", "Pooling", *["Normalize"] * options["normalize"]]
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": f"{i}_{kind}" if i else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for i, kind in enumerate(kinds)
    ]
    (folder / modules[1]["path"]).mkdir(exist_ok=True)  # the norm has no file
    modes = {flag: kind == options["pooling"] for kind, flag in _POOLING_FLAGS.items()}
    pooling = {
        "word_embedding_dimension": hidden_dim,
        **modes,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    settings = {"max_seq_length": options["max_length"], "do_lower_case": False}
    write_json(folder / _POOLING_CONFIG, pooling)
    write_json(folder / _SETTINGS, settings)
    write_json(folder / MODULES, modules)


def write_json(path, value):
    text = json.dumps(value, indent=2, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _modules(path):
    """-> list of (kind, folder), the kind without its Python package"""
    modules = read_json(path)
    try:
        found = [
            (str(module["type"]).rpartition(".")[2], Path(module["path"]))
            for module in modules
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not a list of modules with 'type' and 'path'. Download it "
            "again."
        ) from error
    for _, place in found:
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(
                f"{path} names the folder {str(place)!r:.100}, but only folders in "
                f"{path.parent} are read."
            )
    return found


def _pooling(config):
    mode = config.get("pooling_mode")
    if mode is None:
        known = {flag: kind for kind, flag in _POOLING_FLAGS.items()}
        modes = [
            known.get(name, name.removeprefix("pooling_mode_"))
            for name, value in config.values.items()
            if name.startswith("pooling_mode_") and value
        ]
        mode = "+".join(modes) or "none"
    if mode not in list(_POOLING_FLAGS):  # it may be no string
        raise ValueError(
            f"{config.path} asks for the pooling {mode!r:.60}, which is not supported. "
            f"Supported: {', '.join(_POOLING_FLAGS)}."
        )
    return mode


def _settings(folder):
    for name in _SETTINGS_NAMES:
        if (folder / name).is_file():
            config = JsonFile(folder / name)
            break
    else:
        return {}
    if config.flag("do_lower_case", default=False):
        raise ValueError(
            f"{config.path} has do_lower_case = true, which lower-cases texts before "
            "the tokenizer does and is not supported. Where the tokenizer lower-cases "
            "(do_lower_case in tokenizer_config.json), set it to false."
        )
    if config.get("max_seq_length") is None:
        return {}
    return {"max_length": config.integer("max_seq_length", lowest=3, highest=1 << 20)}


def _check_prompts(folder):
    path = folder / _PROMPTS
    if path.is_file() and (prompt := JsonFile(path).get("default_prompt_name")):
        raise ValueError(
            f"{path} has default_prompt_name = {prompt!r:.60}: a prompt before every "
            "text, which is not supported. Set it to null and put the prompt there."
        )
