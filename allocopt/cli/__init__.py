"""The command ``allocopt``: what the package does, from a terminal; one clear line and an exit code when it cannot."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from allocopt.errors import AllocOptError, CertificateError, InfeasibleError, SolverError

BAD_INPUT, INFEASIBLE, UNPROVEN = 2, 3, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 for findings, 2 for bad input, 3 for contradictory constraints, 4 for no proof.

    >>> main(["allocate", "nasdaq-clearing-2018", "--scheme", "talmud", "--explain", "Member 166"])
    Member 166 bears EUR 35,564.37 of EUR 107,000,000.00 (0.03% of the loss)...
    0
    """
    import typer

    from allocopt.cli.app import app

    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(typed, prog_name="allocopt", standalone_mode=False, obj=shlex.join(["allocopt", *typed]))
    except InfeasibleError as fault:
        return _complain(fault, INFEASIBLE)
    except (SolverError, CertificateError) as fault:
        return _complain(fault, UNPROVEN)
    except AllocOptError as fault:
        return _complain(fault, BAD_INPUT)
    except OSError as fault:
        return _complain(f"{fault.filename or 'a file'}: {fault.strerror or fault}", BAD_INPUT)
    except typer.Abort:
        return _complain("stopped", 1)
    except Exception as fault:
        # The class of a faulty command line moved between releases of typer; what it can do did not.
        if not hasattr(fault, "format_message"):
            raise
        return _complain(f"{str(fault.format_message()).rstrip('.')}; see allocopt --help", BAD_INPUT)
    return code if isinstance(code, int) else 0


def _complain(fault: object, code: int) -> int:
    print(f"allocopt: {' '.join(str(fault).split())}", file=sys.stderr)
    return code
