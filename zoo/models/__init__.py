"""Architectures: one file each, from tensors to tensors."""

from zoo.models.translation_model import TranslationModel

__all__ = ["TranslationModel"]
