"""Trains a small translator on however many devices the environment says.

    python -m tests.training.distributed RUN_DIR [--devices N] [--kill-at STEP] ...

Writes losses.json, accuracy.json and weights.npz beside the run, by the process that
leads.
"""

import argparse
import json
import os
import signal

import keras
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("run_dir")
parser.add_argument("--devices", type=int, default=1)
parser.add_argument("--distribute", default="auto")
parser.add_argument("--parameters", type=int, default=0)
parser.add_argument("--clip", type=float)
parser.add_argument("--kill-at", type=int, default=-1)
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()
if keras.backend.backend() == "tensorflow" and args.devices > 1:
    cpu = tf.config.list_physical_devices("CPU")[0]
    virtual = [tf.config.LogicalDeviceConfiguration()] * args.devices
    tf.config.set_logical_device_configuration(cpu, virtual)

import zoo  # noqa: E402 (devices are made first)
from zoo.data.generated import date_pairs  # noqa: E402
from zoo.training import distribution  # noqa: E402

distribution.distribute(args.distribute, parameters=args.parameters)
keras.utils.set_random_seed(1)
pairs = date_pairs("train", size=240)
tokenizer = zoo.text.learn_tokenizer(pairs.map(lambda pair: pair["source"]), 400)
model = zoo.models.TranslationModel(
    400, num_layers=1, num_heads=2, hidden_dim=16, intermediate_dim=32, dropout=0.0
)
model.build()
translator = zoo.Translator(model, tokenizer, tokenizer)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=args.clip),
    loss=zoo.losses.SmoothedCrossentropy(),
    weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    jit_compile=zoo.tasks.should_jit_compile(),
)


class Losses(keras.callbacks.Callback):
    """The mean of the epoch until each step."""

    seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(logs["loss"]))
        if len(self.seen) == args.kill_at and distribution.process_index() == 1:
            os.kill(os.getpid(), signal.SIGKILL)


try:
    history = zoo.training.fit(
        translator,
        # 24 pairs a batch, so that halves are halves.
        lambda epoch: translator.batches(
            pairs, batch_tokens=24 * 64, num_buckets=1, first_epoch=epoch
        ),
        epochs=args.epochs,
        run_dir=args.run_dir,
        validation=date_pairs("validation", size=4),
        decoding={"num_beams": 1},
        average=None,
        callbacks=[Losses()],
        save_steps=3,
        verbose=0,
    )
except zoo.training.TrainingStoppedError as error:
    print(error, flush=True)
    os._exit(3)
weights = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
if distribution.process_index() == 0:
    np.savez(f"{args.run_dir}/weights.npz", *weights)
    with open(f"{args.run_dir}/losses.json", "w") as file:
        json.dump(Losses.seen, file)
    with open(f"{args.run_dir}/accuracy.json", "w") as file:
        json.dump(history["accuracy"], file)
replicas = distribution.num_replicas()
alone = zoo.training.as_it_answers(translator, args.run_dir)
if replicas > 1 and alone is not None:
    assert distribution.num_replicas() == 1
    for weight, value in zip(alone.model.weights, weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
    print("answers", len(alone.generate(["12 May 2011", "3 June 1999"])))
print(replicas, "replicas", len(Losses.seen), "steps")
