"""Learn a text encoder from unlabelled text: a vocabulary, then masked words.

    python -m recipes.pretrain_text_encoder
    python -m recipes.pretrain_text_encoder --data FOLDER_OR_FILE ... --preset bert_mini

Without --data it reads Python's own reference text. Several corpora are read as one,
their labels left out. What it leaves in its run's folder is a preset for the other
recipes on texts: `python -m recipes.classify_text --preset runs/NAME`. A run that was
interrupted goes on when the same command is given again.

Measured on two cores of an AMD EPYC server, seed 1: --data ../shared/data/imdb
../shared/data/lm_text --preset bert_mini --norm-first --dropout 0 --batch-size 16
--learning-rate 7e-4 --epochs 2 --dtype mixed_bfloat16 predicts 25.1 % of the masked
tokens held out (perplexity 223) after 78 minutes beside other programs. From it a
classifier with the 6,920 sentences of SST-2 gets 80.4 % of the development set right,
from random weights 76.2 % (means of three seeds, by `python -m benchmarks.few_labels`).
With the norms behind the sublayers, --norm-first left out, it learns next to nothing in
its first 1,200 batches.
"""

import math
from pathlib import Path
from typing import Literal

import keras

import zoo
from recipes.command_line import run, use_devices
from zoo.data.python_reference import python_reference

# What trains well: on two megabytes of text, and on tens of them.
GENERATED = {"vocabulary_size": 4000, "epochs": 10}
TEXTS = {"vocabulary_size": 16_000, "epochs": 10}


def main(
    *,
    data: list[str] | None = None,
    text: str | None = None,
    document: str | None = None,
    preset: str = "bert_mini",
    norm_first: bool = False,
    vocabulary_size: int | None = None,
    row_length: int = 128,
    batch_size: int = 32,
    mask_rate: float = 0.15,
    whole_words: bool = False,
    epochs: int | None = None,
    learning_rate: float = 1e-3,
    warmup_share: float = 0.05,
    weight_decay: float = 0.01,
    dropout: float = 0.1,
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
    """Learns to fill in words that were hidden.

    Args:
        data: Files or folders of texts, or tfds:NAME. Without it, generated.
        text: Column of the text, where its name does not say so.
        document: Column that is the same in all lines of a document (doc, doc_id).
        preset: A size; `zoo presets` lists them.
        norm_first: Normalise before each sublayer, not behind it as BERT does. On tens
            of millions of words it learns sooner; `to_hugging_face` knows no such BERT.
        vocabulary_size: Word pieces to learn (16,000; without data 4,000).
        row_length: Tokens of a row, into which texts are packed.
        batch_size: Rows of a batch.
        mask_rate: Share of the tokens to predict.
        whole_words: Hide all pieces of a word or none.
        epochs: Passes over the texts (10), each with other words hidden.
        learning_rate: The peak; it falls to 0 like a cosine.
        warmup_share: Share of the updates until the peak.
        weight_decay: Of AdamW.
        dropout: On embeddings and sublayers.
        dtype: Of the products in training. "mixed_bfloat16" is faster on processors
            that multiply it; what is saved and exported is float32 all the same.
        remat: Keep less for the gradient and compute it twice, where memory is short.
        distribute: Train on all devices of the machine or of the cluster, or on one.
        seed: The same seed gives the same weights on a CPU.
        run_dir: Checkpoints, curves, the preset (runs/NAME).
        export_dir: The SavedModel's versions (saved_models/NAME).
        save_minutes: How often to save inside an epoch.
        skip_bad_steps: Go on without a batch that makes the loss infinite or NaN.
        resume: Go on with the run in run_dir; otherwise move it aside.
    """
    settings = dict(locals())
    defaults = TEXTS if data else GENERATED
    settings |= {k: v for k, v in defaults.items() if settings[k] is None}
    names = [Path(path).resolve().name.partition(".")[0] for path in data or ["python"]]
    name = "-".join(names)
    run_dir = run_dir or f"runs/{name}-encoder"
    export_dir = export_dir or f"saved_models/{name}-encoder"
    use_devices(distribute, preset)
    keras.utils.set_random_seed(seed)

    # Data
    if data:
        columns = {"text": text, "document": document}
        train, validation, tests = zoo.data.read_corpora(data, **columns)
    else:
        train, validation = python_reference("train"), python_reference("validation")
        tests = {"test": python_reference("test")}
    tokenizer = zoo.text.learn_tokenizer(
        train.map(lambda example: example["text"]),
        settings["vocabulary_size"],
        kind="word_piece",
    )

    # Model
    task = zoo.MaskedLM.from_preset(
        preset,
        tokenizer=tokenizer,
        norm_first=norm_first,
        dropout=dropout,
        attention_dropout=dropout,
        dtype=dtype,
    )
    rows = {
        "row_length": row_length,
        "batch_size": batch_size,
        "mask_rate": mask_rate,
        "whole_words": whole_words,
    }

    def batches(first_epoch):
        return task.batches(train, seed=seed, first_epoch=first_epoch, **rows)

    num_steps = int(batches(0).cardinality()) * settings["epochs"]
    schedule = zoo.schedules.warmup_cosine(
        learning_rate, math.ceil(warmup_share * num_steps), num_steps
    )
    if remat:
        zoo.layers.rematerialize(task.model)
    task.model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=weight_decay, beta_2=0.98, global_clipnorm=1.0
        ),
        loss=zoo.losses.SmoothedCrossentropy(label_smoothing=0.0),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="masked_accuracy")
        ],
        jit_compile=zoo.tasks.should_jit_compile(),
    )

    # Train
    zoo.training.fit(
        task,
        batches,
        epochs=settings["epochs"],
        run_dir=run_dir,
        settings=settings,
        validation=validation,
        decoding=rows,
        monitor="val_perplexity",
        save_minutes=save_minutes,
        skip_bad_steps=skip_bad_steps,
        resume=resume,
    )

    task = zoo.training.as_it_answers(task, run_dir)
    if task is None:  # another process goes on
        return None

    # Evaluate
    scores = {name: task.evaluate(texts, **rows) for name, texts in tests.items()}
    for test, values in scores.items():
        print(test, *(f"{key} {value:.4f}" for key, value in values.items()))

    # Export
    task.save_to_preset(run_dir)
    version = task.export(export_dir)
    zoo.training.write_model_card(
        run_dir,
        task,
        scores,
        title=f"Text encoder, {name}",
        preset=preset,
        data=", ".join(data or ["Python's reference text"]),
        preset_dir=run_dir,
        export_dir=version,
    )
    return scores


if __name__ == "__main__":
    run(main)
