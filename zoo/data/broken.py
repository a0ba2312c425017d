"""Rows and files that are broken: left out where they are few."""

import logging

# More than this share of all are an error.
_MOST_BROKEN = 0.01

_logger = logging.getLogger(__name__)


def leave_out(place, errors, number, noun):
    """Warns of what is left out, naming the first; more than 1 % of all are an error.

    Args:
        place: what the warning names, a file or a folder.
        errors: list of ValueError, one for each that is broken.
        number: int. How many there are in all.
        noun: str. What they are, such as `"rows"`.
    """
    if len(errors) > _MOST_BROKEN * number:
        raise ValueError(
            f"{errors[0]} {len(errors)} of {number} {noun} are broken. Mend them or "
            "leave them out."
        ) from errors[0]
    if errors:
        _logger.warning(
            "%s: left out %d of %d %s, the first of them because of this: %s",
            *(place, len(errors), number, noun, errors[0]),
        )
