"""Dates, times, numbers and prices as one phrase in English and in German.

Every function takes a `random.Random` and returns the English phrase and its German
forms by name: `{"price": "ein Euro", "price_accusative": "einen Euro"}`. What CLDR
knows comes from Babel, number words from num2words. Cases and clock times are ours,
as neither has them.
"""

import datetime
import functools
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_time, get_day_names, get_month_names
from babel.numbers import format_currency, format_decimal
from num2words import num2words

# Given by name they would be parsed at every call.
_EN, _DE = Locale("en"), Locale("de")
_FIRST_DAY = datetime.date(1950, 1, 1)
_NUM_DAYS = (datetime.date(2050, 1, 1) - _FIRST_DAY).days

# English and German patterns in CLDR's letters; EEEE is the weekday.
_DATE_FORMS = (
    ("EEEE, MMMM d, y", "d. MMMM y"),
    ("EEEE, d MMMM y", "d. MMMM y"),
    ("MMMM d, y", "d. MMMM y"),
    ("d MMMM y", "d. MMMM y"),
    ("MMM d, y", "d. MMM y"),
    ("MMMM d", "d. MMMM"),
    ("y-MM-dd", "dd.MM.y"),
)
_CLOCK_FORMS = {
    # minute: English, German; {this} and {next} are the hours around it
    0: ("{this} o'clock", "{this} Uhr"),
    5: ("five past {this}", "fünf nach {this}"),
    10: ("ten past {this}", "zehn nach {this}"),
    15: ("a quarter past {this}", "Viertel nach {this}"),
    20: ("twenty past {this}", "zwanzig nach {this}"),
    25: ("twenty-five past {this}", "fünf vor halb {next}"),
    30: ("half past {this}", "halb {next}"),
    35: ("twenty-five to {next}", "fünf nach halb {next}"),
    40: ("twenty to {next}", "zwanzig vor {next}"),
    45: ("a quarter to {next}", "Viertel vor {next}"),
    50: ("ten to {next}", "zehn vor {next}"),
    55: ("five to {next}", "fünf vor {next}"),
}
_DAY_PERIODS = (
    # hours, English, German
    (range(5, 12), " in the morning", " morgens"),
    (range(12, 18), " in the afternoon", " nachmittags"),
    (range(18, 23), " in the evening", " abends"),
)
_CURRENCIES = ("EUR", "USD", "GBP")
_CURRENCY_WORDS = (
    # English: one and many, hundredth and hundredths. German: unit, hundredth.
    ("euro", "euros", "cent", "cents", "Euro", "Cent"),
    ("dollar", "dollars", "cent", "cents", "Dollar", "Cent"),
    ("franc", "francs", "centime", "centimes", "Franken", "Rappen"),
)


def calendar_date(random):
    """`"Tuesday, March 3, 2026"`, as a heading, a subject and after "am"/"vom"."""
    day = _FIRST_DAY + datetime.timedelta(days=random.randrange(_NUM_DAYS))
    english, german = random.choice(_DATE_FORMS)
    date = _plain(format_date(day, german, locale=_DE))
    weekday = ""
    if "EEEE" in english:
        weekday = get_day_names("wide", locale=_DE)[day.weekday()] + ", "
    return _plain(format_date(day, english, locale=_EN)), {
        "date": weekday + date,
        "date_nominative": f"{weekday}der {date}",
        "date_dative": f"{weekday}dem {date}" if weekday else date,
    }


def spelled_date(random):
    """`"the third of March"`, with the ordinal in words."""
    day = _FIRST_DAY + datetime.timedelta(days=random.randrange(_NUM_DAYS))
    month = get_month_names("wide", locale=_EN)[day.month]
    german_month = get_month_names("wide", locale=_DE)[day.month]
    ordinal = _german(day.day, to="ordinal")
    nominative = f"der {ordinal} {german_month}"
    return f"the {_english(day.day, to='ordinal')} of {month}", {
        "date": nominative,
        "date_nominative": nominative,
        "date_dative": f"{ordinal}n {german_month}",
    }


def digital_time(random):
    """`"4:15 PM"` or `"16:15"`."""
    time = datetime.time(random.randrange(24), random.randrange(60))
    pattern = random.choice(("h:mm a", "HH:mm"))
    german = format_time(time, "HH:mm 'Uhr'", locale=_DE)
    return _plain(format_time(time, pattern, locale=_EN)), {"time": german}


def clock_time(random):
    """`"half past four in the afternoon"`: German counts towards the next hour."""
    hour, minute = random.randrange(24), random.choice(list(_CLOCK_FORMS))
    english, german = _CLOCK_FORMS[minute]
    if random.random() < 0.5:
        for hours, english_period, german_period in _DAY_PERIODS:
            if hour in hours:
                english, german = english + english_period, german + german_period
    this, following = (hour - 1) % 12 + 1, hour % 12 + 1
    # "ein Uhr", but "halb eins"
    german_this = "ein" if this == 1 and minute == 0 else _german(this)
    return english.format(this=_english(this), next=_english(following)), {
        "time": german.format(this=german_this, next=_german(following))
    }


def number_in_words(random):
    """`"two hundred and five"`; of the sizes 2 to 9,999 each as often."""
    number = max(2, random.randrange(10 ** random.randint(1, 4)))
    german = _german(number)
    return _english(number), {"number": german, "count": _attributive(german)}


def number_in_digits(random):
    """`"1,234.5"`, with up to two decimals."""
    number = _decimal(random, max_digits=6, num_decimals=random.randint(1, 2))
    german = format_decimal(number, "#,##0.##", locale=_DE)
    return format_decimal(number, "#,##0.##", locale=_EN), {"number": german}


def count_in_digits(random):
    """`"12,345"`."""
    number = 1 + _decimal(random, max_digits=5, num_decimals=0)
    german = format_decimal(number, "#,##0", locale=_DE)
    return format_decimal(number, "#,##0", locale=_EN), {"count": german}


def percentage(random):
    """`"12.5%"`; German puts a space before the sign."""
    number = _decimal(random, max_digits=3, num_decimals=1)
    german = format_decimal(number, "#,##0.##", locale=_DE)
    english = format_decimal(number, "#,##0.##", locale=_EN)
    return f"{english}%", {"percentage": f"{german} %"}


def price_in_digits(random):
    """`"€1,234.50"`."""
    price = _decimal(random, max_digits=6, num_decimals=2)
    currency = random.choice(_CURRENCIES)
    german = _plain(format_currency(price, currency, locale=_DE))
    return _plain(format_currency(price, currency, locale=_EN)), {
        "price": german,
        "price_accusative": german,
    }


def price_in_words(random):
    """`"one euro and five cents"`; hundredths may be missing."""
    *english, unit, hundredth = random.choice(_CURRENCY_WORDS)
    amounts = [random.randint(1, 10 ** random.randint(1, 3))]
    if random.random() < 0.5:
        amounts.append(random.randint(1, 99))
    forms = ((english[0], english[1], unit), (english[2], english[3], hundredth))
    counted = list(zip(amounts, forms, strict=False))

    def german(one):
        return " und ".join(
            f"{one if amount == 1 else _attributive(_german(amount))} {noun}"
            for amount, (_, _, noun) in counted
        )

    phrase = " and ".join(
        f"{_english(amount)} {singular if amount == 1 else plural}"
        for amount, (singular, plural, _) in counted
    )
    return phrase, {"price": german("ein"), "price_accusative": german("einen")}


def year_in_words(random):
    """`"nineteen eighty-four"`."""
    year = random.randint(1900, 2025)
    return _english(year, to="year"), {"year": _german(year, to="year")}


def _decimal(random, max_digits, num_decimals):
    """A Decimal, as floats come with rounding errors and integers count as cents."""
    digits = random.randrange(1, 10 ** random.randint(2, max_digits))
    return Decimal(digits).scaleb(-num_decimals)


def _plain(text):
    """CLDR's narrow and no-break spaces as plain ones."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@functools.cache
def _english(number, to="cardinal"):
    return num2words(number, lang="en", to=to)


@functools.cache
def _german(number, to="cardinal"):
    return num2words(number, lang="de", to=to)


def _attributive(german):
    """`"einhunderteins"` is `"einhundertein"` before a noun."""
    return german.removesuffix("s") if german.endswith("eins") else german
