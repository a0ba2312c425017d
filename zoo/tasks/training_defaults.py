"""How a model is compiled where nothing else is said."""

import keras

from zoo.losses import SmoothedCrossentropy
from zoo.schedules import InverseSquareRoot
from zoo.tasks.compiling import should_jit_compile


def compile_translation_model(model):
    """Compiles with what trains well from scratch (Vaswani et al. 2017, section 5)."""
    warmup_steps = 4000
    peak = (model.hidden_dim * warmup_steps) ** -0.5
    model.compile(
        optimizer=keras.optimizers.Adam(
            InverseSquareRoot(peak, warmup_steps), beta_2=0.98, epsilon=1e-9
        ),
        loss=SmoothedCrossentropy(),
        jit_compile=should_jit_compile(),
    )
