import csv
import io
import json
import sys

import numpy as np
import pytest

from benchmarks import accelerator, decode, report, serve, train, worker
from benchmarks import batches as stored
from benchmarks.driver import Configuration, interleave, present, summarise
from benchmarks.sizes import SIZES, training_flops
from benchmarks.workers.products import product_flops, products

# Two sentence pairs of (3, 2) and (2, 4) real tokens.
UNPACKED = {
    "source_ids": np.array([[5, 6, 3, 0], [7, 3, 0, 0], [0, 0, 0, 0]]),
    "target_ids": np.array([[2, 8, 0, 0], [2, 9, 9, 9], [0, 0, 0, 0]]),
    "labels": np.array([[8, 3, 0, 0], [9, 9, 9, 3], [0, 0, 0, 0]]),
}
PACKED = {
    "source_ids": np.array([[5, 6, 3, 7, 3, 0]]),
    "source_segment_ids": np.array([[1, 1, 1, 2, 2, 0]]),
    "target_ids": np.array([[2, 8, 2, 9, 9, 9]]),
    "target_segment_ids": np.array([[1, 1, 2, 2, 2, 2]]),
}


@pytest.fixture
def fake(tmp_path):
    """Makes configurations of the fake worker, which all write to one log."""

    def configuration(name, **options):
        options = {"name": name, "log": str(tmp_path / "log"), **options}
        return Configuration(name, "tests.benchmark_worker", options)

    configuration.log = lambda: (tmp_path / "log").read_text().split()
    return configuration


def results(**rates):
    """What `interleave` returns for tokens a second in each round."""
    return {
        name: {
            "ready": {"first_call_s": 1.0, "facts": {"versions": "none"}},
            "rounds": [
                {"tokens": rate, "seconds": 1.0, "disturbance": 0.0, "peak_mib": 1.0}
                for rate in each
            ],
        }
        for name, each in rates.items()
    }


def configurations(*names, flops=1.0):
    return [Configuration(n, "", {}, useful_flops_per_token=flops) for n in names]


def test_all_workers_have_one_turn_in_each_round(fake):
    answers = interleave([fake("a"), fake("b"), fake("c")], 2, log=lambda line: None)
    assert fake.log() == ["a", "b", "c", "a", "b", "c"]
    assert [len(answers[name]["rounds"]) for name in "abc"] == [2, 2, 2]
    assert answers["a"]["ready"]["first_call_s"] == 2.0


def test_a_disturbed_repetition_is_done_again_and_the_calmer_one_counts(fake):
    disturbed = fake("a", disturbances=[0.5, 0.2, 0.0])
    answers = interleave([disturbed], 2, log=lambda line: None)
    assert fake.log() == ["a", "a", "a"]
    assert [r["disturbance"] for r in answers["a"]["rounds"]] == [0.2, 0.0]


def test_a_worker_that_fails_is_named_and_the_others_go_on(fake):
    lines = []
    answers = interleave([fake("a", fails=True), fake("b")], 1, log=lines.append)
    assert list(answers) == ["b"]
    assert "left out: The worker 'a'" in lines[0]
    assert "exit code 1" in lines[0]


def test_a_worker_that_fails_later_is_left_out_of_the_results(fake):
    lines = []
    answers = interleave([fake("a", dies=2), fake("b")], 3, log=lines.append)
    assert list(answers) == ["b"]
    assert len(answers["b"]["rounds"]) == 3
    assert any("left out: The worker 'a'" in line for line in lines)


def test_a_peer_without_an_environment_is_named_and_left_out(tmp_path):
    batches = dict.fromkeys(("bucketed", "packed", "fixed"), [UNPACKED])
    rows = train.configurations("translator_tiny", batches, tmp_path, None)
    rows += decode.configurations({}, {}, None)
    lines = []
    names = [row.name for row in present(rows, log=lines.append)]
    absent = ["HF Marian eager, bucketed", "limit PyTorch"]
    absent += ["HF Marian generate", "CTranslate2 fp32"]
    assert set(names) == {row.name for row in rows} - set(absent)
    assert len(lines) == len(absent)
    for line, name in zip(lines, absent, strict=True):
        assert line.startswith(f"left out: {name}.")
        assert "pass --peers-python" in line


def test_a_ratio_is_the_median_of_quotients_within_rounds():
    # The machine is ten times slower in the second round, for all alike.
    answers = results(ours=[200.0, 20.0, 300.0], other=[100.0, 10.0, 100.0])
    ours, other = summarise(configurations("ours", "other"), answers, ["ours"])
    assert ours["ratios"] == {"ours": (1.0, 1.0, 1.0)}
    assert other["ratios"] == {"ours": (2.0, 2.0, 3.0)}
    assert (other["tokens_per_s"], other["slowest"], other["fastest"]) == (100, 10, 100)


def test_the_limit_is_the_faster_one_of_each_round():
    answers = results(ours=[5.0, 5.0], slow=[10.0, 20.0], fast=[50.0, 1.0])
    rows = summarise(
        configurations("ours", "slow", "fast"), answers, ["ours"], ["slow", "fast"]
    )
    assert rows[0]["percent_of_limit"] == pytest.approx(100 * (5 / 50 + 5 / 20) / 2)


def test_a_row_that_did_not_run_is_left_out_of_the_summary():
    rows = summarise(configurations("a", "b"), results(a=[1.0]), ["a", "b"], ["b"])
    assert [row["configuration"] for row in rows] == ["a"]
    assert list(rows[0]["ratios"]) == ["a"]
    assert rows[0]["percent_of_limit"] == 0


@pytest.fixture
def settings():
    answers = results(zoo=[4.0, 4.0], peer=[2.0, 1.0], limit=[8.0, 8.0])
    names = ("zoo", "peer", "limit")
    return {"tiny": summarise(configurations(*names), answers, ["zoo"], ["limit"])}


def test_the_report_says_where_it_comes_from_and_holds_every_row(settings, tmp_path):
    path = report.write_report(settings, tmp_path, "speed", "Speed", "python -m it")
    heading = path.read_text().splitlines()[:3]
    assert heading[0] == "# Speed"
    assert "cores" in heading[1]
    assert heading[2] == "# python -m it"
    rows = list(csv.DictReader(path.read_text().splitlines()[3:]))
    assert [row["configuration"] for row in rows] == ["zoo", "peer", "limit"]
    assert {row["setting"] for row in rows} == {"tiny"}
    assert [float(row["zoo / it"]) for row in rows] == [1.0, 3.0, 0.5]
    markdown = path.with_suffix(".md").read_text()
    assert "python -m it" in markdown
    assert "| peer | 1.5 | 3.00 (2.00..4.00) | 19 | 1 | none |" in markdown
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_the_printed_table_has_a_line_for_each_row(settings):
    lines = report.table(settings["tiny"]).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert "3.00 (2.00..4.00)" in lines[2]


def test_train_measures_and_writes_its_report(fake, tmp_path, monkeypatch):
    rows = [fake("zoo bucketed"), fake("KerasNLP"), fake("absent")._replace(python="")]
    monkeypatch.setattr(train, "make_batches", lambda *a: {"bucketed": [UNPACKED]})
    monkeypatch.setattr(train, "configurations", lambda *a: rows)
    measured = train.main(
        "multi30k", sizes=["translator_tiny"], rounds=2, results=tmp_path
    )
    assert len(measured["translator_tiny"]) == 2
    markdown = (tmp_path / "train.md").read_text()
    assert "python -m benchmarks.train --data multi30k --rounds 2" in markdown
    assert "KerasNLP" in markdown
    assert "absent" not in markdown


def test_decode_measures_each_batch_and_beam(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "write_exports", lambda *a: ["a", "b"])
    monkeypatch.setattr(decode, "configurations", lambda *a: [fake("zoo")])
    measured = decode.main(batches=(1, 2), beams=(1,), rounds=1, results=tmp_path)
    assert list(measured) == ["batch 1, beam 1", "batch 2, beam 1"]
    assert (tmp_path / "decode.png").stat().st_size > 0


def test_a_worker_warms_up_and_answers_each_request(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["worker", json.dumps({"tokens": 7})])
    calls = []

    def build(options):
        return lambda: calls.append(1) or options["tokens"], {"versions": "none"}

    out = io.StringIO()
    worker.serve(build, out, ["go\n", "\n", "go\n"])
    ready, *answers = (json.loads(line) for line in out.getvalue().splitlines())
    assert ready["facts"] == {"versions": "none"}
    assert [answer["tokens"] for answer in answers] == [7, 7]
    assert all(answer["disturbance"] >= 0 for answer in answers)
    assert len(calls) == 2 + 2  # two to warm up


def test_batches_come_back_from_disk_as_they_were(tmp_path):
    stored.save_batches(tmp_path / "batches.npz", [UNPACKED, PACKED])
    back = stored.load_batches(tmp_path / "batches.npz")
    assert [set(batch) for batch in back] == [set(UNPACKED), set(PACKED)]
    np.testing.assert_array_equal(back[1]["target_ids"], PACKED["target_ids"])


@pytest.mark.parametrize("batch", [UNPACKED, PACKED])
def test_only_real_tokens_count(batch):
    assert stored.real_tokens(batch) == 11
    source, target = stored.sentence_lengths(batch)
    assert (source.tolist(), target.tolist()) == ([3, 2], [2, 4])


def test_fixed_length_batches_hold_each_sentence_once():
    batches = stored.fixed_length_batches([UNPACKED], 3, batch_size=1, count=5)
    assert [batch["source_ids"].shape for batch in batches] == [(1, 3)] * 2
    sources = sorted(batch["source_ids"][0].tolist() for batch in batches)
    assert sources == [[5, 6, 3], [7, 3, 0]]


def test_batches_are_spread_over_the_lengths_of_an_epoch():
    epoch = [{"source_ids": np.zeros((1, n))} for n in (9, 2, 7, 4)]
    chosen = train.spread(epoch, 2)
    assert [batch["source_ids"].shape[1] for batch in chosen] == [4, 9]


@pytest.mark.parametrize("size", SIZES)
def test_the_limit_multiplies_what_a_training_step_needs(size):
    # Sentences of one length: the limit's mean attention is then exact.
    batch = {
        "source_ids": np.full((4, 5), 9),
        "target_ids": np.full((4, 6), 9),
    }
    done = product_flops(products(SIZES[size], 1000, batch))
    assert done == 4 * training_flops(SIZES[size], 5, 6, 1000)


def test_a_forced_translator_never_ends_before_its_limit():
    from benchmarks.workers.forced_translator import forced_translator, source_texts

    translator = forced_translator("translator_tiny", 300, num_tokens=6)
    texts = source_texts(300, count=3, num_tokens=6)
    source_ids = translator.source_tokenizer(texts).to_tensor()
    assert source_ids.shape == (3, 5)  # and the end token
    rng = np.random.default_rng(0)
    target_ids = rng.integers(2, 300, (3, 6))
    logits = translator.model({"source_ids": source_ids, "target_ids": target_ids})
    best = np.argsort(logits.numpy(), axis=-1)[..., -5:]
    assert best.min() >= 260  # the words come after 4 special tokens and 256 bytes


def test_sentences_for_an_accelerator_are_rows_of_one_length():
    rows = accelerator._rows([[5, 6], [7] * 100], end=3)
    assert rows.shape == (2, accelerator.PLACES)
    assert rows[0, :4].tolist() == [5, 6, 3, 0]
    assert rows[1, -2:].tolist() == [7, 3]


def test_flops_of_an_accelerator_are_those_of_real_tokens():
    size, vocabulary_size = "translator_base", 100
    pairs = [(3, 2), (2, 4)]
    expected = sum(training_flops(SIZES[size], s, t, vocabulary_size) for s, t in pairs)
    assert accelerator._flops(size, vocabulary_size, UNPACKED) == expected
    assert accelerator._flops(size, vocabulary_size, PACKED) == expected
    words = np.array([[5, 6, 7, 0], [5, 0, 0, 0]])
    batch = {"token_ids": words, "sample_weight": np.array([[1.0], [0.0]])}
    one = accelerator._flops("bert_base", vocabulary_size, batch)
    batch["sample_weight"][:] = 0
    assert one > accelerator._flops("bert_base", vocabulary_size, batch) > 0


def test_the_servers_report_shows_the_command_that_it_came_from(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "write_models", lambda folder: ["a text"])
    for name in ("overhead", "throughput", "overload"):
        row = (name, 1.5, "ms")
        monkeypatch.setattr(serve, name, lambda *given, row=row: [row])
    rows = serve.main(quick=True, results=tmp_path)
    report = (tmp_path / "serve.md").read_text()
    assert "\n    python -m benchmarks.serve --quick\n" in report
    assert [name for name, _, _ in rows] == [
        *("overhead", "throughput", "throughput", "overload")
    ]
