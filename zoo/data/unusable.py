"""Images and sounds that cannot be used: counted, named, left out if they are few."""

import logging
import re

from zoo.data.named_examples import names_of

_MOST_BROKEN = 0.02  # share of all
_MOST_TOLD = 10  # of them in a message
_WORD = re.compile(r"[^\W_]")

_logger = logging.getLogger(__name__)


class Unusable:
    """Counts examples that cannot be used and names them; too many are an error.

    Args:
        examples: `tf.data.Dataset`, perhaps with `media_names`.
        noun, text_noun: str. What they are, and what is said of each, such as `"image"`
            and `"caption"`.
    """

    def __init__(self, examples, noun, text_noun):
        self.names = names_of(examples)
        self.noun = noun
        self.text_noun = text_noun
        self.number = 0
        self.messages = []

    def usable(self, texts, error):
        """The next example's texts that have a word, as str; none if it is unusable.

        Args:
            texts: list of bytes.
            error: str. What is wrong with its image or sound, or `""`.
        """
        decoded = []
        try:
            decoded = [text.decode("utf-8").strip() for text in texts]
        except UnicodeDecodeError as problem:
            error = f"A {self.text_noun} is no UTF-8 ({problem})."
        usable = [text for text in decoded if _WORD.search(text)]
        if not usable:
            error = error or f"It has no {self.text_noun} with a word in it."
        if error:
            name = f"{self.noun} {self.number}"
            name = self.names[self.number] if self.names else name
            first = f" ({decoded[0]!r:.80})" if decoded else ""
            self.messages.append(f"{name}{first}: {error}")
        self.number += 1
        return [] if error else usable

    @property
    def told(self):
        """What is wrong with the first ones; "" where nothing is."""
        told = " ".join(self.messages[:_MOST_TOLD])
        more = len(self.messages) - _MOST_TOLD
        return told + (f" And {more} more." if more > 0 else "")

    def check(self):
        """Warns of what was left out; more than 2 % of all are an error."""
        if self.number == 0:
            raise ValueError(
                f"There are no {self.noun}s: the examples are empty. Pass a data set "
                "with at least one."
            )
        if len(self.messages) > _MOST_BROKEN * self.number:
            raise ValueError(
                f"{len(self.messages)} of {self.number} {self.noun}s cannot be used, "
                f"more than {_MOST_BROKEN:.0%}. {self.told} Mend them or leave them "
                "out."
            )
        if self.messages:
            _logger.warning(
                "Left out %d of %d %ss. %s",
                *(len(self.messages), self.number, self.noun, self.told),
            )
