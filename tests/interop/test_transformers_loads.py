"""transformers loads what is written, and gives the same outputs and ids.

It runs where a Python with torch and transformers is: this one, or the one that the
environment variable TRANSFORMERS_PYTHON names.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.interop.checkpoints import (
    ELECTRA_WARNING,
    NAMES,
    REFERENCES,
    checkpoint,
    reference_inputs,
)
from zoo.interop import write_hugging_face

PYTHON = os.environ.get("TRANSFORMERS_PYTHON", sys.executable)
SCRIPT = Path(__file__).parent / "transformers_outputs.py"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(ELECTRA_WARNING)]


@pytest.fixture(scope="module", autouse=True)
def transformers():
    command = [PYTHON, "-c", "import torch, transformers"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no torch and transformers")


@pytest.mark.parametrize("name", NAMES)
def test_transformers_gives_the_outputs_of_the_original(name, tmp_path):
    write_hugging_face(tmp_path, *checkpoint(name)[:4])
    inputs, expected = reference_inputs(name)
    pairs = name in ("bert_pretraining", "bert_classifier", "roberta_classifier")
    texts = REFERENCES / ("pairs.json" if pairs else "texts.json")
    command = [PYTHON, SCRIPT, tmp_path, texts, tmp_path / "outputs.npz"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    given = dict(np.load(tmp_path / "outputs.npz"))
    for key, array in inputs.items():
        np.testing.assert_array_equal(given.pop(key), array)
    if name == "electra_discriminator":  # its head is not imported
        del expected["logits"]
    assert set(given) == set(expected)
    for key, array in expected.items():
        np.testing.assert_allclose(given[key], array, atol=1e-5, err_msg=key)
