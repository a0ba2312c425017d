"""Architectures: one file each, from tensors to tensors."""

from zoo.models.captioning_model import CaptioningModel
from zoo.models.classification_model import ClassificationModel
from zoo.models.embedding_model import EmbeddingModel
from zoo.models.image_encoder import ImageEncoder
from zoo.models.labelling_model import LabellingModel
from zoo.models.masked_language_model import MaskedLanguageModel
from zoo.models.residual_network import residual_network
from zoo.models.speech_model import SpeechModel
from zoo.models.text_encoder import TextEncoder
from zoo.models.translation_model import TranslationModel

__all__ = [
    "CaptioningModel",
    "ClassificationModel",
    "EmbeddingModel",
    "ImageEncoder",
    "LabellingModel",
    "MaskedLanguageModel",
    "SpeechModel",
    "TextEncoder",
    "TranslationModel",
    "residual_network",
]
