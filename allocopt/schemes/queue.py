"""Payers stand in line by score: each is taken up to its cap before the next is touched."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocopt.errors import DataError
from allocopt.facts.checks import Array
from allocopt.maths.price import Supply
from allocopt.schemes.one_price import OnePrice


@dataclass(frozen=True, eq=False, kw_only=True)
class Queue(OnePrice):
    r"""The highest score pays first, up to its cap, then the next; equal scores pay pro rata to their caps.

    .. math:: \min_x \sum_i k_i\, x_i + \frac{x_i^2}{2 c_i} \quad \text{s.t.} \quad
       \sum_i x_i = L,\ 0 \le x_i \le c_i

    :math:`k_i = 0, 1, 2, \dots` is the place in line (equal scores share one) and :math:`c_i` the cap (the loss, where
    there is none). Place :math:`k` is empty exactly at price :math:`k + 1`, where the next one starts, so the linear
    order of the queue is kept and ties have one answer. The price tells how far down the line the loss reaches: 3.4
    means that three places are exhausted and the fourth pays 40 % of its caps. This is the ranking of
    auto-deleveraging venues when the score is theirs.

    ``score`` is a column or one figure per payer; ``ascending=True`` takes the lowest score first.

    >>> import pandas as pd
    >>> from allocopt.facts.problem import LossProblem
    >>> table = pd.DataFrame({"gain": [50.0, 30.0, 20.0], "score": [1.0, 9.0, 9.0]}, index=["A", "B", "C"])
    >>> answer = Queue(score="score").allocate(LossProblem(60, table, cap="gain"))
    >>> answer.shares.to_list(), round(answer.price, 6)
    ([10.0, 30.0, 20.0], 1.2)
    """

    name = "queue"
    aliases = ("priority", "adl-queue")
    formula = r"x_{(k)} = \min\bigl(c_{(k)},\ (L - \textstyle\sum_{j<k} c_{(j)})^+\bigr)"
    objective = r"\sum_i k_i\, x_i + \frac{x_i^2}{2 c_i}"
    source = "Moulin (2000), Econometrica 68:643-684 (priority rules); venue rules for auto-deleveraging"
    claims = frozenset({"equal treatment", "loss monotonicity", "homogeneity", "null payer"})
    keyed = "score"
    key_low = -np.inf

    score: Any = field(metadata={"help": "column, or one figure per payer, that orders the line"})
    ascending: bool = field(default=False, metadata={"help": "whether the lowest score pays first"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.ascending, bool):
            raise DataError(f"ascending is {self.ascending!r}; give True (the lowest score pays first) or False")

    @property
    def key(self) -> Any:
        """The score is what the batch calls the key."""
        return self.score

    def supply(self, loss: Array, cap: Array, key: Array) -> Supply:
        """One block per payer that starts at its place in line and is full one place later."""
        ordered = key if self.ascending else -key
        rank = _dense_rank(np.atleast_2d(ordered)).reshape(ordered.shape)
        held = np.where(np.isinf(cap), loss, cap)
        return Supply(rank[..., None, :], held[..., None, :], held[..., None, :])


def _dense_rank(values: Array) -> Array:
    """Place in line of every entry of every row: 0 for the lowest, equal entries share a place."""
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    step = np.zeros(values.shape)
    step[:, 1:] = np.cumsum(ordered[:, 1:] > ordered[:, :-1], axis=-1)
    rank = np.empty(values.shape)
    np.put_along_axis(rank, order, step, axis=-1)
    return rank
