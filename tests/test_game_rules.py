"""Every rule that asks a game: shares or key, caps, names, null players, proofs, samples; and one table for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

import allocopt as ao
from allocopt.games.answer import GameValue
from allocopt.games.base import Game
from allocopt.schemes.game_rule import GameRule
from allocopt.schemes.nucleolus import NucleolusRule
from allocopt.testing import check_scheme

NAMES = ["A", "B", "C", "D"]
COSTS = [3.0, 3.5, 4.0, 4.0]
RULES = [name for name, kind in ao.schemes().items() if issubclass(kind, GameRule)]
NEEDS: dict[str, dict[str, Any]] = {
    "owen": {"unions": "group"},
    "myerson": {"links": [("A", "B"), ("B", "C"), ("C", "D")]},
    "weighted-shapley": {"weights": "size"},
    "core-nearest": {"reference": "constrained-equal-awards"},
}
LAZY = {"solidarity", "equal-surplus", "least-squares-value", "modiclus"}  # they charge a player that adds nothing
POSITIVE = {"proportional-shapley", "proportional-nucleolus"}  # they take no player that is worth nothing alone
FUNCTIONS: dict[str, Any] = {
    "shapley": ao.shapley, "proportional-shapley": ao.proportional_shapley, "nucleolus": ao.nucleolus,
    "prenucleolus": ao.prenucleolus, "least-core": ao.least_core, "per-capita-nucleolus": ao.per_capita_nucleolus,
    "proportional-nucleolus": ao.proportional_nucleolus, "tau-value": ao.tau_value, "banzhaf": ao.banzhaf,
    "solidarity": ao.solidarity, "gately": ao.gately, "equal-surplus": ao.equal_surplus, "modiclus": ao.modiclus,
    "least-squares-value": ao.least_squares, "owen": lambda g: ao.owen(g, [["A", "B"], ["C", "D"]]),
    "myerson": lambda g: ao.myerson(g, NEEDS["myerson"]["links"]),
    "weighted-shapley": lambda g: ao.weighted_shapley(g, [1.0, 2.0, 3.0, 3.0]),
    "core-nearest": lambda g: ao.core_nearest(g, [1.0, 1.0, 1.0, 1.0]),
    "constrained-shapley": lambda g: ao.constrained_shapley(g, nonnegative=True),
}  # fmt: skip


def rule(name: str, game: Any, **more: Any) -> Any:
    return ao.scheme(name, game=game, **{**NEEDS.get(name, {}), **more})


def question(loss: float, caps: Any = 9.0, names: list[str] = NAMES) -> ao.LossProblem:
    table = pd.DataFrame(
        {"group": ["one", "one", "two", "two"][: len(names)], "size": [1.0, 2.0, 3.0, 3.0][: len(names)]}, index=names
    )
    return ao.LossProblem(loss, table, cap=caps, currency="EUR")


def runway(costs: Any = COSTS, scale: float = 1.0) -> Game:
    """An airport as a table, so that no rule takes a formula."""
    game = ao.games.airport(np.asarray(costs) * scale)
    return ao.games.table(game.table(), players=NAMES[: len(costs)])


def test_every_rule_is_tested_and_every_function_that_divides_is_a_rule() -> None:
    assert set(FUNCTIONS) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_values_that_sum_to_the_loss_and_respect_the_caps_are_the_shares(name: str) -> None:
    value = FUNCTIONS[name](runway()).values
    answer = rule(name, runway()).allocate(question(4.0)).verify(1e-9)
    assert (value >= 0).all()
    if name == "banzhaf":
        np.testing.assert_allclose(answer.paid, value * 4.0 / value.sum())
        assert any("used as a key" in note for note in answer.notes)
        return
    np.testing.assert_allclose(answer.paid, value, atol=1e-12)
    assert answer.price == pytest.approx(1.0) and any("shares are the" in note for note in answer.notes)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_to_what_every_rule_must(name: str) -> None:
    caps = [[9.0] * 4, [1.0, 0.0, 3.0, 2.0], [0.5, 1.0, 1.0, 2.0], [np.inf] * 4, [0.0] * 4]
    loose: dict[str, dict[str, Any]] = {
        "constrained-shapley": {"individual_rationality": False},
        "core-nearest": {"reference": pd.Series([1.0, 2.0, 3.0, 4.0], index=NAMES)},
    }
    questions = [question(loss, cap) for cap in caps for loss in (0.0, 2.0, 4.0, 30.0)]
    check_scheme(rule(name, runway(), **loose.get(name, {})), questions)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_unit_of_money_makes_no_difference(name: str, scale: float) -> None:
    small = rule(name, runway()).allocate(question(3.0, [1.0, 1.5, 2.0, 0.5]))
    large = rule(name, runway(scale=scale)).allocate(question(3.0 * scale, np.array([1.0, 1.5, 2.0, 0.5]) * scale))
    np.testing.assert_allclose(large.verify().paid / scale, small.verify().paid, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in RULES if name not in LAZY | POSITIVE])
def test_a_player_that_adds_nothing_pays_nothing(name: str) -> None:
    answer = rule(name, runway([0.0, 2.0, 4.0, 4.0])).allocate(question(4.0)).verify()
    assert answer.shares["A"] == pytest.approx(0.0, abs=1e-12)
    assert answer.paid.sum() == pytest.approx(4.0)


@pytest.mark.parametrize("name", sorted(LAZY & set(RULES)))
def test_what_is_said_of_the_others_is_true(name: str) -> None:
    """They do charge a player that adds nothing, here or with the last place as a base."""
    more = {"base": "last"} if name == "equal-surplus" else {}
    game = ao.games.table([0, 0, 6, 6, 6, 6, 6, 6], players=["A", "B", "C"])
    paid = rule(name, game, **more).allocate(question(6.0, names=NAMES[:3])).verify().shares
    assert paid["A"] > 0.0 or name in ("modiclus", "least-squares-value")


@pytest.mark.parametrize("name", RULES)
def test_caps_are_respected_and_the_departure_is_told(name: str) -> None:
    answer = rule(name, runway()).allocate(question(4.0, [9.0, 9.0, 9.0, 0.25])).verify()
    assert answer.shares["D"] <= 0.25 and answer.paid.sum() == pytest.approx(4.0)
    told = " ".join(answer.notes)
    nearest = name == "core-nearest"  # its reference knows the caps
    assert nearest or "largest departure" in told or "the constraints move the Shapley value" in told


@pytest.mark.parametrize("name", RULES)
def test_one_player_and_a_game_that_does_not_fit(name: str) -> None:
    more = {"links": []} if name == "myerson" else {}
    alone = rule(name, ao.games.table([0.0, 5.0], players=["A"]), **more).allocate(question(5.0, names=["A"]))
    assert alone.verify().paid.tolist() == [5.0]
    with pytest.raises(ao.DataError, match="1 players and the question 4 payers"):
        rule(name, [0.0, 5.0], **more).allocate(question(4.0))
    with pytest.raises(ao.DataError, match="'X' who is not among the payers"):
        rule(name, ao.games.table(runway().table(), players=["A", "B", "C", "X"]), **more).allocate(question(4.0))
    with pytest.raises(ao.DataError, match="NaN"):
        rule(name, [0.0, np.nan], **more).allocate(question(4.0))


@pytest.mark.parametrize("name", RULES)
def test_it_says_why_and_hands_over_the_values(name: str) -> None:
    one = rule(name, runway())
    answer = one.allocate(question(4.0))
    assert one.keyed in answer.explain("C") and one.key_label() == one.keyed and one.title == name
    assert list(answer.extras["values"].index) == NAMES
    assert "one price" in answer.certificate.kind and one.keyed.split()[0] in " ".join(answer.notes)


def test_negative_values_count_as_zero_and_are_told() -> None:
    table = [0.0, -2.0, 3.0, 1.0]
    answer = ao.allocate(question(1.0, names=NAMES[:2]), "shapley", game=table).verify()
    assert answer.paid.tolist() == [0.0, 1.0]
    assert any("1 payer has a negative value" in note for note in answer.notes)
    assert "negative because it lowers" in answer.explain("A")


def test_kohlberg_is_asked_and_a_wrong_nucleolus_does_not_pass() -> None:
    right = ao.allocate(question(4.0), "nucleolus", game=runway())
    assert right.certificate.kind == "Kohlberg and one price" and right.certificate.details["value"] <= 1e-12

    class Off(NucleolusRule):
        name = ""

        def value_of(self, game: Game, read: Mapping[str, Any]) -> GameValue:
            found = super().value_of(game, read)
            return dataclasses.replace(found, amounts=found.amounts + np.array([0.01, -0.01, 0.0, 0.0]))

    wrong = Off(game=runway()).allocate(question(4.0))
    assert "can be lowered" in wrong.certificate.statement
    with pytest.raises(ao.CertificateError):
        wrong.verify()


def test_exact_fractions_and_the_least_core() -> None:
    exact = ao.allocate(question(4.0), "nucleolus", game=runway(), proven=True).verify()
    np.testing.assert_allclose(exact.paid, ao.allocate(question(4.0), "nucleolus", game=runway()).paid, atol=1e-12)
    assert any("proven in fractions" in note for note in exact.notes)
    least = ao.allocate(question(4.0), "least-core", game=runway()).verify()
    worst = ao.max_excess(runway(), least.paid)
    assert least.extras["epsilon"] == pytest.approx(worst.excess)


def test_many_players_with_a_formula_are_divided_and_the_page_says_what_was_not_checked() -> None:
    sizes = np.arange(1.0, 151.0)
    problem = ao.LossProblem(150.0, pd.DataFrame(index=range(150)))
    answer = ao.allocate(problem, "nucleolus", game=ao.games.airport(sizes)).verify()
    assert answer.paid.sum() == pytest.approx(150.0)
    assert "verify_nucleolus" in answer.certificate.statement and answer.certificate.kind == "game value and one price"


def book(n: int, count: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(rng.standard_t(3, (count, n)) * np.linspace(1, 4, n), columns=[f"M{i}" for i in range(n)])


def test_a_sampled_shapley_value_states_its_error() -> None:
    pnl = book(12)
    game = ao.games.tail(pnl, 0.9)
    problem = ao.LossProblem(game.grand, pd.DataFrame(index=pnl.columns))
    answer = ao.allocate(problem, "shapley", game=game, method="regression", budget=1000, seed=3)
    errors = answer.extras["standard_error"]
    assert answer.certificate.kind == "sampled" and answer.method.startswith("sampled")
    assert answer.certificate.gap == pytest.approx(errors.max() / game.grand)
    assert answer.certificate.primal <= 1e-9 and any("largest standard error" in note for note in answer.notes)
    exact = ao.allocate(problem, "shapley", game=game)
    assert exact.certificate.holds(1e-9) and "standard_error" not in exact.extras
    assert np.abs(answer.paid - exact.paid).max() <= 6 * errors.max()
    again = ao.allocate(problem, "shapley", game=game, method="regression", budget=1000, seed=3)
    assert again.paid.tolist() == answer.paid.tolist()


def test_rules_that_share_a_game_share_its_table() -> None:
    game = ao.games.tail(book(8), 0.9).counted()
    problem = ao.LossProblem(5.0, pd.DataFrame(index=game.players))
    for name in ("nucleolus", "tau-value", "solidarity", "least-squares-value", "banzhaf"):
        ao.allocate(problem, name, game=game).verify()
    assert game.evaluations <= 2**8 + 100  # each coalition once; a few single ones are looked at before
    np.testing.assert_array_equal(game.kept.table(), game.of.table())
    assert game.kept.kept is game.kept and not game.kept.table().flags.writeable


def test_unions_are_a_column_or_lists_or_a_series() -> None:
    by_column = ao.allocate(question(4.0), "owen", game=runway(), unions="group").verify()
    lists = ao.allocate(question(4.0), "owen", game=runway(), unions=[["A", "B"], ["D", "C"]])
    named = ao.allocate(question(4.0), "owen", game=runway(), unions=question(4.0).payers["group"])
    np.testing.assert_allclose(by_column.paid, lists.paid)
    np.testing.assert_allclose(by_column.paid, named.paid)
    table = question(4.0).payers.assign(group=["one", "one", None, None])
    some = ao.allocate(question(4.0).replace(payers=table), "owen", game=runway(), unions="group")
    np.testing.assert_allclose(some.paid, ao.allocate(question(4.0), "owen", game=runway(), unions=[["A", "B"]]).paid)
    with pytest.raises(ao.DataError, match="column of unions"):
        ao.allocate(question(4.0), "owen", game=runway(), unions="grupo")
    key = ao.allocate(question(4.0), "owen", game=runway(), unions="group", between="banzhaf", within="banzhaf")
    assert key.verify().paid.sum() == pytest.approx(4.0)


def test_a_constrained_value_moves_less_than_a_cap_and_a_spread() -> None:
    game, caps = runway([1.0, 2.0, 4.0, 4.0]), [9.0, 9.0, 1.0, 1.5]
    plain = ao.shapley(game).values
    nearest = ao.allocate(question(4.0, caps), "constrained-shapley", game=game).verify()
    spread = ao.allocate(question(4.0, caps), "shapley", game=game).verify()
    away = [float(((one.shares - plain) ** 2).sum()) for one in (nearest, spread)]
    assert away[0] < away[1]
    function = ao.constrained_shapley(game, caps=caps, nonnegative=True)
    np.testing.assert_allclose(nearest.paid, function.values, atol=1e-9)
    doubled = ao.allocate(question(8.0, [2 * c for c in caps]), "constrained-shapley", game=game).verify()
    np.testing.assert_allclose(doubled.paid, 2 * nearest.paid, atol=1e-8)
    assert any("scaled to the loss" in note for note in doubled.notes)


def test_contradictions_are_named_and_exhaustion_is_a_result() -> None:
    game = runway([1.0, 2.0, 4.0, 4.0])
    with pytest.raises(ao.InfeasibleError, match=r"caps|alone"):
        ao.allocate(question(4.0, [9.0, 9.0, 0.2, 0.2]), "constrained-shapley", game=game)
    spent = ao.allocate(question(40.0, [1.0, 1.0, 1.0, 1.0]), "constrained-shapley", game=game).verify()
    assert spent.residual == pytest.approx(36.0) and any("no choice" in note for note in spent.notes)
    majority = ao.games.table([0, 0, 0, 1, 0, 1, 1, 1], players=NAMES[:3], kind="gain")
    with pytest.raises(ao.InfeasibleError, match="the core is empty"):
        ao.allocate(question(1.0, names=NAMES[:3]), "core-nearest", game=majority, reference="constrained-equal-awards")
    with pytest.raises(ao.DataError, match="cannot be scaled"):
        ao.allocate(question(1.0, names=NAMES[:2]), "constrained-shapley", game=[0.0, 1.0, 1.0, 0.0])


def test_the_nearest_division_follows_its_reference() -> None:
    game = runway([1.0, 2.0, 4.0, 4.0])
    for reference in ("constrained-equal-awards", ao.scheme("pro-rata", key="size"), [1.0, 1.0, 1.0, 1.0]):
        answer = ao.allocate(question(4.0), "core-nearest", game=game, reference=reference).verify()
        assert ao.max_excess(game, answer.paid).excess <= 1e-9
    inside = ao.shapley(game).values
    same = ao.allocate(question(4.0), "core-nearest", game=game, reference=inside)
    np.testing.assert_allclose(same.paid, inside, atol=1e-12)
    half = ao.allocate(question(2.0), "core-nearest", game=game, reference="constrained-equal-awards")
    whole = ao.allocate(question(4.0), "core-nearest", game=game, reference="constrained-equal-awards")
    np.testing.assert_allclose(2 * half.verify().paid, whole.paid, atol=1e-12)


def test_weights_are_a_column_or_figures() -> None:
    by_column = ao.allocate(question(4.0), "weighted-shapley", game=runway(), weights="size").verify()
    figures = ao.allocate(question(4.0), "weighted-shapley", game=runway(), weights=[1.0, 2.0, 3.0, 3.0])
    np.testing.assert_allclose(by_column.paid, figures.paid)
    with pytest.raises(ao.DataError, match="weight"):
        ao.allocate(question(4.0), "weighted-shapley", game=runway(), weights=[0.0, 2.0, 3.0, 3.0])


def test_batches_need_the_values_as_keys() -> None:
    values = ao.shapley(runway()).values.to_numpy()
    rows = ao.schemes()["shapley"](game=runway()).batch(np.array([4.0, 2.0]), values, np.full(4, 9.0))
    np.testing.assert_allclose(rows, np.array([values, values / 2]))
    with pytest.raises(ao.DataError, match="needs values as keys"):
        ao.schemes()["shapley"](game=runway()).batch(np.array([4.0]), None, np.full(4, 9.0))


def test_an_es_game_of_members_is_compared_by_every_kind_of_value() -> None:
    """The comparison of docs/games.md in small: table once, values, proofs, a scorecard."""
    pnl = book(6)
    game = ao.games.tail(pnl, 0.9)
    table = pd.DataFrame({"fund": np.linspace(1, 4, 6), "group": ["G", "G", None, None, "H", "H"]}, index=pnl.columns)
    problem = ao.LossProblem(game.grand, table, cap=game.grand, currency="EUR")
    rules = [
        ao.scheme("shapley", game=game), ao.scheme("nucleolus", game=game), ao.scheme("tau-value", game=game),
        ao.scheme("owen", game=game, unions="group"), ao.scheme("constrained-shapley", game=game, core=True),
        ao.scheme("core-nearest", game=game, reference=ao.scheme("pro-rata", key="fund")),
    ]  # fmt: skip
    card = ao.compare(problem, rules, by="fund")
    assert card.certificates["holds"].all() and card.shares.shape == (6, 6)
    np.testing.assert_allclose(card.shares.sum(), game.grand)
    for name in ("nucleolus", "constrained-shapley", "core-nearest"):
        assert ao.max_excess(game, card.shares[name]).excess <= 1e-9 * game.grand


def test_the_value_is_at_hand_without_a_question_where_none_is_read() -> None:
    pd.testing.assert_series_equal(rule("shapley", runway()).values, ao.shapley(runway()).values)
    with pytest.raises(ao.DataError, match="reads 'reference' of a question"):
        _ = rule("core-nearest", runway()).values
