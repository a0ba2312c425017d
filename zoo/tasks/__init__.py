"""Tasks: a model together with its raw inputs and outputs."""

from zoo.tasks.classification_scores import classification_scores
from zoo.tasks.compiling import should_jit_compile
from zoo.tasks.hugging_face import from_hugging_face
from zoo.tasks.image_captioner import ImageCaptioner
from zoo.tasks.image_words import ImageWords
from zoo.tasks.lora import enable_lora
from zoo.tasks.masked_lm import MaskedLM
from zoo.tasks.requests import check_generation_options
from zoo.tasks.speech_recognizer import SpeechRecognizer
from zoo.tasks.text_classifier import TextClassifier
from zoo.tasks.text_embedder import TextEmbedder
from zoo.tasks.token_classifier import TokenClassifier
from zoo.tasks.training_defaults import ctc_loss, speech_losses
from zoo.tasks.translator import Translator

__all__ = [
    "ImageCaptioner",
    "ImageWords",
    "MaskedLM",
    "SpeechRecognizer",
    "TextClassifier",
    "TextEmbedder",
    "TokenClassifier",
    "Translator",
    "check_generation_options",
    "classification_scores",
    "ctc_loss",
    "enable_lora",
    "from_hugging_face",
    "should_jit_compile",
    "speech_losses",
]
