"""A Keras 3 model zoo of Transformers: raw data in, one SavedModel out.

Public names are imported when they are first used, so `import zoo` costs
nothing and layers and models work where TensorFlow is not installed.
"""

import importlib

__version__ = "0.1.0"

_MODULE_OF = {
    "CaptioningModel": "zoo.models.captioning_model",
    "ClassificationModel": "zoo.models.classification_model",
    "EmbeddingModel": "zoo.models.embedding_model",
    "ImageCaptioner": "zoo.tasks.image_captioner",
    "ImageEncoder": "zoo.models.image_encoder",
    "LabellingModel": "zoo.models.labelling_model",
    "MaskedLM": "zoo.tasks.masked_lm",
    "MaskedLanguageModel": "zoo.models.masked_language_model",
    "Preset": "zoo.presets",
    "SpeechModel": "zoo.models.speech_model",
    "SpeechRecognizer": "zoo.tasks.speech_recognizer",
    "TextClassifier": "zoo.tasks.text_classifier",
    "TextEmbedder": "zoo.tasks.text_embedder",
    "TextEncoder": "zoo.models.text_encoder",
    "TokenClassifier": "zoo.tasks.token_classifier",
    "TranslationModel": "zoo.models.translation_model",
    "Translator": "zoo.tasks.translator",
    "from_hugging_face": "zoo.tasks.hugging_face",
    "list_presets": "zoo.presets",
}
_SUBMODULES = (
    "ctc",
    "data",
    "decoding",
    "interop",
    "layers",
    "losses",
    "models",
    "presets",
    "sampling",
    "schedules",
    "serving",
    "tasks",
    "text",
    "training",
)

__all__ = [*_MODULE_OF, *_SUBMODULES]


def __getattr__(name):
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"zoo.{name}")
    else:
        raise AttributeError(
            f"module 'zoo' has no attribute {name!r}. Public names: {sorted(__all__)}."
        )
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
