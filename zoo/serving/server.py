"""Serves a folder of models until it is told to stop."""

import asyncio
import contextlib
import logging
import math
import threading
import time

import uvicorn

from zoo.serving import log
from zoo.serving.access import read_token, with_token
from zoo.serving.batching import Limits
from zoo.serving.bounds import Bounds
from zoo.serving.connection import BoundedConnection
from zoo.serving.grpc_service import grpc_server
from zoo.serving.models import Models
from zoo.serving.ports import address, check_are_free
from zoo.serving.rest import rest_app

_POLL_S = 2.0  # between two looks at the folder
# Of a connection: more than load balancers keep one that they mean to use again.
_IDLE_S = 75
_GRACE_S = 5  # for who is answered and does not read
_logger = logging.getLogger(__name__)


def serve(
    folder,
    *,
    host="127.0.0.1",
    port=8501,
    grpc_port=8500,
    limits=None,
    bounds=None,
    labels=None,
    token_file=None,
):
    """Answers for the models of a folder; SIGTERM or Ctrl-C ends it in peace.

    Args:
        folder: path, see `zoo.serving.models.Models`.
        host: `"127.0.0.1"` answers this machine alone, `"0.0.0.0"` all.
        port, grpc_port: int. Of HTTP and of gRPC.
        limits, bounds: dicts of what is to differ from the defaults of
            `zoo.serving.batching.Limits` and `zoo.serving.bounds.Bounds`.
        labels: dict of `(model, label): version`.
        token_file: path of what requests must send, see `zoo.serving.access`.
    """
    log.set_up()
    bounds = Bounds(**(bounds or {}))
    models = Models(folder, Limits(**(limits or {})), labels)
    token = None if token_file is None else read_token(token_file)
    check_are_free(host, HTTP=port, gRPC=grpc_port)
    app = rest_app(models, bounds)
    if token is not None:
        app = with_token(app, token)
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        host=host,
        port=port,
        log_config=None,  # ours
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=math.ceil(bounds.seconds) + _GRACE_S,
    )
    print(f"Serving {folder} on http://{address(host, port)}/v1/models", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C, once all is finished
        _Server(config, models, bounds, address(host, grpc_port), token).run()


class _Server(uvicorn.Server):
    """Uvicorn's, with gRPC and the models beside it."""

    def __init__(self, config, models, bounds, grpc_address, token):
        super().__init__(config)
        self.models = models
        self.bounds = bounds
        self.grpc_options = (models, bounds, grpc_address, token)

    # Uvicorn calls these; nothing else says when it begins to end.
    async def startup(self, sockets=None):
        # Beside the server, which says meanwhile that it is not ready.
        threading.Thread(target=self.models.begin, args=(_POLL_S,), daemon=True).start()
        self.grpc_server = grpc_server(*self.grpc_options)
        await self.grpc_server.start()
        await super().startup(sockets)

    async def shutdown(self, sockets=None):
        """Both take nothing more, and finish what is in flight."""
        seconds = self.bounds.seconds
        latest = time.monotonic() + seconds
        grpc_ends = asyncio.create_task(self.grpc_server.stop(seconds))
        await super().shutdown(sockets)
        while not (grpc_ends.done() or self.force_exit):
            await asyncio.sleep(0.1)
        # Nobody waits for what runs still; it may end before it would be late. In a
        # thread, for a second Ctrl-C is to be heard.
        ended = []
        stops = threading.Thread(
            target=lambda: ended.append(self.models.stop(latest)), daemon=True
        )
        if not self.force_exit:
            stops.start()
        while stops.is_alive() and not self.force_exit:
            await asyncio.sleep(0.1)
        if ended == [False]:
            _logger.warning("Stopped while a batch ran, which took over %g s.", seconds)
