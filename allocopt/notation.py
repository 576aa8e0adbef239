"""Which symbol stands for what: the letters of every formula, a letter for every usual column, and their units."""

from __future__ import annotations

import re
from typing import NamedTuple


class Symbol(NamedTuple):
    """A symbol as it is printed, what it stands for, and its unit."""

    latex: str
    meaning: str
    unit: str


_AMOUNT = "currency"
_NUMBER = "pure number"

_FORMULAS = (
    Symbol("x_i", "share of payer i: what it bears", _AMOUNT),
    Symbol("x", "all shares together, one entry per payer", _AMOUNT),
    Symbol("c_i", "cap of payer i: the most it can be made to bear", _AMOUNT),
    Symbol("c", "all caps together, one entry per payer", _AMOUNT),
    Symbol("w_i", "key or exposure of payer i: in what proportion it answers for the loss", "unit of the key"),
    Symbol("w", "all keys together, one entry per payer", "unit of the key"),
    Symbol("L", "the loss to be borne", _AMOUNT),
    Symbol("p", "price of the loss: what one more unit of loss would cost", "unit of the rule's cost per currency"),
    Symbol("n", "number of payers", _NUMBER),
    Symbol("i", "a payer", "label"),
    Symbol("R", "what is left: the residual, which nobody could bear", _AMOUNT),
    Symbol(r"\mu", "what every payer keeps of its cap, per unit of key", "currency per unit of key"),
    Symbol(r"\theta", "where every cap is cut in two", _NUMBER),
    Symbol("y_i", "what payer i bears of the first part of its cap; in the Atkinson index, what it keeps", _AMOUNT),
    Symbol(r"\bar y", "mean of what payers keep", _AMOUNT),
    Symbol(r"\bar y_i", "the first part of payer i's cap", _AMOUNT),
    Symbol(r"\bar z_i", "the second part of payer i's cap", _AMOUNT),
    Symbol("y", "a division drawn at random", _AMOUNT),
    Symbol("U_i", "a share of payer i drawn at random from 0 to its cap", _AMOUNT),
    Symbol("z_i", "what payer i bears of the second part of its cap", _AMOUNT),
    Symbol("M", "the largest cap", _AMOUNT),
    Symbol("m", "the smallest cap", _AMOUNT),
    Symbol(r"\lambda", "an amount common to all payers", _AMOUNT),
    Symbol("k_i", "place of payer i in the line, from 0", _NUMBER),
    Symbol("k", "a place in a line; as a bound, the most a constraint allows", "as stated with the rule"),
    Symbol("k_0", "bound on the ordered sum of rates", "unit of the rate"),
    Symbol("l", "the least a constraint allows", "as stated with the rule"),
    Symbol("h", "the most a constraint allows", "as stated with the rule"),
    Symbol("q_i", "share of payer i by the reference rule", _AMOUNT),
    Symbol(
        "m_i", "in what a move of payer i's share is measured; or the part of the loss that falls on it alone", _AMOUNT
    ),
    Symbol("t_i", "cap of payer i beyond what falls on it alone, cut to what is left", _AMOUNT),
    Symbol(r"\bar m", "the largest part that falls on one payer alone", _AMOUNT),
    Symbol(r"\bar t", "the largest cap beyond what falls on a payer alone", _AMOUNT),
    Symbol(r"\kappa_i", "contribution of payer i to the joint risk or cost, of either sign", _AMOUNT),
    Symbol(
        r"\kappa", "all contributions together; in the Kolm-Pollak index, the aversion to heavy burdens", "as stated"
    ),
    Symbol(r"\nu_i", "joint cost that would vanish without payer i", _AMOUNT),
    Symbol(r"\tau", "size of the joint position while it grows from nothing to all of it", _NUMBER),
    Symbol(r"\lambda_i", "the most that payer i would concede of the joint cost", _AMOUNT),
    Symbol(r"\ell_i", "loss of payer i in a scenario", _AMOUNT),
    Symbol(r"\ell", "loss of all payers together in a scenario", _AMOUNT),
    Symbol("E", "mean over the scenarios", ""),
    Symbol("C", "cost of a total exposure", _AMOUNT),
    Symbol("q", "a total exposure", "unit of the key"),
    Symbol("g", "bound on the Gini coefficient", _NUMBER),
    Symbol(r"\rho", "bound on a ratio of rates", _NUMBER),
    Symbol("A", "bound on the Atkinson index", _NUMBER),
    Symbol(r"\epsilon", "aversion to inequality", _NUMBER),
    Symbol("v_i", "wealth of payer i before the loss", _AMOUNT),
    Symbol("a_i", "weight of a rate by its place in the order of rates", _NUMBER),
    Symbol("R_i", "rank of payer i by exposure", _NUMBER),
    Symbol(r"\delta", "allowed departure from the reference, as a fraction of it", _NUMBER),
    Symbol(r"\delta_i", "width of one slice of the loss", _AMOUNT),
    Symbol("s_i", "part of one slice that payer i bears", _NUMBER),
    Symbol(r"\beta", "level: the fraction of payers who are not counted among the worst-hit", _NUMBER),
    Symbol("t", "rate from which a payer counts among the worst-hit; under an integral, an amount", "as stated"),
    Symbol("u", "utility of what a payer keeps", ""),
    Symbol("z", "what a payer keeps", _AMOUNT),
    Symbol(r"\gamma", "relative risk aversion; as a function, the cost that no payer causes alone", "as stated"),
    Symbol("b", "fraction of its equity a payer must keep; or all minimal burdens together", "as stated"),
    Symbol("b_i", "minimal burden of payer i", _AMOUNT),
    Symbol("e_i", "exposure of payer i; in the constraint on solvency, its equity", _AMOUNT),
    Symbol("E_i", "equity of payer i", _AMOUNT),
    Symbol(r"\sigma_i", "spread of the profit and loss of payer i around its mean", _AMOUNT),
    Symbol("x_{merged}", "share of the one account that some payers merge into", _AMOUNT),
    Symbol("x_{house}", "share of the house itself", _AMOUNT),
    Symbol(r"\rho_i", "part of the risk that payer i contributes", _NUMBER),
    Symbol("v", "worth of a coalition: what it would have to bear, or could save, by itself", _AMOUNT),
    Symbol("S", "a coalition: some of the payers", "set"),
    Symbol("N", "all payers together", "set"),
    Symbol("m_{|S|}", "weight of the coalitions of that size", _NUMBER),
    Symbol(r"\pi", "an order in which payers arrive", "order"),
    Symbol(r"E_\pi", "mean over all orders of arrival", ""),
    Symbol(r"\phi_i", "Shapley value of payer i", _AMOUNT),
    Symbol("G", "a group of payers; as a function, the Gini coefficient", "set"),
    Symbol("H", "another group of payers", "set"),
    Symbol("r_i", "rate of payer i: share per unit of exposure", "currency per unit of exposure"),
    Symbol("r", "all rates together, one entry per payer", "currency per unit of exposure"),
    Symbol(r"\bar r", "mean rate, by exposure", "currency per unit of exposure"),
    Symbol(r"\bar x", "mean share", _AMOUNT),
    Symbol("W", "sum of all keys or exposures", "unit of the key"),
    Symbol("X", "sum of all shares", _AMOUNT),
    Symbol("Y", "loss borne by those with the smallest exposures (Lorenz curve); or a random division", "as stated"),
    Symbol("J", "Jain's index", _NUMBER),
    Symbol("CV", "coefficient of variation", _NUMBER),
    Symbol("C_x", "concentration index of the shares, payers ranked by exposure", _NUMBER),
    Symbol("G_w", "Gini coefficient of the exposures", _NUMBER),
    Symbol("G_c", "Gini coefficient of the caps", _NUMBER),
    Symbol("C_{c - x}", "concentration index of what is left of the caps, payers ranked by cap", _NUMBER),
    Symbol(r"\tau_b", "Kendall's rank correlation, corrected for ties", _NUMBER),
    Symbol("e", "base of natural logarithms", _NUMBER),
    Symbol("d", "differential", ""),
)

#: The symbols of formulas, by their LaTeX.
SYMBOLS = {symbol.latex: symbol for symbol in _FORMULAS}

#: The symbols of usual columns, by the name of the column.
COLUMNS = {
    "default_fund": Symbol("F_i", "contribution to the default fund", _AMOUNT),
    "initial_margin": Symbol("I_i", "initial margin posted", _AMOUNT),
    "gross_exposure": Symbol("G_i", "long and short positions added up", _AMOUNT),
    "net_exposure": Symbol("N_i", "long less short positions, in absolute value", _AMOUNT),
    "stress_loss": Symbol("S_i", "loss in the worst stress scenario", _AMOUNT),
    "equity": Symbol("E_i", "own equity", _AMOUNT),
    "collateral": Symbol("K_i", "collateral or margin held", _AMOUNT),
    "own_capital": Symbol("O_i", "the house's own capital put before others' money", _AMOUNT),
    "assessment": Symbol("H_i", "most that can be called for beyond the default fund", _AMOUNT),
    "liquid_resources": Symbol("Q_i", "cash that can be found that day", _AMOUNT),
    "assets": Symbol("A_i", "all assets of the account", _AMOUNT),
    "balance": Symbol("B_i", "balance before the loss", _AMOUNT),
    "advanced": Symbol("V_i", "most that was lent", _AMOUNT),
    "turnover": Symbol("T_i", "value of trades over a period", _AMOUNT),
    "claim": Symbol("D_i", "what is owed to the payer", _AMOUNT),
    "weekly_profit": Symbol("P_i", "net profit of the week", _AMOUNT),
    "capacity": Symbol("U_i", "profit that can be taken", _AMOUNT),
    "needed": Symbol("Y_i", "cost of what was closed", _AMOUNT),
    "taken": Symbol("Z_i", "what was taken", _AMOUNT),
    "borne": Symbol("J_i", "what was borne", _AMOUNT),
    "guarantee_fund": Symbol("M_i", "contribution to the guarantee fund", _AMOUNT),
    "provision": Symbol("W_i", "money set aside for the loss", _AMOUNT),
    "bid_tier": Symbol("X_i", "place of the bid in the auction, 1 pays first", ""),
}

#: Letters that LaTeX calls by a name.
LETTERS = {
    "ell": "ℓ",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "ϕ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
_WORDS = re.compile(r"\\(?:text|mathrm|operatorname|texttt|begin|end)\*?\s*\{[^{}]*\}")
_SYMBOL = re.compile(
    r"(?P<accent>\\(?:bar|hat|tilde)\s*\{?\s*)?(?P<base>\\[A-Za-z]+|[A-Z]{2,}|[A-Za-z])"
    r"(?:_(?P<sub>\{[^{}]*\}|\\[A-Za-z]+|\w))?"
)
_INDEX = re.compile(r"[ijkln()<>\s\d,+-]+")


def symbols_in(latex: str) -> tuple[str, ...]:
    r"""The symbols of a formula in the order in which they appear, each once, indices written as ``i``.

    Words in ``\text{...}``, operators and what stands under them are no symbols.

    >>> symbols_in(r"\min_x \sum_j \frac{x_j^2}{2 w_j} \quad \text{s.t. nobody pays twice}")
    ('x_i', 'w_i')
    """
    found: dict[str, None] = {}
    for match in _SYMBOL.finditer(_WORDS.sub(" ", latex)):
        base, sub = match["base"], (match["sub"] or "").strip("{}")
        if base.startswith("\\") and base[1:] not in LETTERS:
            continue
        if match["accent"]:
            base = match["accent"].strip("{ ") + " " + base
        literal = f"{base}_{sub}" if len(sub) == 1 or sub.startswith("\\") else f"{base}_{{{sub}}}"
        if literal not in SYMBOLS and _INDEX.fullmatch(sub):
            literal = f"{base}_i"
        found[literal if sub else base] = None
    return tuple(found)


def column(name: str) -> Symbol:
    """The symbol of a column; one that has no letter of its own is printed by its name.

    >>> column("default_fund").latex, column("open_interest").latex
    ('F_i', '\\\\text{open interest}_i')
    """
    spelled = re.sub(r"[^\w ]+|_+", " ", name).strip()
    return COLUMNS.get(name) or Symbol(rf"\text{{{spelled}}}_i", f"column {name}", "")
