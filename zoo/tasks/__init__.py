"""Tasks: a model together with its raw inputs and outputs."""

from zoo.tasks.translator import Translator

__all__ = ["Translator"]
