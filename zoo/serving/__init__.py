"""SavedModels in use. Imports TensorFlow and nothing else of zoo."""

from zoo.serving import saved_model

__all__ = ["saved_model"]
