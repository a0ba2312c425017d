"""Batches that spoil a run, and how it is found out which they are."""


class NotFiniteError(ArithmeticError):
    """Training has left the finite numbers.

    Attributes:
        epoch, step: int, from 0. The batch after which it had.
    """

    def __init__(self, what, epoch, step):
        super().__init__(
            f"{what} is not finite after batch {step + 1} of epoch {epoch + 1}."
        )
        self.epoch, self.step = epoch, step


class SkippedBatches:
    """The batches that a run goes on without.

    Attributes:
        places: list of [epoch, step], from 0.
    """

    def __init__(self):
        self.places = []
        self._suspected = None  # (epoch, step) until which weights are looked at

    def of_epoch(self, epoch):
        """Set of the steps that are left out of an epoch."""
        return {step for its_epoch, step in self.places if its_epoch == epoch}

    def restore(self, places):
        self.places += [place for place in places if place not in self.places]

    def add(self, error):
        """Leaves out the batch of a NotFiniteError, or finds out which it was.

        A loss that is finite may come with a gradient that is not: the batch that
        spoiled the weights is then an earlier one. The first time, going back and on
        looks at the weights after each batch; the second time it is known.
        """
        place = (error.epoch, error.step)
        if [*place] in self.places:
            raise error  # no batch is left to leave out
        if self._suspected is None:
            self._suspected = place
        else:
            self._suspected = None
            self.places.append([*place])

    @property
    def looks(self):
        """Whether the weights are looked at after each batch."""
        return self._suspected is not None

    def went_well(self, epoch, step):
        """Is told where the weights were finite when they were looked at."""
        if (epoch, step) > self._suspected:
            self._suspected = None
