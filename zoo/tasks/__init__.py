"""Tasks: a model together with its raw inputs and outputs."""

from zoo.tasks.compiling import should_jit_compile
from zoo.tasks.translator import Translator

__all__ = ["Translator", "should_jit_compile"]
