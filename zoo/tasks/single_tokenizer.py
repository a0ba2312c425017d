"""How tasks that write with one tokenizer are made: checked, new, or from a folder."""

from zoo import presets
from zoo.tasks.preset_folder import read_config, read_model, read_tokenizers
from zoo.tasks.requests import check_writing_tokenizer


def check_model(task_name, model_class, model, tokenizer):
    """Raises if a model is of another class, or the tokenizer does not fit it."""
    if not isinstance(model, model_class):
        raise TypeError(
            f"{task_name} takes a zoo.{model_class.__name__}, got "
            f"{type(model).__name__}. from_preset makes one of a named size."
        )
    if tokenizer.vocabulary_size() != model.vocabulary_size:
        raise ValueError(
            f"The tokenizer does not fit the model: it has "
            f"{tokenizer.vocabulary_size()} tokens, the model "
            f"{model.vocabulary_size}. Use the tokenizer that the model was "
            "trained with."
        )


def check_preset(task_name, preset, tokenizer, texts):
    """Raises if `preset` is no named size of the task, or there is no tokenizer.

    `texts` are what a tokenizer is learned from, such as `"captions"`.
    """
    known = {k: v for k, v in presets.list_presets().items() if v.task == task_name}
    if preset not in known:
        raise ValueError(
            presets.unknown_preset(preset, known) + " It is no folder either."
        )
    if tokenizer is None:
        raise ValueError(
            f"A new {task_name} needs tokenizer=. zoo.text.learn_tokenizer({texts}) "
            "makes one."
        )
    check_writing_tokenizer(tokenizer)


def read_folder(task_name, model_class, folder, tokenizer, overrides):
    """The model and the tokenizer of a folder that `save_to_preset` wrote."""
    config = read_config(folder, task_name)
    if tokenizer is not None:
        raise ValueError(
            f"{folder} holds its own tokenizer; from_preset takes one only with a "
            "named size (`zoo presets` lists them). Leave it out."
        )
    tokenizer = read_tokenizers(folder, config, [["tokenizer"]])["tokenizer"]
    return read_model(folder, config, model_class, overrides), tokenizer
