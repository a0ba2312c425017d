"""The same weights give the same answers and train alike on every backend."""

import numpy as np
import pytest

from tests.on_backend import run_on


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """backend -> the arrays that `backend_probe` writes there."""
    folder = tmp_path_factory.mktemp("backends")
    rng = np.random.default_rng(0)
    source = rng.integers(1, 11, size=(3, 7)).astype("int32")
    source[1, 4:] = source[2, :] = 0  # some padding; a row of padding alone
    target = rng.integers(1, 11, size=(3, 5)).astype("int32")
    segments = np.where(source == 0, 0, 1 + (np.arange(7) > 2)).astype("int32")
    np.savez(folder / "in.npz", source=source, target=target, segments=segments)

    def run(backend):
        path = folder / f"{backend}.npz"
        run_on(backend, "-m", "tests.layers.backend_probe", folder / "in.npz", path)
        return dict(np.load(path))

    return run


@pytest.fixture(scope="module")
def expected(probe):
    return probe("tensorflow")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backend_equals_tensorflow(probe, backend, request):
    results = probe(backend)
    expected = request.getfixturevalue("expected")  # not where that was skipped
    assert not results.pop("imported_tensorflow")
    # Random numbers differ from backend to backend, their share does not.
    assert results.pop("dropped") == pytest.approx(0.25, abs=0.02)
    assert results.keys() == expected.keys() - {"imported_tensorflow", "dropped"}
    for name, values in results.items():
        np.testing.assert_allclose(
            values, expected[name], atol=1e-5, rtol=1e-5, err_msg=name
        )


def test_ways_agree_on_tensorflow(expected):
    """Else the comparison above could be of equally wrong answers."""
    for name in ("modern", "alibi"):
        call = expected[f"{name}/call"]
        assert call.std() > 0.1
        np.testing.assert_allclose(expected[f"{name}/steps"], call, atol=1e-5)
        np.testing.assert_allclose(expected[f"{name}/rowwise_steps"], call, atol=1e-5)


@pytest.mark.slow
def test_mask_contract_holds_on_torch():
    """On JAX it is among the tests of `make test-jax`."""
    options = ("-q", "-p", "no:cacheprovider", "-k", "not bfloat16")
    output = run_on("torch", "-m", "pytest", *options, "tests/test_mask_contract.py")
    assert " passed" in output
