"""Raw examples from files, and batches for training from examples."""

from zoo.data.read import read
from zoo.data.splits import read_splits
from zoo.data.translation import translation_batches

__all__ = ["read", "read_splits", "translation_batches"]
