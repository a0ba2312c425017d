"""Architectures: one file each, from tensors to tensors."""

from zoo.models.text_encoder import TextEncoder
from zoo.models.translation_model import TranslationModel

__all__ = ["TextEncoder", "TranslationModel"]
