import keras
import numpy as np
import pytest

from zoo.schedules import InverseSquareRoot, warmup_cosine


def test_rises_linearly_then_falls_with_the_root():
    schedule = InverseSquareRoot(1e-3, warmup_steps=100)
    rates = [float(schedule(step)) for step in (50, 100, 400)]
    np.testing.assert_allclose(rates, [5e-4, 1e-3, 5e-4], rtol=1e-6)


def test_equals_the_formula_of_the_paper():
    hidden_dim, warmup_steps = 512, 4000
    schedule = InverseSquareRoot((hidden_dim * warmup_steps) ** -0.5, warmup_steps)
    for step in (1, 10, 3999, 4000, 4001, 100_000):
        paper = hidden_dim**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
        np.testing.assert_allclose(float(schedule(step)), paper, rtol=1e-5)


def test_the_first_update_is_not_wasted():
    assert float(InverseSquareRoot(1e-3, warmup_steps=10)(0)) > 0


def test_an_optimizer_with_it_survives_its_config():
    optimizer = keras.optimizers.Adam(InverseSquareRoot(1e-3, 10))
    clone = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert clone.get_config() == optimizer.get_config()


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="positive peak_learning_rate.*got 0 and 10"):
        InverseSquareRoot(0, 10)


def test_a_cosine_rises_and_then_falls_to_nothing():
    schedule = warmup_cosine(2e-3, warmup_steps=10, num_steps=30)
    rates = [float(schedule(step)) for step in (0, 5, 10, 20, 30)]
    np.testing.assert_allclose(rates, [0.0, 1e-3, 2e-3, 1e-3, 0.0], atol=1e-9)


def test_a_run_shorter_than_its_warmup_has_a_rate():
    rate = float(warmup_cosine(1.0, warmup_steps=10, num_steps=4)(4))
    assert rate == pytest.approx(0.4)
