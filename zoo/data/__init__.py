"""Raw examples from files, and batches for training from examples."""

from zoo.data.read import read
from zoo.data.translation import translation_batches

__all__ = ["read", "translation_batches"]
