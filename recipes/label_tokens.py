"""Train a labeller of words, measure it, export it.

    python -m recipes.label_tokens --data train.conll
    python -m recipes.label_tokens --data FOLDER --tokens FORM --labels UPOS

Reads CoNLL files: names of persons and places (`B-`, `I-`, `O`), parts of speech, ...
--preset is a named size, which begins at random, or a folder whose encoder goes on: one
that a task on texts was saved to, or a published checkpoint's. A run that was
interrupted goes on when the same command is given again.

Measured on two cores of an AMD EPYC server, seed 1, MINILM being the folder of
all-MiniLM-L6-v2, on the test set:

    --data ../shared/data/wnut17 --preset MINILM --epochs 8 --batch-tokens 1024
    --learning-rate 1e-4 --dtype mixed_bfloat16

        F1 of entities 0.423 (precision 0.521, recall 0.356) after 9.7 minutes, for
        half of them beside other programs

    --data ../shared/data/ud_english_ewt --tokens FORM --labels UPOS --preset MINILM
    --epochs 2 --batch-tokens 2048 --learning-rate 2e-4 --dtype mixed_bfloat16

        accuracy of tags 0.964 after 4.5 minutes
"""

import math
from pathlib import Path
from typing import Literal

import keras

import zoo
from recipes.command_line import check_lora, run, use_devices
from recipes.label_names import label_names

OTHER_DATA = (
    "Pass a CoNLL file, a word and its label a line, or JSON lines with lists of both, "
    "and name the columns with --tokens and --labels. Texts with one label each are "
    "for recipes.classify_text."
)
WORDS_AROUND = 12  # one of which the labeller was most wrong
RANDOM = {"learning_rate": 1e-3, "epochs": 15}
TRAINED = {"learning_rate": 5e-5, "epochs": 5}


def main(
    *,
    data: str,
    tokens: str | None = None,
    labels: str | None = None,
    preset: str = "bert_tiny",
    vocabulary_size: int = 8000,
    max_length: int = 128,
    epochs: int | None = None,
    batch_tokens: int = 2048,
    learning_rate: float | None = None,
    warmup_share: float = 0.1,
    weight_decay: float = 0.01,
    dropout: float = 0.1,
    patience: int = 10,
    dtype: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32",
    lora_rank: int | None = None,
    remat: bool = False,
    distribute: Literal["auto", "none"] = "auto",
    seed: int = 1,
    run_dir: str | None = None,
    export_dir: str | None = None,
    save_minutes: float = 10.0,
    skip_bad_steps: bool = False,
    resume: bool = True,
):
    """Learns to label the words of sentences.

    Args:
        data: File or folder of labelled words, or tfds:NAME.
        tokens: Column of the words, where the file has several.
        labels: Column of the labels.
        preset: A size (`zoo presets` lists them), or a folder with trained weights.
        vocabulary_size: Word pieces to learn for a size.
        max_length: The most tokens of a row.
        epochs: Passes over the sentences (15 from random weights, 5 from trained ones).
        batch_tokens: Places of a batch.
        learning_rate: The peak (0.001 from random weights, 0.00005 from trained ones).
        warmup_share: Share of the updates until the peak; then it falls to 0.
        weight_decay: Of AdamW.
        dropout: On embeddings and sublayers.
        patience: Epochs to go on without a better validation score.
        dtype: Of the products in training. "mixed_bfloat16" is faster on processors
            that multiply it; what is saved and exported is float32 all the same.
        lora_rank: Train a change of such a rank to each matrix of the encoder, and
            leave all else in it as it is. For encoders that are trained already.
        remat: Keep less for the gradient and compute it twice, where memory is short.
        distribute: Train on all devices of the machine or of the cluster, or on one.
        seed: The same seed gives the same weights on a CPU.
        run_dir: Checkpoints, curves, reports (runs/NAME).
        export_dir: The SavedModel's versions (saved_models/NAME).
        save_minutes: How often to save inside an epoch.
        skip_bad_steps: Go on without a batch that makes the loss infinite or NaN.
        resume: Go on with the run in run_dir; otherwise move it aside.
    """
    settings = dict(locals())
    defaults = TRAINED if Path(preset).is_dir() else RANDOM
    settings |= {k: v for k, v in defaults.items() if settings[k] is None}
    name = Path(data).resolve().name.partition(".")[0]
    run_dir = run_dir or f"runs/{name}"
    export_dir = export_dir or f"saved_models/{name}"
    check_lora(lora_rank, preset)
    use_devices(distribute, preset)
    keras.utils.set_random_seed(seed)

    # Data
    train, validation, tests = zoo.data.read_splits(data, tokens=tokens, labels=labels)
    parts = {"training": train, "validation": validation, **tests}
    names = label_names(parts, ("tokens", "labels"), OTHER_DATA)

    # Model
    tokenizer = None
    if not Path(preset).is_dir():
        words = train.flat_map(lambda e: train.from_tensor_slices(e["tokens"]))
        tokenizer = zoo.text.learn_tokenizer(words, vocabulary_size, kind="word_piece")
    labeller = zoo.TokenClassifier.from_preset(
        preset,
        tokenizer=tokenizer,
        labels=names,
        max_length=max_length,
        dropout=dropout,
        attention_dropout=dropout,
        dtype=dtype,
    )
    if lora_rank is not None:
        zoo.tasks.enable_lora(labeller.model.encoder, lora_rank)

    def batches(first_epoch):
        return labeller.batches(
            train, batch_tokens=batch_tokens, seed=seed, first_epoch=first_epoch
        )

    num_steps = int(batches(0).cardinality()) * settings["epochs"]
    schedule = zoo.schedules.warmup_cosine(
        settings["learning_rate"], math.ceil(warmup_share * num_steps), num_steps
    )
    if remat:
        zoo.layers.rematerialize(labeller.model)
    labeller.model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=weight_decay, global_clipnorm=1.0
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        jit_compile=zoo.tasks.should_jit_compile(),
    )

    # Train
    is_of_spans = any(label.startswith(("B-", "I-")) for label in names)
    zoo.training.fit(
        labeller,
        batches,
        epochs=settings["epochs"],
        run_dir=run_dir,
        settings=settings,
        validation=validation,
        monitor="val_f1" if is_of_spans else "val_accuracy",
        patience=patience,
        save_minutes=save_minutes,
        skip_bad_steps=skip_bad_steps,
        resume=resume,
    )

    labeller = zoo.training.as_it_answers(labeller, run_dir)
    if labeller is None:  # another process goes on
        return None

    # Evaluate
    tests = {**tests, "validation": validation}
    scores = {name: labeller.evaluate(sentences) for name, sentences in tests.items()}
    for test, values in scores.items():
        print(test, *(f"{key} {value:.4f}" for key, value in values.items()))

    write_report(labeller, next(iter(tests.values())), run_dir)

    # Export
    labeller.save_to_preset(run_dir)
    version = labeller.export(export_dir)
    zoo.training.write_model_card(
        run_dir,
        labeller,
        scores,
        title=f"Labeller of words, {name}",
        preset=preset,
        data=data,
        preset_dir=run_dir,
        export_dir=version,
    )
    return scores


def write_report(labeller, examples, run_dir):
    """The tables and pictures of the answers to labelled words."""
    probability, labels, _ = labeller.probabilities(examples)
    sentences = [
        [word.decode("utf-8") for word in example["tokens"]]
        for example in examples.as_numpy_iterator()
    ]
    texts = [
        in_its_sentence(words, i) for words in sentences for i in range(len(words))
    ]
    zoo.training.write_classification_report(
        run_dir, labeller.labels, texts, labels, probability
    )
    seen = labeller.explain(" ".join(sentences[0]))
    zoo.training.draw_attention(
        Path(run_dir) / "attention.png",
        *(seen["pieces"], seen["pieces"], seen["attention"]),
        axes=("piece", "piece that looked at it, in the last layer"),
    )


def in_its_sentence(words, i):
    """A word in brackets, with some of the words before and after it.

    >>> in_its_sentence(["Anna", "lives", "in", "Rome"], 3)
    "Anna lives in [Rome]"
    """
    before, after = words[max(0, i - WORDS_AROUND) : i], words[i + 1 :]
    return " ".join([*before, f"[{words[i]}]", *after[:WORDS_AROUND]])


if __name__ == "__main__":
    run(main)
