"""Serves a folder of models from several processes, by Ray Serve."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from pathlib import Path

import ray
from ray import serve as ray_serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from zoo.serving import log
from zoo.serving.access import read_token, with_token
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.grpc_service import grpc_server
from zoo.serving.metrics import Metrics
from zoo.serving.models import Models
from zoo.serving.ports import address, check_are_free
from zoo.serving.rest import rest_app

_NAME = "zoo"  # of the application in the cluster
_POLL_S = 2.0  # between two looks at the folder
_HEALTH_S = 2.0  # between two looks at a replica
# The application says itself what is too much, with the statuses of its API.
_MOST_ONGOING = 2**20
# The application's own answer to who waits too long comes first.
_GRACE_S = 5.0


def serve(
    folder,
    *,
    replicas=1,
    host="127.0.0.1",
    port=8501,
    grpc_port=8500,
    limits=None,
    bounds=None,
    labels=None,
    token_file=None,
):
    """Answers as `zoo.serving.server` does; SIGTERM or Ctrl-C ends it in peace.

    Starts Ray on this machine, or joins the cluster whose address is in the
    environment's `RAY_ADDRESS`. Ray gives each request by HTTP to a replica. By gRPC a
    connection is one replica's: the replicas of a machine listen on one port, and the
    system chooses. (Ray's own gRPC listens on every network, whatever the host, and
    tells a model nothing of the client's deadline.) Ray's HTTP server bounds neither
    how many connections there are nor how late the head of a request may be; what is
    asked is bounded as everywhere.

    Args:
        folder: path, see `zoo.serving.models.Models`; the same on every machine.
        replicas: int. Processes, each of which holds all models, its limits and its
            bounds. One that dies is replaced. Each has a GPU where as many are free.
        host: str. Of every machine that has a replica, as `zoo.serving.server` has it.
        port, grpc_port: int. Of HTTP and of gRPC.
        limits, bounds, labels, token_file: as `zoo.serving.server.serve` takes them.
    """
    if replicas < 1:
        raise ValueError(f"replicas must be 1 or more, got {replicas}.")
    folder = Path(folder).resolve()
    limits, bounds = Limits(**(limits or {})), Bounds(**(bounds or {}))
    token = None if token_file is None else read_token(token_file)
    # Say here, not in a replica, what is wrong.
    Models(folder, limits, labels)
    check_are_free(host, HTTP=port, gRPC=grpc_port)

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ctrl-C, or SIGTERM, wherever it is by then.
    with (
        contextlib.suppress(KeyboardInterrupt),
        _cluster(host, port, bounds.seconds + _GRACE_S),
    ):
        deployment = ray_serve.deployment(
            ray_serve.ingress(
                lambda: _app(
                    Models(folder, limits, labels),
                    *(bounds, address(host, grpc_port), token),
                )
            )(),
            name="models",
            num_replicas=replicas,
            ray_actor_options=_resources(replicas),
            max_ongoing_requests=_MOST_ONGOING,
            health_check_period_s=_HEALTH_S,
            graceful_shutdown_timeout_s=bounds.seconds,
        )
        ray_serve.run(deployment.bind(), name=_NAME, logging_config=_quiet())
        print(f"Serving {folder} on http://{address(host, port)}/v1/models", flush=True)
        threading.Event().wait()


@contextlib.contextmanager
def _cluster(host, port, seconds):
    """Ray Serve, started; at the end what was asked for is finished and all is stopped.

    Raises:
        ValueError: the cluster has one already, which may be somebody's.
    """
    # "local": one of its own, although another may run on this machine.
    address = os.environ.get("RAY_ADDRESS", "local")
    ray.init(address, include_dashboard=False, logging_level=logging.WARNING)
    # In place of Ray's own, which writes a trace and aborts.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if ray_serve.status().proxies:
            raise ValueError(
                f"Ray Serve runs already on the cluster at {address}, and a cluster "
                "has one. End what it serves, or what was left of it: serve shutdown"
            )
        options = HTTPOptions(host=host, port=port, request_timeout_s=seconds)
        ray_serve.start(http_options=options, logging_config=_quiet())
        try:
            yield
        finally:
            if _NAME in ray_serve.status().applications:
                ray_serve.delete(_NAME)  # once its replicas have answered
            ray_serve.shutdown()
    finally:
        ray.shutdown()


def _quiet():
    """Ray's log without a line for each request."""
    return LoggingConfig(log_level="WARNING", enable_access_log=False)


def _resources(replicas):
    """What Ray reserves for a replica.

    No CPUs: TensorFlow shares them by itself, and a reserved one that is missing
    would keep a replica waiting for ever.
    """
    has_gpus = ray.available_resources().get("GPU", 0) >= replicas
    return {"num_cpus": 0, "num_gpus": int(has_gpus)}


def _app(models, bounds, grpc_address, token):
    """The application of one replica, which Ray asks once its models are loaded."""
    log.set_up()
    models.metrics = Metrics(ray_serve.get_replica_context().replica_tag)

    @contextlib.asynccontextmanager
    async def alive(app):
        threading.Thread(target=models.begin, args=(_POLL_S,), daemon=True).start()
        while not models.is_ready:
            await asyncio.sleep(0.1)
        server = grpc_server(models, bounds, grpc_address, token, shares=True)
        await server.start()
        yield
        await server.stop(bounds.seconds)
        models.stop(time.monotonic() + bounds.seconds)

    app = rest_app(models, bounds, alive)
    return app if token is None else with_token(app, token)
