"""Worker: `zoo.TextEmbedder.embed`, strings to vectors, in process."""

import logging

import zoo
from benchmarks.worker import serve
from benchmarks.workers.encoding import encodings
from benchmarks.workers.keras_fit import facts


def build(options):
    """Options: `model`, a checkpoint's folder, and those of `encodings`."""
    logging.getLogger("zoo").setLevel(logging.ERROR)  # long texts are cut for all alike
    embedder = zoo.from_hugging_face(options["model"])
    return encodings(embedder.embed, options), facts(embedder.model)


if __name__ == "__main__":
    serve(build)
