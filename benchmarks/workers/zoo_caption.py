"""Worker: `zoo.ImageCaptioner.generate`, PNG files to strings, in process."""

from benchmarks.worker import serve
from benchmarks.workers.forced_captioner import (
    forced_captioner,
    png_files,
    random_images,
)
from benchmarks.workers.keras_fit import facts


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    sizes = (options["size"], options["vocabulary_size"], options["num_tokens"])
    captioner = forced_captioner(*sizes)
    files = png_files(random_images(options["batch"], *captioner.model.image_size))

    def repeat():
        captions = captioner.generate(files, num_beams=options["beams"])
        check_lengths(captions, options["num_tokens"])
        return len(captions)

    return repeat, facts(captioner.model)


def check_lengths(captions, num_tokens):
    lengths = {len(caption.split()) for caption in captions}
    if lengths != {num_tokens}:
        raise ValueError(f"captions of {sorted(lengths)} words, not all {num_tokens}")


if __name__ == "__main__":
    serve(build)
