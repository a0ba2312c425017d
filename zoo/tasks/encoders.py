"""Where the encoder of a task on texts comes from."""

from collections.abc import Iterable
from pathlib import Path

from zoo import presets
from zoo.interop import read_hugging_face
from zoo.interop.hugging_face_heads import CLASSIFIER_POOLERS
from zoo.models import (
    ClassificationModel,
    EmbeddingModel,
    LabellingModel,
    MaskedLanguageModel,
)
from zoo.tasks.changed_encoder import changed_encoder
from zoo.tasks.folder_kinds import CONFIG, is_published, saved_task
from zoo.tasks.preset_folder import (
    read_config,
    read_model,
    read_tokenizers,
    write_preset_folder,
)
from zoo.tasks.requests import check_tokenizer

MODEL_OF = {
    "MaskedLM": MaskedLanguageModel,
    "TextClassifier": ClassificationModel,
    "TextEmbedder": EmbeddingModel,
    "TokenClassifier": LabellingModel,
}
_FEWEST_TOKENS = 8  # of a row: the special ones, and some of a text or pair
_NUM_POSITIONS = 512  # of a named size, unless longer texts are asked for
_POOLER = CLASSIFIER_POOLERS["bert"]


def read_task(task_class, folder, tokenizer, overrides, needed):
    """The task on texts that a folder was saved by, not yet compiled.

    Args:
        task_class: its class.
        folder: str, what `from_preset` was given.
        tokenizer: what `from_preset` was given beside; there is one in the folder.
        overrides: dict. Only `dtype` may be another one.
        needed: str. The argument that makes a new task of another preset.
    """
    task_name = task_class.__name__
    if not Path(folder).is_dir():
        if folder in presets.list_presets():
            raise ValueError(
                f"{folder!r} is a named size, of which {task_name}.from_preset makes a "
                f"new one. Pass {needed}= as well."
            )
        raise ValueError(
            presets.unknown_preset(folder, presets.list_presets())
            + " It is no folder either."
        )
    if saved_task(folder) in set(MODEL_OF) - {task_name}:
        raise ValueError(
            f"{folder} holds a {saved_task(folder)}, not a {task_name}. Load it with "
            f"zoo.{saved_task(folder)}.from_preset, or pass {needed}= to put a new "
            "head on its encoder."
        )
    if saved_task(folder) is None and is_published(folder):
        raise ValueError(
            f"{folder} holds a published checkpoint. Load it as it is with "
            f"zoo.from_hugging_face, or pass {needed}= for a new head on its encoder."
        )
    _refuse_tokenizer(folder, tokenizer)
    model, tokenizer, options = _parts(folder, task_name, overrides)
    try:
        return task_class(model, tokenizer, **options)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"No {task_name} can be made of what {Path(folder) / CONFIG} has under "
            f"'options' ({error}). Copy the whole folder again, or save the task again "
            "with save_to_preset."
        ) from error


def _parts(folder, task_name, overrides):
    """(model, tokenizer, options)"""
    config = read_config(folder, task_name)
    tokenizers = read_tokenizers(folder, config, (["tokenizer"],))
    model = read_model(folder, config, MODEL_OF[task_name], overrides)
    return model, tokenizers["tokenizer"], config["options"]


def save_task(task, folder):
    """Writes the folder that `read_task` reads."""
    write_preset_folder(
        folder,
        type(task).__name__,
        task.model,
        {"tokenizer": task.tokenizer},
        task.options,
    )


def check_vocabulary(encoder, tokenizer, pairs=False):
    """Refuses a tokenizer that is not the encoder's, and pairs that it cannot read."""
    if pairs and encoder.num_segments == 1 and not tokenizer.double_separator:
        raise ValueError(
            "pairs=True needs an encoder that knows the first text from the second: "
            "this one has num_segments=1. Make it with 2, or with 0 for none."
        )
    size, pad = tokenizer.vocabulary_size(), tokenizer.pad_token_id
    # Published models have rows to spare, so that their number is a round one.
    if size > encoder.vocabulary_size or pad != encoder.pad_token_id:
        raise ValueError(
            f"The tokenizer does not fit the model: it has {size} tokens and pads with "
            f"{pad}, the model has {encoder.vocabulary_size} and pads with "
            f"{encoder.pad_token_id}. Use the one that the model was trained with."
        )


def checked_classes(classes, argument):
    """A list of different names."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise TypeError(
            f"{argument}={classes!r:.80}, but a list of str is needed, such as "
            "['bad', 'good']."
        )
    classes = list(classes)
    for place, name in enumerate(classes):
        if not isinstance(name, str):
            raise TypeError(
                f"{argument} has {name!r:.40} ({type(name).__name__}) at place "
                f"{place}, but each must be a str, as the labels of examples are."
            )
    if len(set(classes)) < 2 or len(set(classes)) < len(classes):
        raise ValueError(
            f"{argument}={classes}. At least two different ones are needed, each once: "
            "there is nothing to tell apart otherwise. Look at the labels of the "
            "examples."
        )
    return classes


def check_num_outputs(classes, num_outputs, argument):
    """Refuses other than as many names as the model has outputs."""
    if len(classes) != num_outputs:
        raise ValueError(
            f"There are {len(classes)} {argument}, but the model has {num_outputs} "
            "outputs. Pass as many, or make the model with that many."
        )


def checked_max_length(max_length, encoder):
    """The most tokens of a row: as asked, or as many as there are positions for.

    Positions that are not learned have no end.
    """
    if max_length is None:
        return encoder.max_length
    if max_length < _FEWEST_TOKENS:
        raise ValueError(
            f"max_length={max_length}, but it must be {_FEWEST_TOKENS} or more: "
            "special tokens and some of a text."
        )
    if encoder.positions == "learned" and max_length > encoder.max_length:
        raise ValueError(
            f"max_length={max_length}, but the encoder has {encoder.max_length} "
            "learned positions. Pass at most as many, or begin anew from a named size."
        )
    return max_length


def _refuse_tokenizer(folder, tokenizer):
    if tokenizer is not None:
        raise ValueError(
            f"{folder} holds its own tokenizer; from_preset takes one only with a "
            "named size such as 'bert_tiny'. Leave it out."
        )


def encoder_from_preset(
    preset, tokenizer, overrides, max_length, *, task_name=None, with_pooler=False
):
    """(encoder, tokenizer, model_type), of a named size or of trained weights.

    `model_type` is that of the published checkpoint that the encoder comes from, whose
    kind of pooler a new one is; None where it comes from none.

    Args:
        preset: str. A name of `zoo.list_presets()` (random weights), or a folder that
            a task on texts was saved to or that holds a published checkpoint as
            `zoo.from_hugging_face` reads it: encoder and tokenizer are taken.
        tokenizer: for a named size.
        overrides: dict, arguments of `zoo.TextEncoder`. Of a trained encoder those
            can be others that leave its weights as they are.
        max_length: int or None. One of a named size has as many positions, or more;
            a trained encoder keeps its own.
        task_name: str. The task that would lose something if it was made anew of a
            checkpoint that holds just that.
        with_pooler: bool. Whether there shall be one: the trained one where there is.
    """
    if Path(preset).is_dir():
        _refuse_tokenizer(preset, tokenizer)
        encoder, tokenizer, model_type = _trained_encoder(preset, task_name)
        pooler = None
        if with_pooler:
            new = CLASSIFIER_POOLERS.get(model_type, _POOLER)
            pooler = encoder.pooler_activation or new
        encoder = changed_encoder(encoder, {"pooler": pooler, **overrides})
        return encoder, tokenizer, model_type
    if preset not in presets.list_presets():
        raise ValueError(
            presets.unknown_preset(preset, presets.list_presets())
            + " It is no folder either."
        )
    if tokenizer is None:
        raise ValueError(
            f"{preset!r} is a size with random weights, so tokenizer= is needed. "
            'zoo.text.learn_tokenizer(lines, kind="word_piece") makes one.'
        )
    check_tokenizer(tokenizer)
    overrides = {
        "max_length": max(max_length or 0, _NUM_POSITIONS),
        "pad_token_id": tokenizer.pad_token_id,
        "pooler": _POOLER if with_pooler else None,
        **overrides,
    }
    size = tokenizer.vocabulary_size()
    return presets.text_encoder(preset, size, **overrides), tokenizer, None


def _trained_encoder(folder, task_name):
    """(encoder, tokenizer, model_type) of a saved task or a published checkpoint."""
    name = saved_task(folder)
    if name in MODEL_OF:
        model, tokenizer, options = _parts(folder, name, {})
        return model.encoder, tokenizer, options.get("model_type")
    if is_published(folder):
        checkpoint = read_hugging_face(folder)
        if checkpoint.task_name == task_name:
            raise ValueError(
                f"{folder} holds a published checkpoint of just this task, which "
                "from_preset would make anew. Load it with zoo.from_hugging_face."
            )
        is_bare = checkpoint.task_name == "TextEmbedder"
        encoder = checkpoint.model if is_bare else checkpoint.model.encoder
        return encoder, checkpoint.tokenizer, checkpoint.options["model_type"]
    raise ValueError(
        f"{folder} holds {f'a {name}' if name else 'no task'}, so there is no text "
        "encoder. Pass a folder that one of these was saved to: "
        f"{', '.join(MODEL_OF)}; or one with a checkpoint that transformers or "
        "sentence-transformers wrote."
    )
