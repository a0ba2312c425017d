"""Worker: the exported captioner, PNG files to strings."""

import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the tokenizers' ops)

from benchmarks.worker import serve
from benchmarks.workers.forced_captioner import png_files, random_images
from benchmarks.workers.zoo_caption import check_lengths
from zoo import presets


def build(options):
    """Options: `saved_model` (a folder with a version), and those of `zoo_caption`."""
    model = tf.saved_model.load(options["saved_model"])
    size = presets.captioning_model(options["size"], options["vocabulary_size"])
    files = png_files(random_images(options["batch"], *size.image_size))

    def repeat():
        answers = model.signatures["serving_default"](image_bytes=tf.constant(files))
        captions = [caption.decode() for caption in answers["caption"].numpy()]
        check_lengths(captions, options["num_tokens"])
        return len(captions)

    return repeat, {"versions": f"tensorflow {tf.__version__}"}


if __name__ == "__main__":
    serve(build)
