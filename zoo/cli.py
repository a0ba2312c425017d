"""The `zoo` command."""

import argparse
import os
import sys

import zoo


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    # TensorFlow tells what it was compiled for; its errors still show.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.run(options)
    except (OSError, ValueError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zoo", description=zoo.__doc__.splitlines()[0]
    )
    parser.add_argument("--version", action="version", version=zoo.__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    presets = commands.add_parser("presets", help="list the named sizes")
    presets.set_defaults(run=_presets)

    predict = commands.add_parser("predict", help="ask an exported model")
    predict.add_argument(
        "path",
        metavar="SAVED_MODEL_DIR",
        help="what export wrote, such as saved_models/dates-en-de; highest version",
    )
    predict.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a text, or a file for a model of images or sound: one answer each",
    )
    predict.set_defaults(run=_predict)
    return parser


def _presets(options: argparse.Namespace) -> None:
    rows = [("name", "task", "parameters", "source")]
    for preset in zoo.list_presets().values():
        rows.append((preset.name, preset.task, f"{preset.parameters:,}", preset.source))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for name, task, parameters, source in rows:
        print(
            f"{name:<{widths[0]}}  {task:<{widths[1]}}  "
            f"{parameters:>{widths[2]}}  {source}"
        )


def _predict(options: argparse.Namespace) -> None:
    for answer in zoo.serving.saved_model.predict(options.path, options.inputs):
        print(answer)


if __name__ == "__main__":
    sys.exit(main())
