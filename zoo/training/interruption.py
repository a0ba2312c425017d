"""Ctrl-C and SIGTERM, which shall find a run whole."""

import contextlib
import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible(checkpoints):
    """Within it, Ctrl-C and SIGTERM raise KeyboardInterrupt between two batches.

    In the middle of one `checkpoints` raises it once the batch is done; the second
    signal does not wait.

    Args:
        checkpoints: has `busy`, bool, and looks at `is_asked_to_stop`.

    Yields:
        list of the signals that came.
    """
    received = []

    def stop(number, frame):
        received.append(number)
        if not checkpoints.busy or len(received) > 1:
            raise KeyboardInterrupt
        checkpoints.is_asked_to_stop = True

    # Elsewhere than in the main thread Python lets nobody listen.
    listens = threading.current_thread() is threading.main_thread()
    before = {each: signal.signal(each, stop) for each in SIGNALS if listens}
    try:
        yield received
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
