"""The commands and their options; what they do is loaded only when one of them runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from allocopt.cli.inputs import Asked

app = typer.Typer(
    name="allocopt",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EVENT = Annotated[
    str, typer.Argument(help="A dataset by name, a dataset folder, an event.toml, or a CSV with one payer per row.")
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of tables.")]
LOSS = Annotated[float | None, typer.Option(help="The amount to be borne, such as 107e6; by default the event's own.")]
CURRENCY = Annotated[str, typer.Option(help="The currency of a CSV, such as EUR.")]
ROLES = Annotated[str | None, typer.Option(help="Who pays, separated by commas: survivor, house, trader ...")]
CAP = Annotated[str | None, typer.Option(help="The most each payer bears: a column, an amount for each, or none.")]
BY = Annotated[str | None, typer.Option(help="The exposure that burdens are measured on: a column.")]
GAME = Annotated[
    str | None, typer.Option(help="What groups of payers cost: tail:0.975, cover:2:by=stress_loss, airport, claims ...")
]
EXPLAIN = Annotated[str | None, typer.Option(metavar="PAYER", help="Say why this payer bears what it bears.")]
RANK = Annotated[bool, typer.Option("--rank", help="Rank the rules over all weights of the criteria, with reasons.")]
FRONTIER = Annotated[
    str | None, typer.Option(help="Trace what any division can do between these criteria: gini,gini_of_burdens.")
]
ALL = Annotated[bool, typer.Option("--all", help="Print every payer, in the order of the table.")]
SCHEME = Annotated[str, typer.Option(help="The sharing rule; see allocopt schemes.")]
KEY = Annotated[str | None, typer.Option(help="In what proportion payers answer: a column, or {a=0.5, b=0.5}.")]
PARAM = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the scheme; may be repeated.")
]
PROGRAM = Annotated[bool, typer.Option("--program", help="Solve the convex program even where there is a formula.")]
MODEL = Annotated[str | None, typer.Option(help="A waterfall by name, or its .toml file; by default the event's own.")]
SCHEMES = Annotated[
    str | None, typer.Option(help="Rules, as in talmud,pro-rata:key=initial_margin; by default a choice of them.")
]
OUT = Annotated[Path | None, typer.Option(help="Write the comparison as a page: report.html or report.md.")]
LOSSES = Annotated[
    str | None,
    typer.Option(metavar="LOW:HIGH:COUNT", help="Many losses in equal steps, as in 1e6:1e9:50, instead of one."),
]
STATEMENT = Annotated[
    list[str] | None, typer.Option(metavar="PAYER", help="The statement of this payer, by layer; may be repeated.")
]
RUN_OUT = Annotated[
    Path | None, typer.Option(help="Write the run as a page, report.html or report.md; with --losses a .csv.")
]
PERIOD = Annotated[Path, typer.Argument(help="A period that Period.save() wrote, a .json.")]
TIMELINE = Annotated[bool, typer.Option("--timeline", help="Print every resource after every line of the log.")]
BOOK = Annotated[
    Path, typer.Argument(help="A CSV with one account per row: contracts (short < 0), entry_price, balance or equity.")
]
MARK = Annotated[float, typer.Option(help="The mark price.")]
RANKING = Annotated[str, typer.Option(help="Whose line: bitmex, binance, bybit, okx, aevo, ethereal, dango ...")]
SIDE = Annotated[str | None, typer.Option(help="The bankrupt side, long or short; by default the only one.")]
QUANTITY = Annotated[float | None, typer.Option(help="Contracts to close; by default all of the bankrupt accounts.")]
PRICE = Annotated[str | None, typer.Option(help="bankruptcy, mark, oracle, previous mark, entry, or a number.")]
LIMIT = Annotated[str, typer.Option(help="How far an account is closed: equity, capacity or position.")]
ENGINE = Annotated[float, typer.Option(help="Contracts the liquidation engine holds, short < 0.")]
KIND = Annotated[str, typer.Option(help="linear, or inverse for contracts margined in the coin.")]
ORACLE = Annotated[float | None, typer.Option(help="The oracle price, where the venue closes there.")]
PREVIOUS = Annotated[float | None, typer.Option(help="The previous mark price, where the venue closes there.")]
FILE = Annotated[Path, typer.Argument(help="A dataset folder, an event.toml, or a model's .toml.")]


def _version(asked: bool) -> None:
    if asked:
        from allocopt import __version__

        print(f"allocopt {__version__}")
        raise typer.Exit


VERSION = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def allocopt(version: VERSION = False) -> None:
    """Who bears the loss: divide a loss among payers, prove the answer, compare the rules."""


@app.command()
def datasets(json: JSON = False) -> None:
    """List the real defaults on the shelf."""
    from allocopt.cli import listing

    listing.datasets(json)


@app.command()
def models(json: JSON = False) -> None:
    """List the waterfalls on the shelf."""
    from allocopt.cli import listing

    listing.models(json)


@app.command()
def schemes(json: JSON = False) -> None:
    """List the sharing rules and their parameters."""
    from allocopt.cli import listing

    listing.schemes(json)


@app.command()
def metrics(json: JSON = False) -> None:
    """List the criteria that rules are compared by, with what each judges and which way is better."""
    from allocopt.cli import listing

    listing.metrics(json)


@app.command()
def allocate(
    event: EVENT, scheme: SCHEME = "pro-rata", key: KEY = None, game: GAME = None, param: PARAM = None,
    loss: LOSS = None, currency: CURRENCY = "", roles: ROLES = None, cap: CAP = None, by: BY = None,
    program: PROGRAM = False, explain: EXPLAIN = None, all_: ALL = False, json: JSON = False,
) -> None:  # fmt: skip
    """Divide the loss of an event by one rule."""
    from allocopt.cli import dividing

    parameters = [*(param or []), *([] if key is None else [f"key={key}"])]
    answer = dividing.divide(Asked(event, loss, currency, roles, cap, game, by), scheme, parameters, program)
    dividing.show_answer(*answer, by, explain, all_, json)


@app.command()
def run(
    context: typer.Context, event: EVENT, model: MODEL = None, loss: LOSS = None, losses: LOSSES = None,
    currency: CURRENCY = "", explain: EXPLAIN = None, statement: STATEMENT = None, out: RUN_OUT = None,
    all_: ALL = False, json: JSON = False,
) -> None:  # fmt: skip
    """Send the loss of an event, or many losses, down a waterfall."""
    from allocopt.cli import running

    asked = Asked(event, loss, currency)
    if losses is not None:
        running.show_many(running.many(asked, model, losses), out, json)
    elif statement:
        running.show_statements(running.one(asked, model)[1], statement, out, json, context.obj)
    else:
        running.show_one(*running.one(asked, model), explain, all_, json, out, context.obj)


@app.command()
def period(file: PERIOD, timeline: TIMELINE = False, json: JSON = False) -> None:
    """Do a saved period again, to the cent, and show what is left; exit with 2 when an amount differs."""
    from allocopt.cli import periods

    periods.show_period(file, timeline, json)


@app.command()
def compare(
    context: typer.Context, event: EVENT, schemes: SCHEMES = None, game: GAME = None, model: MODEL = None,
    loss: LOSS = None, currency: CURRENCY = "", roles: ROLES = None, cap: CAP = None, by: BY = None, out: OUT = None,
    all_: ALL = False, rank: RANK = False, frontier: FRONTIER = None, json: JSON = False,
) -> None:  # fmt: skip
    """Divide the same loss by several rules and judge the answers."""
    from allocopt.cli import comparing, tradeoffs

    card = comparing.judge(Asked(event, loss, currency, roles, cap, game, by), schemes, model, by)
    traced = None if frontier is None else tradeoffs.trace(card, frontier)
    if out is not None:
        comparing.write_page(card, out, context.obj, rank)
    comparing.show_card(card, all_, json, out, rank, traced)


@app.command()
def adl(
    book: BOOK, mark: MARK, ranking: RANKING = "bitmex", side: SIDE = None, quantity: QUANTITY = None,
    price: PRICE = None, limit: LIMIT = "equity", engine: ENGINE = 0.0, kind: KIND = "linear", oracle: ORACLE = None,
    previous_mark: PREVIOUS = None, currency: CURRENCY = "", explain: EXPLAIN = None, all_: ALL = False,
    json: JSON = False,
) -> None:  # fmt: skip
    """Close a bankrupt side of a perpetual market against the other in the order of a venue."""
    from allocopt.cli import closing

    asked = closing.Closing(
        book, mark, oracle, previous_mark, engine, kind, currency, side, quantity, ranking, price, limit
    )
    closing.show_queue(asked, explain, all_, json)


@app.command()
def check(file: FILE, json: JSON = False) -> None:
    """List what is wrong with a document of your own; exit with 1 when anything is."""
    from allocopt.cli import listing

    raise typer.Exit(listing.check(file, json))


@app.command()
def selftest(json: JSON = False) -> None:
    """Recompute published figures and prove answers in this installation; exit with 4 when one fails."""
    from allocopt.cli import selftest as checks

    raise typer.Exit(checks.run(json))
