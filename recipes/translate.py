"""Train a translator, measure it, export it.

    python -m recipes.translate
    python -m recipes.translate --data ../shared/data/multi30k

Without --data it learns generated dates, times, numbers and prices. A run that was
interrupted goes on where it was when the same command is given again.
"""

import time
from pathlib import Path

import keras
import tyro

import zoo
from zoo.data.generated import date_pairs

# What trains well: on the generated corpus, and on tens of thousands of sentences.
GENERATED = {
    "vocabulary_size": 1_000,
    "epochs": 12,
    "learning_rate": 3e-3,
    "dropout": 0.0,
    "subword_sampling": 0.0,
    "average": 3,
}
SENTENCES = {
    "vocabulary_size": 10_000,
    "epochs": 55,
    "learning_rate": 3e-3,
    "dropout": 0.3,
    "subword_sampling": 0.0,
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
    subword_sampling: float | None = None,
    average: int | None = None,
    num_beams: int = 5,
    patience: int = 10,
    seed: int = 1,
    run_dir: str | None = None,
    export_dir: str | None = None,
    resume: bool = True,
):
    """Trains on a corpus of sentence pairs and writes the next version to export_dir.

    Args:
        data: A folder or file of pairs, or tfds:NAME. Generated dates without it.
        source: Language to translate from, as the files or columns name it.
        target: Language to translate to.
        preset: A name that `zoo presets` lists.
        vocabulary_size: Number of subwords of the joint vocabulary.
        epochs: Passes over the training pairs.
        batch_tokens: Source and target places of a batch.
        packed: Put several pairs in a row, without padding between.
        learning_rate: The peak; it falls with one over the root of the step.
        warmup_steps: Updates until the peak.
        label_smoothing: Share of the target probability spread over all tokens.
        dropout: On embeddings and on the output of every sublayer.
        subword_sampling: Probability to split a subword, in training only.
        average: How many best epochs the final weights are the mean of.
        num_beams: Width of the search in the final test and in the export.
        patience: Stop after that many epochs without a better validation BLEU.
        seed: The same seed gives the same weights on a CPU.
        run_dir: Folder of checkpoints, curves and samples.
        export_dir: Folder of the SavedModel's versions.
        resume: Go on with the run in run_dir.
    """
    name = f"{Path(data).name if data else 'dates'}-{source}-{target}"
    run_dir, export_dir = run_dir or f"runs/{name}", export_dir or f"saved_models/{name}"
    chosen = {
        "vocabulary_size": vocabulary_size,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "dropout": dropout,
        "subword_sampling": subword_sampling,
        "average": average,
    }
    chosen = {key: value for key, value in chosen.items() if value is not None}
    setting = {**(SENTENCES if data else GENERATED), **chosen}
    began = time.perf_counter()
    keras.utils.set_random_seed(seed)

    # Data
    def read(split):
        if data is None:
            return date_pairs(split)
        return zoo.data.read(data, split=split, source=source, target=target)

    train, validation = read("train"), read("validation")
    lines = train.flat_map(both_sides)
    tokenizer = zoo.text.learn_tokenizer(lines, setting["vocabulary_size"])

    # Model
    translator = zoo.Translator.from_preset(
        preset, tokenizer=tokenizer, dropout=setting["dropout"]
    )
    schedule = zoo.schedules.InverseSquareRoot(setting["learning_rate"], warmup_steps)
    translator.model.compile(
        optimizer=keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9),
        loss=zoo.losses.SmoothedCrossentropy(label_smoothing),
        jit_compile=False,
    )

    # Train
    def batches(first_epoch):
        return translator.batches(
            train,
            batch_tokens=batch_tokens,
            packed=packed,
            subword_sampling=setting["subword_sampling"],
            seed=seed,
            first_epoch=first_epoch,
        )

    zoo.training.fit(
        translator,
        batches,
        epochs=setting["epochs"],
        run_dir=run_dir,
        validation=validation.take(500),
        patience=patience,
        average=setting["average"],
        resume=resume,
        verbose=2,
    )

    # Evaluate
    scores = {}
    for split in test_splits(data):
        scores[split] = translator.evaluate(
            read(split), num_beams=num_beams, language=target
        )
        print(split, scores[split])

    # Export
    translator.save_to_preset(run_dir)
    path = translator.export(export_dir, num_beams=num_beams)
    print(f"{path} after {(time.perf_counter() - began) / 60:.1f} minutes")
    return scores


def both_sides(pair):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices([pair["source"], pair["target"]])


def test_splits(data):
    return ("test",)


if __name__ == "__main__":
    tyro.cli(main)
