"""Worker: `zoo.Translator.generate`, strings to strings, in process."""

import keras
import tensorflow as tf

from benchmarks.worker import serve
from benchmarks.workers.forced_translator import forced_translator, source_texts


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    vocabulary_size, num_tokens = options["vocabulary_size"], options["num_tokens"]
    translator = forced_translator(options["size"], vocabulary_size, num_tokens)
    texts = source_texts(vocabulary_size, options["batch"], num_tokens)

    def repeat():
        answers = translator.generate(texts, num_beams=options["beams"])
        return sum(len(answer.split()) for answer in answers)

    facts = {
        "parameters": translator.model.count_params(),
        "versions": f"tensorflow {tf.__version__}, keras {keras.__version__}",
    }
    return repeat, facts


if __name__ == "__main__":
    serve(build)
