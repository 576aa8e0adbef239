"""The pictures of games draw the core, the excesses and the samples there are, and hand over what they draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.pages import plots_core, plots_games


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def runway(costs: list[float], scale: float = 1.0) -> Any:
    return ao.games.airport(np.array(costs) * scale, players=[f"$p_{i}$" for i in range(len(costs))])


def solutions(game: Any) -> dict[str, Any]:
    return {"Shapley": ao.shapley(game), "nucleolus": ao.nucleolus(game), "equal": np.full(game.n, game.grand / game.n)}


GAMES: dict[str, Any] = {
    "airport of three": lambda: runway([1, 2, 3]),
    "airport of four": lambda: runway([1, 2, 3, 5]),
    "tiny": lambda: runway([1, 2, 3], 1e-9),
    "huge": lambda: runway([1, 2, 3, 5], 1e12),
    "a core that is one point": lambda: ao.games.additive([1.0, 2.0, 3.0]),
    "a core that is one point, four": lambda: ao.games.additive([1.0, 2.0, 3.0, 4.0]),
    "a flat core": lambda: ao.games.table([0, 1, 1, 2, 1, 2, 2, 3, 0.5, 1.5, 1.5, 2.5, 1.5, 2.5, 2.5, 3.5]),
    "no core": lambda: ao.games.table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain"),
    "no core, four": lambda: ao.games.threshold([1, 1, 1, 1], 2),
    "nothing to divide": lambda: ao.games.additive([0.0, 0.0, 0.0]),
    "negative amounts": lambda: ao.games.additive([-1.0, 2.0, 3.0]),
}


def axes_for(game: Any) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = FigureCanvasAgg(Figure())
    return canvas, canvas.figure.add_subplot(projection="3d" if game.n == 4 else None)


@pytest.mark.parametrize("name", GAMES)
def test_the_simplex_draws_every_core_and_keeps_everything_inside(name: str) -> None:
    game = GAMES[name]()
    divisions = {"Shapley": ao.shapley(game)}
    canvas, ax = axes_for(game)
    assert plots_core.simplex(game, divisions, ax=ax) is ax
    canvas.draw()
    frame = plots_core.simplex_data(game, divisions)
    players = list(game.players)
    scale = float(np.abs(frame[players].to_numpy()).max()) or 1.0
    np.testing.assert_allclose(frame[players].sum(axis=1), game.grand, atol=1e-9 * scale)
    corners = frame.loc["frame", list("xyz")[: game.n - 1]].to_numpy()
    every = frame[list("xyz")[: game.n - 1]].to_numpy()
    weights = np.linalg.lstsq(np.vstack((corners.T, np.ones(len(corners)))),
                              np.vstack((every.T, np.ones(len(every)))), rcond=None)[0].T  # fmt: skip
    assert (weights >= -1e-9).all()
    np.testing.assert_allclose(weights @ frame.loc["frame", players].to_numpy(), frame[players], atol=1e-9 * scale)
    assert ("core" in frame.index.get_level_values("what")) == bool(ao.is_balanced(game))


def test_corners_of_the_core_are_corners_and_divisions_are_where_they_belong() -> None:
    game = runway([1, 2, 3])
    frame = plots_core.simplex_data(game, solutions(game))
    expected = ao.core_vertices(game)
    np.testing.assert_allclose(frame.loc["core", list(game.players)], expected)
    assert list(frame.loc["division"].index) == ["Shapley", "nucleolus", "equal"]
    np.testing.assert_allclose(
        frame.loc[("division", "Shapley"), list(game.players)].astype(float), [1 / 3, 5 / 6, 11 / 6]
    )
    ax = plots_core.simplex(game, solutions(game))
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"core", "Shapley", "nucleolus", "equal"}
    assert "empty" in plots_core.simplex(GAMES["no core"](), {}).get_title(loc="left")


def test_faces_of_a_solid_core_cover_it() -> None:
    game = runway([1, 2, 3, 5])
    core = plots_core.simplex_data(game, {}).loc["core", ["x", "y", "z"]].to_numpy()
    faces = plots_core._faces(core)
    assert {int(k) for face in faces for k in face} == set(range(len(core)))
    edges = {frozenset(map(int, pair)) for face in faces for pair in zip(face, np.roll(face, 1), strict=True)}
    assert len(core) - len(edges) + len(faces) == 2  # Euler


def test_what_cannot_be_drawn_is_refused_in_a_sentence() -> None:
    game = runway([1, 2, 3, 5])
    with pytest.raises(ao.DataError, match="projection='3d'"):
        from matplotlib.figure import Figure

        plots_core.simplex(game, {}, ax=Figure().subplots())
    with pytest.raises(ao.DataError, match="has 5 players"):
        plots_core.simplex_data(runway([1, 2, 3, 4, 5]), {})
    with pytest.raises(ao.DataError, match="'short' adds up to 3"):
        plots_core.simplex_data(runway([1, 2, 4]), {"short": [1, 1, 1]})
    with pytest.raises(ao.DataError, match="division 'bad'"):
        plots_games.excess_profile_data(game, {"bad": [1, 2, np.nan, 4]})
    with pytest.raises(ao.DataError, match="give a mapping"):
        plots_games.excess_profile_data(game, [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ao.DataError, match="21 players"):
        plots_games.excess_profile_data(runway([1.0] * 21), {})


def test_a_profile_is_the_sorted_excesses_and_the_nucleolus_is_lowest_at_the_left() -> None:
    game = runway([1, 2, 3, 5])
    frame = plots_games.excess_profile_data(game, solutions(game))
    x, rows = ao.shapley(game).values.to_numpy(), np.array([[m >> i & 1 for i in range(4)] for m in range(1, 15)], bool)
    np.testing.assert_allclose(frame["Shapley"], np.sort(rows @ x - game(rows))[::-1])
    assert frame.loc[1, "nucleolus"] == frame.loc[1].min()
    gain = ao.games.table([0, 1, 2, 5], kind="gain")
    assert plots_games.excess_profile_data(gain, {"x": [2, 3]})["x"].tolist() == [-1.0, -1.0]
    for each in (game, gain, runway([4.0])):
        canvas, ax = axes_for(runway([1, 2, 3]))
        plots_games.excess_profile(each, {"grand": np.full(each.n, each.grand / each.n)}, ax=ax)
        canvas.draw()
    seven = plots_games.excess_profile(ao.games.airport(np.arange(1.0, 8.0)), {"even": [1.0] * 7})
    assert [tick.get_text() for tick in seven.get_xticklabels()] == ["1", "10", "100"]


def test_convergence_draws_the_samples_with_their_intervals() -> None:
    game = ao.games.weighted(np.arange(1.0, 13.0), np.sqrt)
    exact = ao.shapley(game)
    frame = plots_games.convergence_data(game, [100, 400], [11, 0], exact=exact, method="permutation", seed=4)
    assert list(frame.index.unique("player")) == [11, 0]
    value = ao.shapley(game, "permutation", 400, 4)
    last = frame.xs(value.evaluations, level="coalitions")
    bounds = value.interval(0.95)
    np.testing.assert_allclose(last["value"], value.values[[11, 0]])
    np.testing.assert_allclose(last[["lower", "upper"]], bounds.loc[[11, 0]])
    np.testing.assert_allclose(last["exact"], exact.values[[11, 0]])
    canvas, ax = axes_for(runway([1, 2, 3]))
    plots_games.convergence(game, [100, 400], exact=exact, ax=ax)
    canvas.draw()
    assert len(ax.get_legend().get_texts()) == 6 and "exact" in ax.get_title()
    assert plots_games.convergence_data(game, [100])["exact"].isna().all()
    with pytest.raises(ao.DataError, match="no player 'Z'"):
        plots_games.convergence_data(game, [100], ["Z"])
    with pytest.raises(ao.DataError, match="budgets is empty"):
        plots_games.convergence_data(game, [])


def test_allocations_and_series_are_read_by_name() -> None:
    game = runway([1, 2, 3])
    problem = ao.LossProblem(3.0, pd.DataFrame(index=game.players))
    answer = ao.allocate(problem, "shapley", game=game)
    turned = ao.shapley(game).values[::-1]
    frame = plots_games.excess_profile_data(game, {"rule": answer, "series": turned})
    np.testing.assert_allclose(frame["rule"], frame["series"])
    table = pd.DataFrame({"rule": answer.shares, "series": turned})
    pd.testing.assert_frame_equal(plots_games.excess_profile_data(game, table), frame)
