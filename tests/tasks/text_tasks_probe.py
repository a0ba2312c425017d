"""What the tasks on texts say, printed: `python text_tasks_probe.py FOLDER`."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import zoo

TEXTS = ["a small dog", "the weather is fine", "", "dog " * 40]
EXAMPLES = {
    "TextClassifier": {"text": TEXTS[:2], "label": ["a", "b"]},
    "TextEmbedder": {"text": TEXTS[:3], "text_pair": TEXTS[2::-1]},
    "MaskedLM": {"text": TEXTS[:2]},
    "TokenClassifier": {
        "tokens": [["a", "dog"], ["the", "weather"]],
        "labels": [["O", "B-x"], ["O", "O"]],
    },
}


def answers(task):
    """What a task says, as numbers and strings."""
    if isinstance(task, zoo.TextClassifier):
        seen = task.explain(TEXTS[0])["attention"]
        return [task.probabilities(TEXTS).tolist(), seen.tolist()]
    if isinstance(task, zoo.TextEmbedder):
        return task.embed(TEXTS[:3]).tolist()
    if isinstance(task, zoo.TokenClassifier):
        return task.label(TEXTS)
    scores = task.evaluate(tf.data.Dataset.from_tensor_slices({"text": TEXTS}))
    return [task.fill(["a small [MASK]", "[MASK] is [MASK]"]), scores]


def loss_of_training(task):
    """The loss of one epoch; the weights are others after it."""
    examples = tf.data.Dataset.from_tensor_slices(EXAMPLES[type(task).__name__])
    options = {}
    if isinstance(task, zoo.TextEmbedder):  # a batch that is not full
        examples, options = examples.concatenate(examples.take(1)), {"batch_tokens": 64}
    batches = task.batches(examples, **options)
    history = task.model.fit(batches, shuffle=False, verbose=0).history
    return history["loss"][0]


def main(folder):
    for name in EXAMPLES:
        task = getattr(zoo, name).from_preset(Path(folder) / name)
        before, loss = answers(task), loss_of_training(task)
        results = {
            "backend": keras.backend.backend(),
            "task": name,
            "answers": before,
            "loss": float(loss),
            "finite": all(np.isfinite(w).all() for w in task.model.get_weights()),
        }
        print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
