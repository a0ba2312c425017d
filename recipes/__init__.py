"""One task, one script; run them as `python -m recipes.NAME --help`."""

import os

# What TensorFlow reads when it starts.
ENGINE = {
    # It keeps the memory of one step for the next. Malloc gives it back, and a virtual
    # machine takes as long to find new pages as a small model to train: on one, a step
    # of recipes.translate took 202 ms in place of 386.
    "TF_CPU_ALLOCATOR_USE_BFC": "1",
    # oneDNN's products, which it takes by itself on processors with AVX-512 alone: with
    # AVX2, translator_tiny trained on 8,295 tokens a second in place of 6,412.
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
for _name, _value in ENGINE.items():
    os.environ.setdefault(_name, _value)
