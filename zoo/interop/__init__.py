"""Other people's checkpoints, in and out: names and arrays to models and back."""

from zoo.interop.hugging_face import (
    Checkpoint,
    read_hugging_face,
    write_hugging_face,
)

__all__ = ["Checkpoint", "read_hugging_face", "write_hugging_face"]
