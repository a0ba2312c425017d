"""TensorFlow Serving's REST API: <https://www.tensorflow.org/tfx/serving/api_rest>."""

import asyncio
import json
import re
import time

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from zoo.serving import json_tensors, streaming
from zoo.serving.api_description import description
from zoo.serving.asking import (
    UNFIT,
    ask,
    check_texts,
    in_words,
    off_the_loop,
    signature_of,
)
from zoo.serving.batching import DeadlineError, OverloadedError
from zoo.serving.bodies import RefusedError, Room, read_body
from zoo.serving.metrics import CONTENT_TYPE
from zoo.serving.models import NotFoundError
from zoo.serving.page import page
from zoo.serving.version import DEFAULT_SIGNATURE

# NAME, perhaps /versions/1 or /labels/stable, perhaps what to do.
_TARGET = re.compile(
    r"(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?P<action>:predict|:stream|/metadata)?"
)
_RETRY_AFTER_S = 1


def rest_app(models, bounds, lifespan=None):
    """An ASGI application that answers for the models.

    Args:
        models: `zoo.serving.models.Models`.
        bounds: `zoo.serving.bounds.Bounds`.
        lifespan: as Starlette takes it.
    """

    streams = asyncio.Semaphore(bounds.streams)
    room = Room(bounds.body_bytes)

    async def model(request):
        if request.method != "POST":
            return await _answered(_look, request, models, bounds)
        with room.place() as holds:
            if request.path_params["target"].endswith(":stream"):
                return await _answered(_stream, request, models, bounds, holds, streams)
            return await _answered(_ask, request, models, bounds, holds)

    async def names(request):
        return _json({"models": [_about(*each) for each in models.newest()]})

    async def home(request):
        return page()

    async def described(request):
        return _json(description())

    async def metrics(request):
        return Response(models.metrics.text(), media_type=CONTENT_TYPE)

    async def healthy(request):
        return _json({"status": "alive"})

    async def ready(request):
        return _json({"ready": models.is_ready}, 200 if models.is_ready else 503)

    app = Starlette(
        routes=[
            Route("/", home, methods=["GET"]),
            Route("/v1/models", names, methods=["GET"]),
            Route("/v1/models/{target:path}", model, methods=["GET", "POST"]),
            Route("/openapi.json", described, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route("/healthz", healthy, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _as_json, Exception: _as_json},
    )
    # It would lead to whatever host a request says that this is.
    app.router.redirect_slashes = False
    return app


async def _as_json(request, error):
    """What no route is there for, and what nobody thought of (which is logged)."""
    asked = f"{request.method} {request.scope['path']}"
    if isinstance(error, HTTPException) and error.status_code == 405:
        message = f"{asked} is not allowed, but {error.headers['Allow']}."
        return _json({"error": message}, 405, error.headers)
    if isinstance(error, HTTPException):
        message = f"{error.detail}: {asked}. GET /openapi.json says what there is."
        return _json({"error": message}, error.status_code, error.headers)
    return _json({"error": "The server failed; its log says more."}, 500)


async def _answered(answer, request, models, *more):
    """What `answer` gives, or in TensorFlow Serving's form why there is none."""
    begin, response = time.monotonic(), None
    try:
        response = await answer(request, models, *more)
    except Exception as error:
        response = _refusal(error)
        if response is None:
            raise
    finally:
        status = 500 if response is None else response.status_code
        _count(request, models, status, time.monotonic() - begin)
    return response


def _count(request, models, status, seconds):
    match = _TARGET.match(request.path_params["target"])
    name = match["name"] if match and match["name"] in models.names() else ""
    action = (match and match["action"] or "").lstrip(":/") or "status"
    models.metrics.answered(name, action, status, seconds)


def _refusal(error):
    """The answer that an error is; None for one that nobody thought of."""
    if isinstance(error, RefusedError):
        return _json({"error": str(error)}, error.status, error.headers)
    if isinstance(error, ClientDisconnect):  # nobody reads it, but it is counted
        return _json({"error": "The request ended before its body did."}, 400)
    if isinstance(error, NotFoundError):
        return _json({"error": str(error)}, 404)
    if isinstance(error, UNFIT):
        return _json({"error": in_words(error)}, 400)
    if isinstance(error, OverloadedError):
        headers = {"Retry-After": str(_RETRY_AFTER_S)}
        return _json({"error": str(error)}, 503, headers)
    if isinstance(error, DeadlineError):
        return _json({"error": str(error)}, 504)
    return None


async def _ask(request, models, bounds, holds):
    target = _target(request, ":predict")
    deadline = time.monotonic() + bounds.seconds
    body = await read_body(request, bounds, holds)
    content = await off_the_loop(len(body), json_tensors.parse, body)
    name = content.get("signature_name", "")
    _, outputs = await ask(
        models,
        target,
        DEFAULT_SIGNATURE if name == "" else name,
        len(body),
        lambda specs: json_tensors.tensors(content, specs),
        bounds.rows,
        deadline,
    )
    return await off_the_loop(
        sum(array.nbytes for array in outputs.values()),
        lambda: _json(json_tensors.response(outputs, "instances" in content)),
    )


async def _stream(request, models, bounds, holds, streams):
    target = _target(request, ":stream")
    deadline = time.monotonic() + bounds.seconds
    body = await read_body(request, bounds, holds)
    content = await off_the_loop(len(body), json_tensors.parse, body)
    version = models.get(*target)
    streaming.check_streams(version)
    specs = signature_of(version, "start").inputs
    inputs = await off_the_loop(len(body), json_tensors.tensors, content, specs)
    check_texts(inputs)
    if streams.locked():
        raise OverloadedError
    await streams.acquire()
    try:
        state = await run_in_threadpool(streaming.first_state, version, inputs)
        return streaming.stream(version, state, deadline, streams.release)
    except BaseException:
        streams.release()
        raise


async def _look(request, models, bounds):
    if request.path_params["target"].endswith("/metadata"):
        name, *which = _target(request, "/metadata")
        return _json(_metadata(name, models.get(name, *which)))
    known = models.statuses(*_target(request, None))
    return _json({"model_version_status": [_status(status) for status in known]})


def _target(request, action):
    """(name, version or None, label or None) of a path that ends in `action`."""
    match = _TARGET.fullmatch(request.path_params["target"])
    if not match or match["action"] != action:
        raise RefusedError(
            400,
            f"Malformed request: {request.method} {request.scope['path']}. Ask GET "
            "/v1/models/NAME[/versions/N|/labels/LABEL][/metadata] or POST "
            "/v1/models/NAME[/versions/N|/labels/LABEL]:(predict|stream).",
        )
    return match["name"], match["version"] and int(match["version"]), match["label"]


def _about(name, version):
    """What the page needs to know of a model."""
    signatures = {
        key: {"inputs": list(each.inputs), "outputs": list(each.outputs)}
        for key, each in version.signatures.items()
    }
    number = str(version.number)
    about = {"name": name, "version": number, "card": version.card}
    return {**about, "signatures": signatures}


def _metadata(name, version):
    spec = {"name": name, "signature_name": "", "version": str(version.number)}
    signatures = json_format.MessageToDict(
        version.signature_defs,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


def _status(status):
    code = "UNKNOWN" if status.error else "OK"
    return {
        "version": str(status.version),
        "state": status.state,
        "status": {"error_code": code, "error_message": status.error},
    }


def _json(content, status=200, headers=None):
    # NaN and Infinity are allowed here, see "JSON conformance" of the API.
    body = json.dumps(content, ensure_ascii=False).encode(errors="backslashreplace")
    return Response(body, status, headers, media_type="application/json")
