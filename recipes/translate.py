"""Train a translator, measure it, export it.

    python -m recipes.translate
    python -m recipes.translate --data ../shared/data/multi30k --preset translator_tiny

Without --data it learns generated dates, times, numbers and prices. A run that was
interrupted goes on when the same command is given again.
"""

from pathlib import Path

import keras
import tensorflow as tf
import tyro

import zoo
from zoo.data.generated import date_pairs

# What trains well: on the generated corpus, and on tens of thousands of sentences.
GENERATED = {
    "vocabulary_size": 1_000,
    "epochs": 12,
    "learning_rate": 3e-3,
    "dropout": 0.0,
    "average": 3,
}
SENTENCES = {
    "vocabulary_size": 10_000,
    "epochs": 55,
    "learning_rate": 3e-3,
    "dropout": None,  # the preset's
    "average": 10,
}


def main(
    *,
    data: str | None = None,
    source: str = "en",
    target: str = "de",
    preset: str = "translator_tiny",
    vocabulary_size: int | None = None,
    epochs: int | None = None,
    batch_tokens: int = 4096,
    packed: bool = False,
    learning_rate: float | None = None,
    warmup_steps: int = 1000,
    label_smoothing: float = 0.1,
    dropout: float | None = None,
    subword_sampling: float = 0.0,
    average: int | None = None,
    patience: int = 10,
    num_beams: int = 5,
    seed: int = 1,
    run_dir: str | None = None,
    export_dir: str | None = None,
    resume: bool = True,
):
    """Learns to translate from pairs of sentences.

    Args:
        data: Folder or file of pairs, or tfds:NAME. Without it, generated dates.
        source: Language to translate from, as the files or columns name it.
        target: Language to translate to.
        preset: A size; `zoo presets` lists them.
        vocabulary_size: Subwords of the joint vocabulary (10,000; dates 1,000).
        epochs: Passes over the training pairs (55; dates 12).
        batch_tokens: Places of a batch, source and target.
        packed: Put several pairs in a row.
        learning_rate: The peak (0.003); it falls with the root of the step.
        warmup_steps: Updates until the peak.
        label_smoothing: Share of the target spread over all tokens.
        dropout: On embeddings and sublayers (the preset's; dates 0).
        subword_sampling: Probability to split a subword, in training only.
        average: Best epochs whose mean the final weights are (10; dates 3).
        patience: Epochs to go on without a better validation BLEU.
        num_beams: Width of the search in the test and in the export.
        seed: The same seed gives the same weights on a CPU.
        run_dir: Checkpoints, curves, samples (runs/NAME).
        export_dir: The SavedModel's versions (saved_models/NAME).
        resume: Go on with the run in run_dir; otherwise move it aside.
    """
    settings = dict(locals())
    defaults = SENTENCES if data else GENERATED
    settings |= {k: v for k, v in defaults.items() if settings[k] is None}
    name = f"{Path(data).name if data else 'dates'}-{source}-{target}"
    run_dir, export_dir = (
        run_dir or f"runs/{name}",
        export_dir or f"saved_models/{name}",
    )
    keras.utils.set_random_seed(seed)

    # Data
    if data:
        train, validation, tests = zoo.data.read_splits(data, source, target)
    else:
        train, validation = date_pairs("train"), date_pairs("validation")
        tests = {"test": date_pairs("test")}
    tokenizer = zoo.text.learn_tokenizer(
        train.flat_map(both_sides), settings["vocabulary_size"]
    )

    # Model
    overrides = {} if settings["dropout"] is None else {"dropout": settings["dropout"]}
    translator = zoo.Translator.from_preset(preset, tokenizer=tokenizer, **overrides)
    schedule = zoo.schedules.InverseSquareRoot(settings["learning_rate"], warmup_steps)
    translator.model.compile(
        optimizer=keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9),
        loss=zoo.losses.SmoothedCrossentropy(label_smoothing),
        jit_compile=zoo.tasks.should_jit_compile(),
    )

    # Train
    zoo.training.fit(
        translator,
        lambda first_epoch: translator.batches(
            train,
            batch_tokens=batch_tokens,
            packed=packed,
            subword_sampling=subword_sampling,
            seed=seed,
            first_epoch=first_epoch,
        ),
        epochs=settings["epochs"],
        run_dir=run_dir,
        settings=settings,
        validation=validation.take(500),
        decoding={"num_beams": 1},
        patience=patience,
        average=settings["average"],
        resume=resume,
    )

    # Evaluate
    scores = {}
    for test, pairs in tests.items():
        scores[test] = translator.evaluate(pairs, num_beams=num_beams, language=target)
        print(test, *(f"{key} {value}" for key, value in scores[test].items()))

    # Export
    translator.save_to_preset(run_dir)
    version = translator.export(export_dir, num_beams=num_beams)
    first = next(iter(validation.as_numpy_iterator()))["source"].decode()
    zoo.training.draw_attention(
        Path(run_dir) / "attention.png", **translator.explain(first)
    )
    zoo.training.write_model_card(
        run_dir,
        translator,
        scores,
        title=f"Translator, {source} to {target}",
        preset=preset,
        data=data or "generated dates, times, numbers and prices",
        preset_dir=run_dir,
        export_dir=version,
    )
    return scores


def both_sides(pair):
    """Source and target as two lines, for a vocabulary of both languages."""
    return tf.data.Dataset.from_tensor_slices([pair["source"], pair["target"]])


if __name__ == "__main__":
    tyro.cli(main)
