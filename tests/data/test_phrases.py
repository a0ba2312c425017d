import datetime
import itertools
import random

import pytest

from zoo.data import phrases


class Draws(random.Random):
    """Gives the numbers that a test names, in order, whatever is asked for."""

    def __init__(self, *numbers):
        super().__init__(0)
        self.numbers = iter(numbers)

    def randrange(self, *_):
        return next(self.numbers)

    def randint(self, *_):
        return next(self.numbers)

    def choice(self, options):
        return options[next(self.numbers)]

    def random(self):
        return next(self.numbers)


def days_from_first(year, month, day):
    return (datetime.date(year, month, day) - datetime.date(1950, 1, 1)).days


def test_date_with_weekday_is_inflected():
    english, german = phrases.calendar_date(Draws(days_from_first(2026, 3, 3), 0))
    assert english == "Tuesday, March 3, 2026"
    assert german == {
        "date": "Dienstag, 3. März 2026",
        "date_nominative": "Dienstag, der 3. März 2026",
        "date_dative": "Dienstag, dem 3. März 2026",
    }


@pytest.mark.parametrize(
    ("form", "english", "nominative", "dative"),
    [
        (1, "Tuesday, 6 January 2026", "Dienstag, der 6. Januar 2026", None),
        (2, "January 6, 2026", "der 6. Januar 2026", "6. Januar 2026"),
        (3, "6 January 2026", "der 6. Januar 2026", "6. Januar 2026"),
        (4, "Jan 6, 2026", "der 6. Jan. 2026", "6. Jan. 2026"),
        (5, "January 6", "der 6. Januar", "6. Januar"),
        (6, "2026-01-06", "der 06.01.2026", "06.01.2026"),
    ],
)
def test_date_forms(form, english, nominative, dative):
    source, german = phrases.calendar_date(Draws(days_from_first(2026, 1, 6), form))
    assert (source, german["date_nominative"]) == (english, nominative)
    assert dative is None or german["date_dative"] == dative


def test_german_ordinals_are_inflected():
    english, german = phrases.spelled_date(Draws(days_from_first(2026, 3, 21)))
    assert english == "the twenty-first of March"
    assert german["date_nominative"] == "der einundzwanzigste März"
    assert german["date_dative"] == "einundzwanzigsten März"


@pytest.mark.parametrize(
    ("hour", "minute", "english", "german"),
    [
        (16, 30, "half past four", "halb fünf"),
        (0, 30, "half past twelve", "halb eins"),
        (1, 0, "one o'clock", "ein Uhr"),
        (13, 5, "five past one", "fünf nach eins"),
        (12, 0, "twelve o'clock", "zwölf Uhr"),
        (23, 45, "a quarter to twelve", "Viertel vor zwölf"),
        (12, 35, "twenty-five to one", "fünf nach halb eins"),
        (17, 25, "twenty-five past five", "fünf vor halb sechs"),
    ],
)
def test_clock_times_count_towards_the_next_hour(hour, minute, english, german):
    draws = Draws(hour, minute // 5, 1.0)
    assert phrases.clock_time(draws) == (english, {"time": german})


@pytest.mark.parametrize(
    ("hour", "english", "german"),
    [
        (7, "morning", "morgens"),
        (15, "afternoon", "nachmittags"),
        (20, "evening", "ab"),
    ],
)
def test_clock_time_with_the_part_of_the_day(hour, english, german):
    source, target = phrases.clock_time(Draws(hour, 6, 0.0))
    assert source.endswith(f" in the {english}")
    assert target["time"].split()[-1].startswith(german)


def test_times_in_digits():
    assert phrases.digital_time(Draws(16, 15, 0)) == ("4:15 PM", {"time": "16:15 Uhr"})
    assert phrases.digital_time(Draws(0, 5, 0)) == ("12:05 AM", {"time": "00:05 Uhr"})
    assert phrases.digital_time(Draws(9, 5, 1)) == ("09:05", {"time": "09:05 Uhr"})


@pytest.mark.parametrize(
    ("number", "english", "german", "before_a_noun"),
    [
        (205, "two hundred and five", "zweihundertfünf", "zweihundertfünf"),
        (21, "twenty-one", "einundzwanzig", "einundzwanzig"),
        (101, "one hundred and one", "einhunderteins", "einhundertein"),
        (0, "two", "zwei", "zwei"),
    ],
)
def test_numbers_in_words(number, english, german, before_a_noun):
    draws = Draws(4, number)
    expected = (english, {"number": german, "count": before_a_noun})
    assert phrases.number_in_words(draws) == expected


def test_digits_exchange_comma_and_point():
    draws = Draws(2, 6, 123_456)
    assert phrases.number_in_digits(draws) == ("1,234.56", {"number": "1.234,56"})
    assert phrases.count_in_digits(Draws(6, 12_344)) == ("12,345", {"count": "12.345"})
    assert phrases.percentage(Draws(3, 125)) == ("12.5%", {"percentage": "12,5 %"})


@pytest.mark.parametrize(
    ("currency", "english", "german"),
    [(0, "€1,234.50", "1.234,50 €"), (2, "£1,234.50", "1.234,50 £")],
)
def test_a_whole_price_is_not_taken_as_cents(currency, english, german):
    draws = Draws(6, 123_450, currency)
    expected = (english, {"price": german, "price_accusative": german})
    assert phrases.price_in_digits(draws) == expected


@pytest.mark.parametrize(
    ("draws", "english", "nominative", "accusative"),
    [
        ((0, 1, 1, 0.0, 5), "one euro and five cents", "ein Euro und fünf Cent", True),
        ((0, 2, 12, 1.0), "twelve euros", "zwölf Euro", False),
        ((0, 2, 12, 0.0, 1), "twelve euros and one cent", "zwölf Euro und ein Cent", 1),
        (
            (2, 3, 101, 1.0),
            "one hundred and one francs",
            "einhundertein Franken",
            False,
        ),
    ],
)
def test_prices_in_words(draws, english, nominative, accusative):
    source, german = phrases.price_in_words(Draws(*draws))
    assert (source, german["price"]) == (english, nominative)
    changed = nominative.replace("ein Euro", "einen Euro").replace(" ein C", " einen C")
    assert german["price_accusative"] == (changed if accusative else nominative)


def test_years_are_read_in_hundreds():
    expected = ("nineteen eighty-four", {"year": "neunzehnhundertvierundachtzig"})
    assert phrases.year_in_words(Draws(1984)) == expected


MAKERS = (
    *(phrases.calendar_date, phrases.spelled_date, phrases.digital_time),
    *(phrases.clock_time, phrases.number_in_words, phrases.number_in_digits),
    *(phrases.count_in_digits, phrases.percentage, phrases.price_in_digits),
    *(phrases.price_in_words, phrases.year_in_words),
)


@pytest.mark.parametrize("make", MAKERS)
def test_a_phrase_has_one_translation_and_only_plain_spaces(make):
    generator = random.Random(0)
    translations = {}
    for english, german in (make(generator) for _ in range(3_000)):
        assert translations.setdefault(english, german) == german
        for text in itertools.chain([english], german.values()):
            assert " ".join(text.split()) == text
            assert not set(text) & {"\u00a0", "\u202f", "{", "}"}
