"""Training on a GPU or TPU by JAX: its speed, its share of the peak, and a score.

    python -m benchmarks.accelerator prepare --data ../shared/data/multi30k
    KERAS_BACKEND=jax python -m benchmarks.accelerator speed --peak-tflops 989
    KERAS_BACKEND=jax python -m benchmarks.accelerator learn --seed 1
    python -m benchmarks.accelerator score --data ../shared/data/multi30k

`prepare` writes batches of token ids where TensorFlow is; `speed` and `learn` read them
where it need not be, on the machine with the accelerator: copy the folder, and what
`learn` leaves in it back. `speed` trains translator_base and bert_base in bfloat16
with the fused attention kernel and without it; 989 is the peak of an H200 (dense
products in bfloat16, NVIDIA's data sheet). `learn` trains translator_tiny, and `score`
gives its BLEU as the translation recipe does. Tried on a CPU with --quick: no figure of
an accelerator was measured yet.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

from benchmarks.batches import load_batches, real_tokens, save_batches, sentence_lengths
from benchmarks.sizes import ENCODERS, SIZES, masked_batch_flops, training_flops

VOCABULARY_SIZES = {"translator_base": 10_000, "bert_base": 30_522}
BATCHES, REPETITIONS = 8, 5
PLACES = 64  # of a sentence, where rows are of one length for the compiler's sake
TRAIN, TEST = "train", "test_2016_flickr"
BEAMS, LENGTH_PENALTY = 5, 0.6


def prepare(folder, data, quick):
    """Writes what the other steps read; needs TensorFlow."""
    import tensorflow as tf

    from benchmarks.workers.masked_words import full_batches
    from zoo.data import read, translation_batches
    from zoo.text import learn_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    pairs = {split: read(data, split, "en", "de") for split in (TRAIN, TEST)}
    lines = (
        pairs[TRAIN]
        .map(lambda pair: tf.stack([pair["source"], pair["target"]]))
        .unbatch()
    )
    tokenizer = learn_tokenizer(lines, VOCABULARY_SIZES["translator_base"])
    (folder / "tokenizer.model").write_bytes(tokenizer.proto)
    for split, examples in pairs.items():
        examples = examples.take(200) if quick else examples
        sides = {
            side: tokenizer.tokenize([e[side] for e in examples.as_numpy_iterator()])
            for side in ("source", "target")
        }
        end = tokenizer.end_token_id
        rows = {side: _rows(ids.to_list(), end) for side, ids in sides.items()}
        np.savez_compressed(folder / f"{split}.npz", **rows)
    count = 1 if quick else BATCHES
    packed = translation_batches(
        pairs[TRAIN],
        *(tokenizer, tokenizer),
        packed=True,
        batch_tokens=1024 if quick else 32_768,
    )
    save_batches(folder / "translator_base.npz", _labelled(packed.take(count)))
    rows = (32, 2) if quick else (512, 64)
    words = full_batches(VOCABULARY_SIZES["bert_base"], *rows, count)
    save_batches(folder / "bert_base.npz", words)
    facts = {"start": tokenizer.start_token_id, "end": tokenizer.end_token_id}
    (folder / "tokens.json").write_text(json.dumps(facts))


def _labelled(batches):
    return [
        {**inputs, "labels": labels, "sample_weight": weights}
        for inputs, labels, weights in batches.as_numpy_iterator()
    ]


def _rows(sentences, end):
    """int32 `(n, PLACES)`: what is longer is cut."""
    rows = np.zeros((len(sentences), PLACES), np.int32)
    for row, ids in zip(rows, sentences, strict=True):
        ids = [*ids[: PLACES - 1], end]
        row[: len(ids)] = ids
    return rows


def speed(folder, peak_tflops, quick):
    """Prints tokens a second and the share of the peak that needed products take."""
    import keras

    import zoo
    from zoo import presets

    repetitions = 1 if quick else REPETITIONS
    for size, vocabulary_size in VOCABULARY_SIZES.items():
        batches = load_batches(folder / f"{size}.npz")
        flops = sum(_flops(size, vocabulary_size, batch) for batch in batches)
        tokens = sum(real_tokens(batch) for batch in batches)
        for is_fused in (True, False):
            enable = keras.config.enable_flash_attention
            (enable if is_fused else keras.config.disable_flash_attention)()
            keras.utils.set_random_seed(0)
            options = {"dtype": "mixed_bfloat16"}
            if size in ENCODERS:  # dropout inside attention has no fused kernel
                encoder = presets.text_encoder(
                    size, vocabulary_size, attention_dropout=0.0, **options
                )
                model = zoo.models.MaskedLanguageModel(encoder, **options)
            else:
                model = presets.translation_model(size, vocabulary_size, **options)
            model.compile(
                keras.optimizers.AdamW(1e-4), zoo.losses.SmoothedCrossentropy()
            )
            _fit(model, batches, 2)  # compiles
            begin = time.perf_counter()
            _fit(model, batches, repetitions)
            seconds = (time.perf_counter() - begin) / repetitions
            print(
                f"{size:16} fused {'on ' if is_fused else 'off'} "
                f"{tokens / seconds:12,.0f} tokens/s"
                f" {100 * flops / seconds / (1e12 * peak_tflops):6.1f} % of the peak",
                flush=True,
            )


def _fit(model, batches, count):
    """Trains on the batches, over and over."""

    def epochs():
        for batch in batches * count:
            inputs = dict(batch)
            yield inputs, inputs.pop("labels"), inputs.pop("sample_weight")

    model.fit(epochs(), steps_per_epoch=len(batches) * count, shuffle=False, verbose=0)


def _flops(size, vocabulary_size, batch):
    """Operations of the products that a step needs."""
    if size in ENCODERS:
        return masked_batch_flops(ENCODERS[size], batch, vocabulary_size)
    return sum(
        training_flops(SIZES[size], int(source), int(target), vocabulary_size)
        for source, target in zip(*sentence_lengths(batch), strict=True)
    )


def learn(folder, seed, epochs, batch_size, learning_rate, dropout):
    """Trains translator_tiny; writes what it answers to the sources of the test."""
    import keras
    from keras import ops

    import zoo
    from zoo import presets

    keras.utils.set_random_seed(seed)
    special = json.loads((folder / "tokens.json").read_text())
    with np.load(folder / f"{TRAIN}.npz") as arrays:
        source, target = arrays["source"], arrays["target"]
    steps = len(source) // batch_size
    model = presets.translation_model(
        "translator_tiny", VOCABULARY_SIZES["translator_base"], dropout=dropout
    )
    schedule = zoo.schedules.InverseSquareRoot(
        learning_rate, max(1, min(2000, steps * epochs // 10))
    )
    model.compile(
        keras.optimizers.Adam(schedule, beta_2=0.98, global_clipnorm=1.0),
        zoo.losses.SmoothedCrossentropy(),
    )
    generator = np.random.default_rng(seed)

    def batches():
        while True:
            order = generator.permutation(len(source))
            for at in range(0, steps * batch_size, batch_size):
                rows = order[at : at + batch_size]
                labels = target[rows]
                before = np.pad(labels[:, :-1], ((0, 0), (1, 0)))
                before[:, 0] = special["start"]
                before = np.where(labels != 0, before, 0)
                weight = (labels != 0).astype("float32")
                inputs = {"source_ids": source[rows], "target_ids": before}
                yield inputs, labels, weight / weight.mean()

    model.fit(batches(), steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=2)

    def answer(source_ids):
        memory, memory_mask = model.encode(source_ids)
        crosses = model.project_memory(memory)

        def step(token_ids, index, cache, visible):
            return model.step(
                token_ids,
                *(index, cache, crosses),
                memory_mask=memory_mask,
                self_attention_mask=visible,
            )

        ids, _ = zoo.decoding.beam_search(
            step,
            model.start_cache(len(source_ids), PLACES * BEAMS),
            ops.full((len(source_ids),), special["start"], dtype="int32"),
            num_beams=BEAMS,
            num_results=1,
            max_length=PLACES,
            end_id=special["end"],
            length_penalty=LENGTH_PENALTY,
            share_cache=True,
        )
        return ids[:, 0]

    with np.load(folder / f"{TEST}.npz") as arrays:
        tests = arrays["source"]
    padded = np.pad(tests, ((0, -len(tests) % batch_size), (0, 0)))
    parts = np.split(padded, len(padded) // batch_size)
    found = np.concatenate([np.asarray(answer(part)) for part in parts])
    np.save(folder / f"answers-{seed}.npy", found[: len(tests)])


def score(folder, data):
    """Prints BLEU of each seed's answers, lower-cased and tokenized, and cased."""
    import zoo
    from zoo.data import read
    from zoo.tasks.translation_scores import translation_scores

    tokenizer = zoo.text.SentencePieceTokenizer(
        (folder / "tokenizer.model").read_bytes()
    )
    pairs = list(read(data, TEST, "en", "de").as_numpy_iterator())
    scores = []
    for path in sorted(folder.glob("answers-*.npy")):
        answers = tokenizer.detokenize(np.load(path)).numpy()
        answers = [text.decode() for text in answers]
        references = [pair["target"].decode() for pair in pairs[: len(answers)]]
        found = translation_scores(answers, references, language="de")
        scores.append(found)
        print(path.stem, *(f"{name} {value}" for name, value in found.items()))
    return scores


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("step", choices=["prepare", "speed", "learn", "score"])
    options.add_argument("--folder", type=Path, default=Path("accelerator"))
    options.add_argument("--data", help="folder of Multi30k")
    options.add_argument("--quick", action="store_true", help="little of everything")
    options.add_argument("--peak-tflops", type=float, default=math.nan)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--epochs", type=int, default=100)
    options.add_argument("--batch-size", type=int, default=128)
    options.add_argument("--learning-rate", type=float, default=2e-3)
    options.add_argument("--dropout", type=float, default=0.3)
    given = options.parse_args()
    if given.step == "prepare":
        prepare(given.folder, given.data, given.quick)
    elif given.step == "speed":
        speed(given.folder, given.peak_tflops, given.quick)
    elif given.step == "learn":
        learn(
            given.folder,
            *(given.seed, given.epochs, given.batch_size),
            *(given.learning_rate, given.dropout),
        )
    else:
        score(given.folder, given.data)
