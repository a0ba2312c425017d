"""Train a translator, measure it, export it.

    python -m recipes.translate
    python -m recipes.translate --data ../shared/data/multi30k --preset translator_tiny

Without --data it learns generated dates, times, numbers and prices. A run that was
interrupted goes on when the same command is given again.

Measured on two cores of an AMD EPYC server, fp32, seed 1:

- the first: exact match 0.989 on 2,048 held-out items, 3.6 minutes in all with
  `make demo` once it is installed (5.5 on two hyperthreads of one slow core);
- the second, 72 minutes beside other programs, one look at the tests. BLEU lower-cased
  and tokenized, as papers give it for these sets; cased BLEU (sacreBLEU, 13a); chrF:

      test_2016_flickr    39.5   39.2   63.5
      test_2017_flickr    32.5   32.3   58.7
      test_2017_mscoco    27.9   27.8   54.3

- with --lowercase --optimizer muon --learning-rate 0.003 --subword-sampling 0.1
  --epochs 80 --dtype mixed_bfloat16, 100 minutes (75 seconds an epoch alone; it took
  159 beside other programs). BLEU lower-cased and tokenized, as Wu et al. 2021 report
  41.02 for this size; validation 42.9 at length penalty 1.5:

      test_2016_flickr    41.3
      test_2017_flickr    33.5
      test_2017_mscoco    29.9

- with --subword-sampling 0.1 --epochs 80 --dtype mixed_bfloat16, 157 minutes, mostly
  beside other programs (an epoch takes 72 seconds alone, 80 of them 96 minutes):

      test_2016_flickr    39.9   39.7   64.7
      test_2017_flickr    32.0   31.8   60.4
      test_2017_mscoco    27.6   27.5   55.2

- with --optimizer muon --learning-rate 0.003 --subword-sampling 0.1 --epochs 60, 90
  minutes (89 seconds an epoch alone); with --dropout 0.3 --epochs 55 38.8 on the first:

      test_2016_flickr    39.3   39.0   65.1
      test_2017_flickr    32.3   32.2   60.8
      test_2017_mscoco    27.9   27.8   55.8

- with --target fr --epochs 22, 45 minutes, other programs beside in the first half:

      test_2016_flickr    58.7   57.7   73.5
      test_2017_flickr    49.4   48.0   67.1
      test_2017_mscoco    42.1   41.1   62.1
"""

import functools
from pathlib import Path
from typing import Literal

import keras
import tensorflow as tf

import zoo
from recipes.command_line import run, use_devices
from zoo.data.generated import date_pairs

# What trains well: on the generated corpus, and on tens of thousands of sentences.
GENERATED = {
    "vocabulary_size": 900,
    "epochs": 2,
    "batch_tokens": 1024,
    "learning_rate": 1.5e-3,
    "warmup_steps": 200,
    "dropout": 0.0,
    "average": 1,
    "num_beams": 2,
    "length_penalty": 0.6,
}
SENTENCES = {
    "vocabulary_size": 10_000,
    "epochs": 50,
    "batch_tokens": 4096,
    "learning_rate": 2e-3,
    "warmup_steps": 600,
    # With the preset's 0.3 the decoder learns for ten epochs before it looks at the
    # source: worth it only where there are hours.
    "dropout": 0.2,
    "average": 10,
    "num_beams": 5,
}
# Of Wu et al. 2016, eq. 14; what is best differs from corpus to corpus.
LENGTH_PENALTIES = (0.6, 1.0, 1.5, 2.0)
MOST_COMPARED = 2000  # validation pairs, translated once for each of them
OPTIMIZERS = {
    # As in Vaswani et al. 2017, section 5.3.
    "adam": functools.partial(keras.optimizers.Adam, beta_2=0.98, epsilon=1e-9),
    "adamw": functools.partial(keras.optimizers.AdamW, beta_2=0.98, epsilon=1e-9),
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
}


def main(
    *,
    data: str | None = None,
    source: str = "en",
    target: str = "de",
    preset: str = "translator_tiny",
    vocabulary_size: int | None = None,
    lowercase: bool = False,
    epochs: int | None = None,
    batch_tokens: int | None = None,
    packed: bool = True,
    cache_dir: str | None = None,
    optimizer: Literal["adam", "adamw", "lion", "muon"] = "adam",
    learning_rate: float | None = None,
    warmup_steps: int | None = None,
    label_smoothing: float = 0.1,
    dropout: float | None = None,
    subword_sampling: float = 0.0,
    average: int | None = None,
    patience: int = 20,
    num_beams: int | None = None,
    length_penalty: float | None = None,
    dtype: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32",
    remat: bool = False,
    distribute: Literal["auto", "none"] = "auto",
    seed: int = 1,
    run_dir: str | None = None,
    export_dir: str | None = None,
    save_minutes: float = 10.0,
    skip_bad_steps: bool = False,
    resume: bool = True,
):
    """Learns to translate from pairs of sentences.

    Args:
        data: Folder or file of pairs, or tfds:NAME. Without it, generated dates.
        source: Language to translate from, as the files or columns name it.
        target: Language to translate to.
        preset: A size; `zoo presets` lists them.
        vocabulary_size: Subwords of the joint vocabulary (10,000; dates 900).
        lowercase: Read and write small letters only, as many papers do.
        epochs: Passes over the training pairs (50; dates 2). A finished run goes on
            if there are more, with the learning rate of the longer run.
        batch_tokens: Places of a batch, source and target (4,096; dates 1,024).
        packed: Put several pairs in a row. (Dates never: they fit few lengths.)
        cache_dir: Where to keep the tokens of a corpus too large for memory. Another
            corpus is noticed by its number of pairs and the first thousand: remove
            the folder where you edited the others.
        optimizer: Lion wants a learning rate some five times lower.
        learning_rate: The peak (0.002; dates 0.0015); it falls to 0 like a cosine.
        warmup_steps: Updates until the peak (600; dates 200).
        label_smoothing: Share of the target spread over all tokens.
        dropout: On embeddings and sublayers (0.2; dates 0).
        subword_sampling: Probability to split a subword, in training only.
        average: Best epochs whose mean the final weights are (10; dates 1).
        patience: Epochs to go on without a better validation BLEU.
        num_beams: Width of the search in the test and in the export (5; dates 2, in
            validation too).
        length_penalty: How much longer answers are favoured in the test and export
            (what gives the best validation BLEU; dates 0.6).
        dtype: Of the products in training. "mixed_bfloat16" is faster on processors
            that multiply it; what is saved and exported is float32 all the same.
        remat: Keep less for the gradient and compute it twice, where memory is short.
        distribute: Train on all devices of the machine or of the cluster, or on one.
        seed: The same seed gives the same weights on a CPU.
        run_dir: Checkpoints, curves, samples (runs/NAME).
        export_dir: The SavedModel's versions (saved_models/NAME).
        save_minutes: How often to save inside an epoch.
        skip_bad_steps: Go on without a batch that makes the loss infinite or NaN.
        resume: Go on with the run in run_dir; otherwise move it aside.
    """
    settings = dict(locals())
    defaults = SENTENCES if data else GENERATED
    settings |= {k: v for k, v in defaults.items() if settings[k] is None}
    name = f"{name_of(data)}-{source}-{target}"
    run_dir = run_dir or f"runs/{name}"
    export_dir = export_dir or f"saved_models/{name}"
    zoo.tasks.check_generation_options(
        num_beams=settings["num_beams"], length_penalty=settings["length_penalty"] or 0
    )
    use_devices(distribute, preset)
    keras.utils.set_random_seed(seed)

    # Data
    if data:
        train, validation, tests = zoo.data.read_splits(data, source, target)
    else:
        train, validation = date_pairs("train"), date_pairs("validation")
        tests = {"test": date_pairs("test")}
    tokenizer = zoo.text.learn_tokenizer(
        train.flat_map(both_sides), settings["vocabulary_size"], lowercase=lowercase
    )
    if lowercase:
        validation = validation.map(in_small_letters)

    # Model
    translator = zoo.Translator.from_preset(
        preset, tokenizer=tokenizer, dropout=settings["dropout"], dtype=dtype
    )

    def batches(first_epoch):
        return translator.batches(
            train,
            batch_tokens=settings["batch_tokens"],
            packed=packed and data is not None,
            subword_sampling=subword_sampling,
            cache_dir=cache_dir,
            seed=seed,
            first_epoch=first_epoch,
        )

    num_steps = int(batches(0).cardinality()) * settings["epochs"]
    schedule = zoo.schedules.warmup_cosine(
        settings["learning_rate"], settings["warmup_steps"], num_steps
    )
    if remat:
        zoo.layers.rematerialize(translator.model)
    translator.model.compile(
        optimizer=OPTIMIZERS[optimizer](schedule),
        loss=zoo.losses.SmoothedCrossentropy(label_smoothing),
        jit_compile=zoo.tasks.should_jit_compile(),
    )

    # Train
    zoo.training.fit(
        translator,
        batches,
        epochs=settings["epochs"],
        run_dir=run_dir,
        settings=settings,
        validation=validation.take(500),
        # Dates have the search of their test, so that one is compiled and not two.
        decoding={"num_beams": 1 if data else settings["num_beams"]},
        patience=patience,
        average=settings["average"],
        save_minutes=save_minutes,
        skip_bad_steps=skip_bad_steps,
        resume=resume,
    )

    translator = zoo.training.as_it_answers(translator, run_dir)
    if translator is None:  # another process goes on
        return None

    # Evaluate
    search = {"num_beams": settings["num_beams"]}
    search["length_penalty"] = settings["length_penalty"]
    if search["length_penalty"] is None:
        search["length_penalty"] = best_length_penalty(translator, validation, search)
    scores = {}
    for test, pairs in tests.items():
        scores[test] = translator.evaluate(pairs, language=target, **search)
        print(test, *(f"{key} {value}" for key, value in scores[test].items()))

    # Export
    translator.save_to_preset(run_dir)
    version = translator.export(export_dir, **search)
    first = next(iter(validation.as_numpy_iterator()))["source"].decode()
    explanation = translator.explain(first, **search)
    zoo.training.draw_attention(Path(run_dir) / "attention.png", **explanation)
    zoo.training.write_model_card(
        run_dir,
        translator,
        scores,
        title=f"Translator, {source} to {target}",
        preset=preset,
        data=data or "generated dates, times, numbers and prices",
        preset_dir=run_dir,
        export_dir=version,
        search=search,
    )
    return scores


def best_length_penalty(translator, validation, search):
    """Which one gives the best BLEU on pairs that are neither trained on nor tested."""
    bleu, validation = {}, validation.take(MOST_COMPARED)
    for penalty in LENGTH_PENALTIES:
        options = {**search, "length_penalty": penalty}
        bleu[penalty] = translator.evaluate(validation, **options)["bleu"]
    print("validation BLEU by length penalty", bleu)
    return max(bleu, key=bleu.get)


def name_of(data):
    """Of a corpus, for the folders: "multi30k", "wmt14_translate-de-en"."""
    if data is None:
        return "dates"
    if data.startswith("tfds:"):
        return data.removeprefix("tfds:").replace("/", "-")
    return Path(data).resolve().name


def both_sides(pair):
    """Source and target as two lines, for a vocabulary of both languages."""
    return tf.data.Dataset.from_tensor_slices([pair["source"], pair["target"]])


def in_small_letters(pair):
    return {side: tf.strings.lower(text, "utf-8") for side, text in pair.items()}


if __name__ == "__main__":
    run(main)
