"""Lines of English from corpora that are not in the project."""

import gzip
import itertools
import pathlib

import pytest

REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"
needs_english = pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")
_COLUMNS = {
    "lm_text/brown.tsv.gz": -1,
    "lm_text/masc.tsv.gz": -1,
    "multi30k/train.en.gz": 0,
    "tatoeba_spa_eng/spa-eng.tsv.gz": 0,
}


def english_lines(count):
    """A list of the first `count` of them, or of all."""
    columns = itertools.starmap(_column, _COLUMNS.items())
    return list(itertools.islice(itertools.chain.from_iterable(columns), count))


def _column(path, number):
    with gzip.open(REAL / path, "rt", encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")[number]
