"""What the server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Requests, how long they took, and how many rows went through a model together.

    Args:
        replica: str. A label of all that is counted, where several servers answer at
            one address and each counts its own.
    """

    def __init__(self, replica=None):
        self._registry = CollectorRegistry()
        options = {"registry": self._registry}
        self._own = () if replica is None else (replica,)
        own = ["replica"] if self._own else []
        self._requests = Counter(
            *("zoo_requests", "Requests by answer"),
            ["model", "action", "status", *own],
            **options,
        )
        self._seconds = Histogram(
            *("zoo_request_seconds", "Time until the answer"),
            ["model", "action", *own],
            buckets=_SECONDS,
            **options,
        )
        self._rows = Histogram(
            *("zoo_batch_rows", "Rows of a batch", ["model", "signature", *own]),
            buckets=_ROWS,
            **options,
        )

    def answered(self, model, action, status, seconds):
        """Counts a request. `model` is a name that exists, or "": names are many."""
        self._requests.labels(model, action, str(status), *self._own).inc()
        self._seconds.labels(model, action, *self._own).observe(seconds)

    def of_batches(self, model, signature):
        """A function that counts a batch of so many rows."""
        return self._rows.labels(model, signature, *self._own).observe

    def text(self):
        """bytes, as Prometheus reads them."""
        return generate_latest(self._registry)
