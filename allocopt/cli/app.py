"""The commands and their options; what they do is loaded only when one of them runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="allocopt",
    help="Who bears the loss: divide a loss among payers, prove the answer, compare the rules.",
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
EXPLAIN = Annotated[str | None, typer.Option(metavar="PAYER", help="Say why this payer bears what it bears.")]
ALL = Annotated[bool, typer.Option("--all", help="Print every payer, in the order of the table.")]


def _version(asked: bool) -> None:
    if asked:
        from allocopt import __version__

        print(f"allocopt {__version__}")
        raise typer.Exit


@app.callback()
def allocopt(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
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
def allocate(
    event: EVENT,
    scheme: Annotated[str, typer.Option(help="The sharing rule; see allocopt schemes.")] = "pro-rata",
    key: Annotated[
        str | None, typer.Option(help="In what proportion payers answer: a column or {a=0.5, b=0.5}.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the scheme; may be repeated.")
    ] = None,
    loss: LOSS = None,
    currency: CURRENCY = "",
    roles: ROLES = None,
    cap: CAP = None,
    by: BY = None,
    program: Annotated[
        bool, typer.Option("--program", help="Solve the convex program even if there is a formula.")
    ] = False,
    explain: EXPLAIN = None,
    all_: ALL = False,
    json: JSON = False,
) -> None:
    """Divide the loss of an event by one rule."""
    from allocopt.cli import dividing

    dividing.allocate(
        event,
        scheme,
        key,
        param or [],
        loss,
        currency,
        roles,
        cap,
        by,
        program=program,
        payer=explain,
        all_=all_,
        json=json,
    )


@app.command()
def run(
    event: EVENT,
    model: Annotated[
        str | None, typer.Option(help="A model by name, or its .toml file; by default the event's own.")
    ] = None,
    loss: LOSS = None,
    currency: CURRENCY = "",
    explain: EXPLAIN = None,
    all_: ALL = False,
    json: JSON = False,
) -> None:
    """Send the loss of an event down a waterfall."""
    from allocopt.cli import dividing

    dividing.run(event, model, loss, currency, payer=explain, all_=all_, json=json)


@app.command()
def compare(
    event: EVENT,
    schemes: Annotated[
        str | None,
        typer.Option(
            help="Rules, separated by commas, such as talmud,pro-rata:key=initial_margin; by default a choice."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A waterfall to set beside them; by default the event's own, 'none' for none.")
    ] = None,
    loss: LOSS = None,
    currency: CURRENCY = "",
    roles: ROLES = None,
    cap: CAP = None,
    by: BY = None,
    out: Annotated[Path | None, typer.Option(help="Write the comparison as a page: report.html or report.md.")] = None,
    all_: ALL = False,
    json: JSON = False,
) -> None:
    """Divide the same loss by several rules and judge the answers."""
    from allocopt.cli import comparing

    comparing.compare(event, schemes, model, loss, currency, roles, cap, by, out, all_=all_, json=json)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A dataset folder, an event.toml, or a model's .toml.")],
    json: JSON = False,
) -> None:
    """List what is wrong with a document of your own; exit with 1 when anything is."""
    from allocopt.cli import listing

    raise typer.Exit(listing.check(file, json))


@app.command()
def selftest(json: JSON = False) -> None:
    """Recompute published figures and prove answers in this installation; exit with 4 when one fails."""
    from allocopt.cli import selftest as checks

    raise typer.Exit(checks.run(json))
