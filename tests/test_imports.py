"""Arrows point one way, names stay public, and `import zoo` is quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zoo

ROOT = Path(__file__).resolve().parent.parent
STANDARD_LIBRARY = sys.stdlib_module_names

ALLOWED = {  # place: what it may import beside the standard library
    "zoo/__init__.py": set(),
    "zoo/atomic_write.py": set(),
    "zoo/layers": {"keras", "numpy", "zoo.layers"},
    "zoo/models": {"keras", "numpy", "zoo.layers", "zoo.models"},
    "zoo/presets.py": {"zoo.models"},
    "zoo/decoding.py": {"keras", "numpy", "zoo.beams", "zoo.sampling"},
    "zoo/beams.py": {"keras", "numpy", "zoo.largest"},
    "zoo/sampling.py": {"keras", "numpy", "zoo.largest"},
    "zoo/largest.py": {"keras", "numpy"},
    "zoo/losses.py": {"keras", "numpy"},
    "zoo/ctc.py": {"keras"},
    "zoo/schedules.py": {"keras", "numpy"},
    "zoo/data": {
        *("keras", "tensorflow", "tensorflow_datasets", "numpy", "babel"),
        *("num2words", "PIL"),
        *("soundfile", "zoo.atomic_write", "zoo.data", "zoo.text"),
    },
    "zoo/text": {
        *("tensorflow", "tensorflow_text", "keras", "keras_nlp", "sentencepiece"),
        *("numpy", "zoo.text"),
    },
    "zoo/training": {
        *("keras", "tensorflow", "jax", "numpy", "h5py", "matplotlib"),
        *("zoo.atomic_write", "zoo.losses", "zoo.training"),
    },
    "zoo/interop": {
        *("keras", "numpy", "huggingface_hub", "zoo.layers", "zoo.models"),
        *("zoo.text", "zoo.interop"),
    },
    "zoo/export.py": {
        *("keras", "tensorflow", "tensorflow_serving", "numpy", "zoo.shared_nodes"),
    },
    "zoo/shared_nodes.py": {"tensorflow"},
    "zoo/tasks": {
        *("keras", "tensorflow", "jax", "torch", "numpy", "sacrebleu", "sacremoses"),
        *("jiwer", "pycocoevalcap", "zoo.ctc"),
        *("zoo.data", "zoo.decoding", "zoo.export", "zoo.interop", "zoo.losses"),
        *("zoo.models", "zoo.presets", "zoo.sampling", "zoo.schedules", "zoo.tasks"),
        "zoo.text",
    },
    "zoo/serving": {
        *("tensorflow", "tensorflow_text", "tensorflow_serving", "numpy", "google"),
        *("grpc", "prometheus_client", "starlette", "uvicorn", "zoo.serving"),
    },
    "zoo/serving/ray_server.py": {"ray", "zoo.serving"},
    "zoo/cli.py": {"zoo"},
    "recipes": {"zoo", "recipes", "keras", "tensorflow", "numpy", "tyro"},
    "recipes/serve_demo.py": {"tensorflow", "tensorflow_text"},
}
ELSEWHERE = {
    "recipes": {"recipes/serve_demo.py"},
    "zoo/serving": {"zoo/serving/ray_server.py"},
}  # places within with rules of their own
BACKEND_NEUTRAL = (
    *("zoo.layers", "zoo.models", "zoo.presets", "zoo.decoding", "zoo.sampling"),
    *("zoo.losses", "zoo.schedules", "zoo.ctc"),
)


def files(place):
    top = ROOT / place
    found = [top] if top.is_file() else sorted(top.rglob("*.py"))
    names = {str(path.relative_to(ROOT)): path for path in found}
    return {
        name: path
        for name, path in names.items()
        if name not in ELSEWHERE.get(place, ())
    }


def imports(node):
    """The dotted names that `node` imports; `from zoo import x` gives zoo.x."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        if isinstance(child, ast.ImportFrom):
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


def fits(name, allowed):
    top = name.partition(".")[0]
    if top in STANDARD_LIBRARY:
        return True
    return any(f"{name}.".startswith(f"{ok}.") for ok in allowed)


@pytest.mark.parametrize("place", ALLOWED)
def test_imports_point_one_way(place):
    for name, path in files(place).items():
        for imported in imports(ast.parse(path.read_text())):
            message = f"{name} may not import {imported}"
            assert fits(imported, ALLOWED[place]), message


def test_every_file_of_the_package_has_a_rule():
    ruled = {name for place in ALLOWED for name in files(place)}
    assert set(files("zoo")) == {name for name in ruled if name.startswith("zoo/")}


def test_a_wrong_direction_would_be_seen():
    tree = ast.parse("import keras\nfrom zoo import tasks\nimport tensorflow as tf")
    allowed = ALLOWED["zoo/layers"]
    wrong = [name for name in imports(tree) if not fits(name, allowed)]
    assert wrong == ["zoo.tasks", "tensorflow"]
    assert not fits("keras_nlp", {"keras"})


@pytest.mark.parametrize("place", ["zoo", "recipes"])
def test_no_import_hides_in_a_function(place):
    for name, path in files(place).items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                assert not list(imports(node)), f"{name}:{node.lineno} imports inside"


@pytest.mark.parametrize("place", ["zoo", "recipes"])
def test_only_public_names_are_imported(place):
    for name, path in files(place).items():
        for imported in imports(ast.parse(path.read_text())):
            message = f"{name} imports the private {imported}"
            parts = [part.strip("_") and part for part in imported.split(".")]
            assert not any(part.startswith("_") for part in parts), message
            assert not imported.startswith("keras.src"), message


def fresh_python(code):
    """What `code` prints in a process of its own."""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_zoo_is_quick_and_light():
    code = """
import sys, time
start = time.perf_counter()
import zoo
seconds = time.perf_counter() - start
heavy = {"tensorflow", "keras", "keras_nlp", "jax", "numpy"} & set(sys.modules)
assert "Translator" in dir(zoo) and not heavy, heavy
print(seconds)
"""
    seconds = min(float(fresh_python(code)) for _ in range(3))
    assert seconds < 0.2


def test_layers_to_schedules_import_without_tensorflow(monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    code = f"""
import importlib, sys
sys.modules["tensorflow"] = None  # as where it is not installed
for name in {BACKEND_NEUTRAL}:
    importlib.import_module(name)
import zoo
print(zoo.presets.translation_model("translator_tiny", 100).count_params() > 0)
"""
    assert fresh_python(code) == "True"


def test_every_public_name_can_be_had():
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known():
    with pytest.raises(AttributeError, match="no attribute 'Translater'.*Translator"):
        _ = zoo.Translater
