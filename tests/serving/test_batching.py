"""Requests share a batch, and none notices the others."""

import threading
import time
import weakref

import numpy as np
import pytest

from zoo.serving import batching
from zoo.serving.batching import (
    Batcher,
    DeadlineError,
    Limits,
    OverloadedError,
    RetiredError,
)

NEVER = float("inf")
SOON = 5.0  # seconds until a test gives up


class Model:
    """Doubles numbers; counts the rows of its batches; waits when it is told to."""

    def __init__(self):
        self.rows = []
        self.may_run = threading.Event()
        self.may_run.set()
        self.runs = threading.Event()

    def __call__(self, inputs):
        self.runs.set()
        assert self.may_run.wait(SOON)
        x = inputs["x"]
        self.rows.append(len(x))
        if (x < 0).any():
            raise ValueError("a negative number")
        return {"doubled": 2 * x}


@pytest.fixture
def model():
    return Model()


def batcher(model, joins=True, **limits):
    limits = {"batch_rows": 4, "batches": 1, "waiting_rows": 6, **limits}
    return Batcher(model, Limits(**limits), joins)


def column(*values):
    return {"x": np.array(values)}


def held(model, own):
    """Lets the model begin with a request and wait."""
    model.may_run.clear()
    model.runs.clear()
    first = own.submit(column(0), NEVER)
    assert model.runs.wait(SOON)
    return first


def answers(futures):
    return [future.result(SOON)["doubled"].tolist() for future in futures]


def test_what_waits_goes_together(model):
    own = batcher(model)
    first = held(model, own)
    others = [own.submit(column(i), NEVER) for i in range(1, 6)]
    model.may_run.set()
    assert answers([first, *others]) == [[0], [2], [4], [6], [8], [10]]
    assert model.rows == [1, 4, 1]
    own.close()


@pytest.mark.parametrize(
    ("batch_rows", "sizes", "expected"),
    [
        (2, [5, 9, 1, 8, 2, 1, 30], [[5], [9, 8], [1, 1], [2, 30]]),
        (16, [1, 20, 60_000, 900, 30_000], [[1], [20, 900], [60_000, 30_000]]),
    ],
    ids=["the nearest first", "a short one waits for no long one"],
)
def test_what_is_as_long_as_the_oldest_goes_with_it(batch_rows, sizes, expected):
    batches, begun, may_run = [], threading.Event(), threading.Event()

    def model(inputs):
        begun.set()
        assert may_run.wait(SOON)
        batches.append([len(text) for text in inputs["text"]])
        return {"length": np.array(batches[-1])}

    own = Batcher(model, Limits(batch_rows=batch_rows, batches=1))
    texts = [np.array(["a" * size], object) for size in sizes]
    futures = [own.submit({"text": texts[0]}, NEVER)]
    assert begun.wait(SOON)
    futures += [own.submit({"text": text}, NEVER) for text in texts[1:]]
    may_run.set()
    assert [int(each.result(SOON)["length"][0]) for each in futures] == sizes
    assert batches == expected
    own.close()


def test_who_gave_up_takes_no_place(model):
    own = batcher(model, waiting_rows=2)
    first = held(model, own)
    gone, late = own.submit(column(1), NEVER), own.submit(column(2), 0.0)
    gone.cancel()
    kept = [own.submit(column(i), NEVER) for i in (3, 4)]
    with pytest.raises(DeadlineError):
        late.result(SOON)
    model.may_run.set()
    assert answers([first, *kept]) == [[0], [6], [8]]
    assert model.rows == [1, 2]
    own.close()


def test_what_was_given_up_is_let_go_at_once(model):
    own = batcher(model)
    first = held(model, own)
    inputs, kept = column(1, 2), own.submit(column(3), NEVER)
    sent = weakref.ref(inputs["x"])
    future = own.submit(inputs, NEVER)
    del inputs
    assert future.cancel() and sent() is None
    assert own._waiting_rows == 1
    model.may_run.set()
    assert answers([first, kept]) == [[0], [6]]
    assert own.close() and own._waiting_rows == 0


def test_where_no_thread_starts_nothing_stays_behind(model, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    own = batcher(model)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="can't"):
        patch.setattr(threading.Thread, "start", start)
        own.submit(column(1), NEVER)
    assert answers([own.submit(column(2), NEVER)]) == [[4]]
    assert own.close(time.monotonic() + SOON) and model.rows == [1]


def test_a_request_without_rows_goes_alone_and_counts(model):
    own = batcher(model, waiting_rows=2)
    first = held(model, own)
    others = [own.submit(column(), NEVER) for _ in range(2)]
    with pytest.raises(OverloadedError):
        own.submit(column(), NEVER)
    model.may_run.set()
    assert answers([first, *others]) == [[0], [], []]
    own.close()


def test_batches_run_beside_each_other():
    together = threading.Barrier(2)

    def model(inputs):
        together.wait(SOON)  # breaks if the other one does not come
        return inputs

    own = Batcher(model, Limits(batch_rows=1, batches=2))
    futures = [own.submit(column(i), NEVER) for i in range(4)]
    assert [future.result(SOON)["x"].tolist() for future in futures] == [
        [0],
        [1],
        [2],
        [3],
    ]
    own.close()


def test_a_first_request_waits_for_others(model):
    own = batcher(model, delay_s=SOON)
    begin = time.monotonic()
    futures = [own.submit(column(i, i), NEVER) for i in (1, 2)]
    assert answers(futures) == [[2, 2], [4, 4]]
    assert time.monotonic() - begin < SOON / 2  # full, so there is nothing to wait for
    assert model.rows == [4]
    own.close()


def test_only_rows_of_one_shape_and_type_go_together(model):
    own = batcher(model)
    first = held(model, own)
    wide = {"x": np.zeros((1, 3))}
    inputs = [column(1), wide, column(2), column(0.5)]
    futures = [own.submit(each, NEVER) for each in inputs]
    model.may_run.set()
    expected = [[0], [2], [[0.0, 0.0, 0.0]], [4], [1.0]]
    assert answers([first, *futures]) == expected
    assert model.rows == [1, 2, 1, 1]
    own.close()


def test_inputs_that_differ_in_rows_go_alone():
    own = Batcher(lambda inputs: {"size": np.array(inputs["x"].size)}, Limits())
    y = np.array(1.0)
    inputs = [{"x": np.zeros(2), "y": y}, {"x": np.zeros(3), "y": y}]
    futures = [own.submit(each, NEVER) for each in inputs]
    assert [int(future.result(SOON)["size"]) for future in futures] == [2, 3]
    own.close()


def test_where_rows_depend_on_each_other_each_request_goes_alone(model):
    own = batcher(model, joins=False)
    first = held(model, own)
    futures = [own.submit(column(i), NEVER) for i in (1, 2)]
    model.may_run.set()
    assert answers([first, *futures]) == [[0], [2], [4]]
    assert model.rows == [1, 1, 1]
    own.close()


def test_one_that_fails_spoils_no_other(model):
    own = batcher(model)
    first = held(model, own)
    futures = [own.submit(column(i), NEVER) for i in (1, -1, 3)]
    model.may_run.set()
    assert answers([first, futures[0], futures[2]]) == [[0], [2], [6]]
    with pytest.raises(ValueError, match="a negative number"):
        futures[1].result(SOON)
    own.close()


def test_who_is_late_or_gave_up_when_a_batch_fails_is_not_asked_again():
    asked, begun, may_run = [], threading.Event(), threading.Event()

    def model(inputs):
        begun.set()
        assert may_run.wait(SOON)
        asked.append(inputs["x"].tolist())
        if len(inputs["x"]) > 1:
            gone.cancel()
            while time.monotonic() <= deadline:
                time.sleep(0.01)
            raise ValueError("too many")
        return inputs

    own = batcher(model)
    first = own.submit(column(0), NEVER)
    assert begun.wait(SOON)
    deadline = time.monotonic() + 1.0
    late, gone = own.submit(column(1), deadline), own.submit(column(2), NEVER)
    kept = own.submit(column(3), NEVER)
    may_run.set()
    assert kept.result(SOON)["x"].tolist() == [3] and first.done()
    with pytest.raises(DeadlineError):
        late.result(SOON)
    own.close()
    assert asked == [[0], [1, 2, 3], [3]]


def test_one_who_gives_up_while_a_batch_runs_disturbs_nobody(model):
    own = batcher(model)
    first = held(model, own)
    assert first.cancel()
    second = own.submit(column(1), NEVER)
    model.may_run.set()
    assert answers([second]) == [[2]]
    own.close()


def test_outputs_of_other_lengths_are_not_shared_out():
    own = batcher(lambda inputs: {"sum": inputs["x"].sum(keepdims=True)}, delay_s=1.0)
    futures = [own.submit(column(i, i), NEVER) for i in (1, 2)]
    assert [future.result(SOON)["sum"].tolist() for future in futures] == [[2], [4]]
    own.close()


def test_too_many_are_refused_at_once(model):
    own = batcher(model)
    first = held(model, own)
    waiting = [own.submit(column(*range(3)), NEVER) for _ in range(2)]
    with pytest.raises(OverloadedError):
        own.submit(column(7), NEVER)
    model.may_run.set()
    assert len(answers([first, *waiting])) == 3
    assert answers([own.submit(column(7), NEVER)]) == [[14]]
    own.close()


def test_a_large_request_is_taken_alone(model):
    own = batcher(model)
    assert len(answers([own.submit(column(*range(50)), NEVER)])[0]) == 50
    own.close()


def test_what_comes_too_late_or_is_given_up_is_not_run(model):
    own = batcher(model)
    first = held(model, own)
    late = own.submit(column(1), time.monotonic())
    given_up = own.submit(column(2), NEVER)
    assert given_up.cancel()
    model.may_run.set()
    with pytest.raises(DeadlineError):
        late.result(SOON)
    own.close()
    assert answers([first]) == [[0]]
    assert model.rows == [1]


def test_closing_finishes_what_waits(model):
    own = batcher(model)
    first = held(model, own)
    second = own.submit(column(1), NEVER)
    closing = threading.Thread(target=own.close)
    closing.start()
    time.sleep(0.05)
    assert closing.is_alive()
    model.may_run.set()
    closing.join(SOON)
    assert not closing.is_alive()
    assert answers([first, second]) == [[0], [2]]
    with pytest.raises(RetiredError):
        own.submit(column(1), NEVER)


def test_closing_waits_no_longer_than_it_is_told(model):
    own = batcher(model)
    first = held(model, own)
    begin = time.monotonic()
    assert not own.close(begin + 0.1)
    assert time.monotonic() - begin < SOON / 2
    model.may_run.set()
    assert answers([first]) == [[0]] and own.close()


def test_a_batch_that_never_ends_keeps_no_process_alive(model):
    works = []

    def run(inputs):
        works.append(threading.current_thread())
        return model(inputs)

    own = batcher(run)
    held(model, own)
    assert works[0].daemon
    model.may_run.set()
    own.close()


def test_those_who_were_answered_together_are_waited_for(model, monkeypatch):
    monkeypatch.setattr(batching, "_SOON_S", SOON)
    own = batcher(model)
    futures = [held(model, own), *(own.submit(column(i), NEVER) for i in range(4))]
    model.may_run.set()
    for future in futures:
        future.result(SOON)
    futures = [own.submit(column(0), NEVER)]
    time.sleep(0.05)
    futures += [own.submit(column(i), NEVER) for i in range(3)]
    for future in futures:
        future.result(SOON)
    own.close()
    assert model.rows == [1, 4, 4]


def test_who_asks_alone_does_not_wait(model, monkeypatch):
    monkeypatch.setattr(batching, "_SOON_S", 10 * SOON)
    own = batcher(model)
    for i in range(3):
        own.submit(column(i), NEVER).result(SOON)
    own.close()
    assert model.rows == [1, 1, 1]
