"""The `zoo` command."""

import argparse
import importlib
import os
import re
import sys

import zoo

_SERVE_EPILOG = (
    'Asked as in: curl -d \'{"instances": ["Good morning."]}\' '
    "http://127.0.0.1:8501/v1/models/NAME:predict"
)


_AT_LEAST_ONE = ("batch_rows", "batches", "rows", "replicas")
_SERVE_BOUNDS = (
    ("--batch-rows", int, "rows of waiting requests that go together (16)"),
    ("--batches", int, "that run at the same time (2)"),
    ("--batch-delay-ms", float, "how long the first of them waits for more (0)"),
    ("--waiting-rows", int, "rows that may wait; more are refused with 503 (1,024)"),
    ("--timeout", float, "seconds until a request's answer, or 504 (60)"),
    ("--request-rows", int, "of a request, or 400 (1,024)"),
    ("--request-mib", float, "of a request's body, or 413 (64)"),
    ("--streams", int, "texts that are streamed at the same time (8)"),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    # TensorFlow tells what it was compiled for; its errors still show.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # It takes oneDNN's products by itself on processors with AVX-512 alone.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
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

    serve = commands.add_parser(
        "serve", help="answer TensorFlow Serving's REST and gRPC", epilog=_SERVE_EPILOG
    )
    serve.add_argument("folder", metavar="FOLDER", help="holds NAME/VERSION, exported")
    serve.add_argument(
        "--host", default="127.0.0.1", help="0.0.0.0 answers other machines too"
    )
    serve.add_argument("--port", type=int, default=8501, help="of HTTP")
    serve.add_argument("--grpc-port", type=int, metavar="PORT", help="(8500)")
    serve.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME/LABEL=VERSION",
        help="keeps a version and calls it so, as in translate/stable=3",
    )
    for flag, kind, words in _SERVE_BOUNDS:
        serve.add_argument(flag, type=kind, metavar="N", help=words)
    serve.add_argument(
        "--token-file",
        metavar="FILE",
        help="whoever asks must send its content as a bearer token",
    )
    serve.add_argument(
        "--engine",
        choices=["ray"],
        help="several processes by Ray Serve; on the cluster at RAY_ADDRESS where the "
        "environment has it, else on this machine",
    )
    serve.add_argument(
        "--replicas",
        type=int,
        metavar="N",
        help="processes of --engine ray, each with all models and the bounds above (1)",
    )
    serve.set_defaults(run=_serve)
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


def _serve(options: argparse.Namespace) -> None:
    # A model is compiled for each number of rows and length when it first comes, and
    # requests wait: a fifth less at this level, with answers as fast.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
    if options.engine == "ray":
        module, extra = "zoo.serving.ray_server", "ray"
    else:
        module, extra = "zoo.serving.server", "serve"
        if options.replicas is not None:
            raise ValueError(
                f"--replicas {options.replicas} needs --engine ray; without it one "
                "process serves."
            )
    try:
        server = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Serving needs {error.name}, which is not installed. Run: "
            f"pip install 'zoo[{extra}]'"
        ) from error
    limits = {
        "batch_rows": options.batch_rows,
        "batches": options.batches,
        "delay_s": options.batch_delay_ms and options.batch_delay_ms / 1000,
        "waiting_rows": options.waiting_rows,
    }
    bounds = {
        "seconds": options.timeout,
        "rows": options.request_rows,
        "body_bytes": options.request_mib and int(options.request_mib * 2**20),
        "streams": options.streams,
    }
    ports = {"port": options.port, "grpc_port": options.grpc_port}
    server.serve(
        options.folder,
        host=options.host,
        limits=_given(limits),
        bounds=_given(bounds),
        labels=dict(map(_label, options.label)),
        token_file=options.token_file,
        **_given(ports | {"replicas": options.replicas}),
    )


def _given(values: dict) -> dict:
    """Those that were given; the others have defaults."""
    values = {name: value for name, value in values.items() if value is not None}
    for name, value in values.items():
        least = int(name in _AT_LEAST_ONE)
        most = 65_535 if name.endswith("port") else sys.maxsize
        if not least <= value <= most:
            raise ValueError(
                f"{name} must be a number from {least} to {most:,}, got {value}."
            )
    return values


def _label(text: str) -> tuple[tuple[str, str], int]:
    match = re.fullmatch(r"([^/=]+)/([^/=:]+)=(\d+)", text)
    if not match:
        raise ValueError(f"--label {text!r} is not of the form NAME/LABEL=VERSION.")
    return (match[1], match[2]), int(match[3])


if __name__ == "__main__":
    sys.exit(main())
