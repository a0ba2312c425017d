"""Worker: Hugging Face's Speech2Text by `generate`, samples to ids."""

import torch

from benchmarks.worker import serve
from benchmarks.workers.speech2text import facts, features_of, sounds, speech2text


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `seconds`, `beams`."""
    model = speech2text(options).eval()
    heard = sounds(options)
    num_tokens = options["num_tokens"]

    def repeat():
        with torch.inference_mode():
            answers = model.generate(
                **features_of(heard),
                num_beams=options["beams"],
                do_sample=False,
                min_new_tokens=num_tokens,
                max_new_tokens=num_tokens,
            )
        if answers.shape[1] != num_tokens + 1:
            raise ValueError(f"answers of {answers.shape[1] - 1}, not {num_tokens}")
        return answers.shape[0] * options["seconds"]

    return repeat, facts(model)


if __name__ == "__main__":
    serve(build)
