"""Train a text classifier, measure it, export it.

    python -m recipes.classify_text
    python -m recipes.classify_text --data reviews.tsv --preset bert_tiny

Without --data it learns which language a name is in. --preset is a named size, which
begins at random, or a folder whose encoder goes on: one that a task on texts was saved
to, or a published checkpoint's (BERT, DistilBERT, RoBERTa, ELECTRA). A run that was
interrupted goes on when the same command is given again.

Measured on two cores of an AMD EPYC server, seed 1, beside other programs unless it is
said, MINILM being the folder of all-MiniLM-L6-v2:

- the first command: accuracy 0.909 on held-out names in 26 languages, 2.1 minutes;
- --data ../shared/data/ag_news_10k --preset MINILM --epochs 3 --batch-tokens 2048
  --learning-rate 1e-4: accuracy 0.906 on the test set, 21.5 minutes;
- --data ../shared/data/sst2 --preset MINILM --epochs 4 --batch-tokens 2048
  --learning-rate 1e-4 --dtype mixed_bfloat16: accuracy 0.900 on the development set
  (by which the epoch was chosen), 0.907 on the test set, 28 minutes; with --epochs 3
  --batch-tokens 768 --learning-rate 5e-5 instead 0.898 and 0.902; in float32 0.903 and
  0.902 after the third epoch, with --average 3 0.899 and 0.906;
- --data ../shared/data/imdb --preset MINILM --epochs 1 --max-length 256
  --learning-rate 1e-4: accuracy 0.920 on the test set, 91 minutes of training in part
  beside other programs (a step takes 3.06 seconds alone, 1,298 of them 66 minutes);
  of the 10,839 reviews that are longer 0.910, and 0.863 where they are cut at 256
  tokens (python -m benchmarks.long_texts);
- --data ../shared/data/sst2 --dropout 0.2 (bert_tiny from random weights): accuracy
  0.806 on the development set (by which the epoch was chosen), 0.801 on the test set,
  5.4 minutes alone.
"""

import math
from pathlib import Path
from typing import Literal

import keras

import zoo
from recipes.command_line import check_lora, run, use_devices
from recipes.label_names import label_names
from zoo.data.language_names import language_names

# What trains well: on short names, and on sentences.
GENERATED = {
    # Room for the characters of many scripts.
    "vocabulary_size": 4000,
    # Accents, which lower-casing takes off too, tell languages apart.
    "lowercase": False,
    "epochs": 5,
    "batch_tokens": 1024,
}
SENTENCES = {
    "vocabulary_size": 8000,
    "lowercase": True,
    "epochs": 10,
    "batch_tokens": 4096,
}
OTHER_DATA = (
    "Name the columns of a table, --text and --label, or pass a folder with a folder "
    "of texts a class. Texts that have lists of labels are for zoo.TextClassifier with "
    "multi_label=True, words with a label each for recipes.label_tokens."
)
RANDOM = {"learning_rate": 1e-3, "dropout": 0.1}
TRAINED = {"learning_rate": 5e-5, "dropout": 0.1}


def main(
    *,
    data: str | None = None,
    train_split: str = "train",
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    preset: str = "bert_tiny",
    vocabulary_size: int | None = None,
    lowercase: bool | None = None,
    max_length: int = 128,
    epochs: int | None = None,
    batch_tokens: int | None = None,
    learning_rate: float | None = None,
    warmup_share: float = 0.1,
    weight_decay: float = 0.01,
    dropout: float | None = None,
    long_texts: str = "cut",
    patience: int = 10,
    average: int = 1,
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
    """Learns to tell classes of texts apart.

    Args:
        data: File or folder of labelled texts, or tfds:NAME. Without it, generated.
        train_split: The split to train on.
        text: Column of the text, where its name does not say so.
        text_pair: Column of a second text.
        label: Column of the label.
        preset: A size (`zoo presets` lists them), or a folder with trained weights.
        vocabulary_size: Word pieces to learn for a size (8,000; names 4,000).
        lowercase: Take off capitals and accents (yes; names no).
        max_length: The most tokens of a row.
        epochs: Passes over the training texts (10; names 5).
        batch_tokens: Places of a batch (4,096; names 1,024).
        learning_rate: The peak (0.001 from random weights, 0.00005 from trained ones).
        warmup_share: Share of the updates until the peak; then it falls to 0.
        weight_decay: Of AdamW.
        dropout: On embeddings and sublayers (0.1).
        long_texts: "cut", or "chunks" to train on all of a text that is too long.
        patience: Epochs to go on without a better validation accuracy.
        average: Best epochs whose mean the final weights are.
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
    defaults = SENTENCES if data else GENERATED
    defaults = defaults | (TRAINED if Path(preset).is_dir() else RANDOM)
    settings |= {k: v for k, v in defaults.items() if settings[k] is None}
    name = Path(data).resolve().name.partition(".")[0] if data else "languages"
    run_dir = run_dir or f"runs/{name}"
    export_dir = export_dir or f"saved_models/{name}"
    check_lora(lora_rank, preset)
    use_devices(distribute, preset)
    keras.utils.set_random_seed(seed)

    # Data
    if data:
        named = {"text": text, "text_pair": text_pair, "label": label}
        train, validation, tests = zoo.data.read_splits(data, **named)
        if train_split != "train":
            train = zoo.data.read(data, train_split, **named)
    else:
        train, validation = language_names("train"), language_names("validation")
        tests = {"test": language_names("test")}
    parts = {"training": train, "validation": validation, **tests}
    pairs = any("text_pair" in part.element_spec for part in parts.values())
    columns = ["text", "text_pair"] if pairs else ["text"]
    classes = label_names(parts, (*columns, "label"), OTHER_DATA)

    # Model
    tokenizer = None
    if not Path(preset).is_dir():
        tokenizer = zoo.text.learn_tokenizer(
            train.flat_map(lambda e: train.from_tensor_slices([e[x] for x in columns])),
            settings["vocabulary_size"],
            kind="word_piece",
            lowercase=settings["lowercase"],
        )
    classifier = zoo.TextClassifier.from_preset(
        preset,
        tokenizer=tokenizer,
        classes=classes,
        pairs=pairs,
        max_length=max_length,
        dropout=settings["dropout"],
        attention_dropout=settings["dropout"],
        dtype=dtype,
    )
    if lora_rank is not None:
        zoo.tasks.enable_lora(classifier.model.encoder, lora_rank)

    def batches(first_epoch):
        return classifier.batches(
            train,
            batch_tokens=settings["batch_tokens"],
            long_texts=long_texts,
            seed=seed,
            first_epoch=first_epoch,
        )

    num_steps = int(batches(0).cardinality()) * settings["epochs"]
    schedule = zoo.schedules.warmup_cosine(
        settings["learning_rate"], math.ceil(warmup_share * num_steps), num_steps
    )
    if remat:
        zoo.layers.rematerialize(classifier.model)
    classifier.model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=weight_decay, global_clipnorm=1.0
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
        jit_compile=zoo.tasks.should_jit_compile(),
    )

    # Train
    zoo.training.fit(
        classifier,
        batches,
        epochs=settings["epochs"],
        run_dir=run_dir,
        settings=settings,
        validation=validation,
        monitor="val_accuracy",
        patience=patience,
        average=average,
        save_minutes=save_minutes,
        skip_bad_steps=skip_bad_steps,
        resume=resume,
    )

    classifier = zoo.training.as_it_answers(classifier, run_dir)
    if classifier is None:  # another process goes on
        return None

    # Evaluate
    answers, scores = {}, {}
    for part, examples in {**tests, "validation": validation}.items():
        texts, labels = classifier.texts_and_labels(examples)
        probability = classifier.probabilities(texts, batch_size=256)
        answers[part] = texts, labels, probability
        scores[part] = zoo.tasks.classification_scores(probability, labels)
        print(part, *(f"{key} {value:.4f}" for key, value in scores[part].items()))

    write_report(classifier, answers[next(iter(tests))], run_dir)

    # Export
    classifier.save_to_preset(run_dir)
    version = classifier.export(export_dir)
    zoo.training.write_model_card(
        run_dir,
        classifier,
        scores,
        title=f"Text classifier, {name}",
        preset=preset,
        data=data or "generated names in many languages",
        preset_dir=run_dir,
        export_dir=version,
    )
    return scores


def write_report(classifier, answers, run_dir):
    """The tables and pictures of the answers to labelled texts."""
    texts, labels, probability = answers
    zoo.training.write_classification_report(
        run_dir, classifier.classes, texts, labels, probability
    )
    answer = classifier.classes[probability[0].argmax()]
    seen = classifier.explain(texts[0])
    layers = [f"layer {i + 1}" for i in range(len(seen["attention"]))]
    zoo.training.draw_attention(
        Path(run_dir) / "attention.png",
        *(seen["pieces"], layers, seen["attention"]),
        axes=("piece", f"what led to {answer!r}"),
    )


if __name__ == "__main__":
    run(main)
