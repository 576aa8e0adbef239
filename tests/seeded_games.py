"""Games that a seed determines on every machine: drawn with the linear congruential generator of an old C library.

The four families are those of the published test collection of Benedek, Fliege and Nguyen (2018), whose nucleoli are in
the shared cases; here they are written anew from their description.
"""

from __future__ import annotations

import numpy as np

_A, _C, _M = 214013, 2531011, 2**32


def draws(seed: int, count: int) -> np.ndarray:
    """Integers from 0 to 32,767: the state h turns into 214013 h + 2531011 mod 2^32, and bits 16 to 30 come out."""
    states = np.empty(max(count, 1), dtype=np.uint64)
    states[0] = (_A * seed + _C) % _M
    done, factor, shift = 1, _A, _C
    while done < count:  # the next `done` states are one affine map of the first `done`
        more = min(done, count - done)
        states[done : done + more] = (states[:more] * np.uint64(factor) + np.uint64(shift)) % np.uint64(_M)
        factor, shift = factor * factor % _M, (factor * shift + shift) % _M
        done += more
    return (states[:count] >> np.uint64(16) & np.uint64(0x7FFF)).astype(np.int64)


def seeded_game(family: int, n: int, seed: int) -> np.ndarray:
    """The worths by mask. Single players are worth nothing; all together

    1: between 100 (n - 2) and 100 n, and others up to 100 for each member; 2: all up to 50 n; 4: all up to n;
    3: 1, as are nine in ten of the coalitions that lack one or two players.
    """
    worths = np.zeros(2**n)
    sizes = np.bitwise_count(np.arange(2**n)).astype(np.int64)
    several = np.flatnonzero(sizes > 1)
    if family == 1:
        drawn = draws(seed, len(several))
        worths[several[:-1]] = drawn[1:] % (100 * sizes[several[:-1]]) + 1
        worths[-1] = 100 * (n - 2) + drawn[0] % 201
    elif family == 3:
        lacking = [2**n - 1 ^ 1 << i ^ (1 << j if j > i else 0) for i in range(n) for j in range(i, n)]
        worths[lacking] = draws(seed, len(lacking)) % 10 < 9
        worths[-1] = 1
    else:
        worths[several] = draws(seed, len(several)) % (50 * n if family == 2 else n) + 1
    return worths
