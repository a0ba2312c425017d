"""Speed of encoding: ours, our SavedModel, sentence-transformers, ONNX, KerasNLP.

    python -m benchmarks.encode --data ../shared/data/sst2 ../shared/data/imdb
    python -m benchmarks.encode --data ... --peers-python /path/to/peers/bin/python

A checkpoint of MiniLM's shape with random weights, read by all, turns texts as they
are into vectors of length 1: strings in, all texts of a set in one call. The rate is of
real tokens, so padding costs, and every repetition's vectors are compared. Writes
`encode.csv`, `encode.md` and `encode.png`.
"""

import tempfile
from pathlib import Path

from benchmarks.command_line import RESULTS, measured, num_rounds, parser, typed
from benchmarks.driver import Configuration
from benchmarks.report import write_report
from benchmarks.sizes import ENCODERS, encoder_token_flops
from benchmarks.workers.encoding import save_texts

OURS = ["zoo", "zoo SavedModel"]
MODEL = {"size": "minilm_l6", "vocabulary_size": 30_522, "max_length": 256}
NUM_TEXTS = {"sst2": 1800, "imdb": 128}  # some seconds of work
OTHER_NUM_TEXTS = 500
NUM_PADDED_TEXTS = 256  # where each costs as much as the longest
TEXTS_OF_VOCABULARY = 5000  # of each set
SPLIT_OTHERWISE = 0.1  # share of the texts; KerasNLP keeps rare control characters
NUM_SPECIAL_TOKENS = 2  # [CLS] and [SEP] of a text
TOLERANCE = 1e-4  # of vectors of length 1; that of KerasNLP's other GELU is a third


def main(data, peers_python=None, rounds=5, quick=False, results=RESULTS, model=None):
    """Measures and writes the report; returns the rows of each set of texts."""
    rounds = num_rounds(rounds, quick)
    model = {**MODEL, **(model or {})}
    settings = {}
    with tempfile.TemporaryDirectory() as folder:
        embedder = write_models(folder, data, model)
        for path in data:
            lengths = write_texts(folder, embedder, texts_of(path, quick))
            rows = configurations(folder, lengths, model, peers_python)
            name = f"{Path(path).name}, {len(lengths)} texts, {sum(lengths)} tokens"
            settings[name] = measured(name, rows, rounds, OURS)
    names = " ".join(Path(path).name for path in data)
    command = typed(f"encode --data {names}", rounds, quick, peers_python)
    title = f"Encoding, {model['size']}, real tokens a second"
    write_report(settings, results, "encode", title, command)
    return settings


def texts_of(path, quick=False):
    """Texts for testing, spread evenly over all."""
    from zoo.data import read

    examples = read(path, "test").as_numpy_iterator()
    texts = [example["text"].decode("utf-8") for example in examples]
    count = NUM_TEXTS.get(Path(path).name, OTHER_NUM_TEXTS)
    count = min(len(texts), count // 4 if quick else count)
    return [texts[i * len(texts) // count] for i in range(count)]


def write_models(folder, data, model):
    """Writes a checkpoint and a SavedModel; returns the embedder.

    The vocabulary is learned from the sets' texts for training.
    """
    import keras

    import zoo
    from zoo.data import read
    from zoo.text import learn_tokenizer

    keras.utils.set_random_seed(0)
    texts = [
        example["text"].decode("utf-8")
        for path in data
        for example in read(path, "train").take(TEXTS_OF_VOCABULARY).as_numpy_iterator()
    ]
    tokenizer = learn_tokenizer(texts, model["vocabulary_size"], kind="word_piece")
    embedder = zoo.TextEmbedder.from_preset(
        model["size"], tokenizer, max_length=model["max_length"], activation="gelu"
    )
    embedder.to_hugging_face(Path(folder) / "checkpoint")
    embedder.export(Path(folder) / "saved_model")
    return embedder


def write_texts(folder, embedder, texts):
    """Writes texts with what our embedder makes of them; returns their lengths."""
    lengths = embedder.tokenizer(texts).row_lengths().numpy() + NUM_SPECIAL_TOKENS
    lengths = lengths.clip(max=embedder.max_length)
    save_texts(Path(folder) / "texts.npz", texts, lengths, embedder.embed(texts))
    return lengths.tolist()


def configurations(folder, lengths, model, peers_python):
    """The rows of the report, in its order."""
    from zoo.tasks.encoding import PLACES

    folder, size = Path(folder), ENCODERS[model["size"]]

    def row(name, module, every=1, python=None, **options):
        here = lengths[::every]
        flops = sum(length * encoder_token_flops(size, length) for length in here)
        return Configuration(
            name,
            f"benchmarks.workers.{module}",
            {
                "model": str(folder / "checkpoint"),
                "texts": str(folder / "texts.npz"),
                "tolerance": TOLERANCE,
                "every": every,
                **options,
            },
            useful_flops_per_token=flops / sum(here),
            texts_per_token=len(here) / sum(here),
            **({} if python is None else {"python": python}),
        )

    peer = {"python": peers_python or ""}
    saved_model = {"saved_model": str(folder / "saved_model" / "1")}
    max_length = {"max_length": model["max_length"]}
    padded = {
        "size": model["size"],
        "every": -(-len(lengths) // NUM_PADDED_TEXTS),
        "may_differ": SPLIT_OTHERWISE,
    }
    return [
        row("zoo", "zoo_encode"),
        row("zoo SavedModel", "saved_model_encode", **saved_model),
        row("sentence-transformers", "sentence_transformers_encode", **peer),
        row("ONNX Runtime", "onnx_encode", places=PLACES, **max_length, **peer),
        row("KerasNLP, all padded", "keras_nlp_encode", **max_length, **padded),
    ]


if __name__ == "__main__":
    options = parser(__doc__, quick="at most 3 rounds, a quarter of the texts")
    options.add_argument("--data", nargs="+", required=True, help="folders or files")
    main(**vars(options.parse_args()))
