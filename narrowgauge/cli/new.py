"""`narrowgauge new`: a contract is checked, and a folder appears in which a specialist of it can be made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from narrowgauge.contracts.contract_check import Checked

__all__ = ["new_command"]


def new_command(
    name: Annotated[str, typer.Argument(help="Name of the specialist: lower case, digits and hyphens.")],
    proto: Annotated[
        Path,
        typer.Option(
            "--proto", exists=True, help="The contract's .proto file, or a folder that is its import path."
        ),
    ],
    service: Annotated[
        str | None,
        typer.Option(help="Full name of its service; not needed when there is one that may be meant."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; ./NAME without it.")] = None,
    surface: Annotated[
        str, typer.Option(help="How it writes calls: protojson, or compact, which is for tuned specialists.")
    ] = "protojson",
) -> None:
    """Check a contract and write what a specialist of it begins with: configuration, examples, what to do.

    Tells everything that is wrong with the contract at once. Nothing that exists is overwritten.
    """
    from narrowgauge.cli.render.console import stdout
    from narrowgauge.cli.scaffold import answers_untrained, write_scaffold
    from narrowgauge.contracts.contract_check import check_contract
    from narrowgauge.contracts.descriptors import load_protos
    from narrowgauge.contracts.surfaces import get_surface
    from narrowgauge.errors import AlreadyExists, InvalidRequest

    chosen_surface = get_surface(surface)
    folder = out or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists("FOLDER_EXISTS", f"{folder} is there already; name another folder with --out")
    descriptors = load_protos([proto])
    chosen = service or _only_service(descriptors, proto, name)
    checked = check_contract(descriptors, chosen, name)
    if checked.errors:
        raise InvalidRequest(
            "BAD_CONTRACT",
            f"{chosen} cannot be a contract yet: {len(checked.errors)} to mend, and nothing was written",
            field_violations=[
                (found.place, found.problem + (f"; {found.fix}" if found.fix else ""))
                for found in checked.errors
            ],
        )
    assert checked.contract is not None
    chosen_surface.compile(checked.contract)
    written = write_scaffold(folder, checked.contract, proto, surface=surface)
    _print_findings(checked)
    stdout().print(f"contract {chosen}: {checked.masked} rules in the constraint", highlight=False)
    for path in written:
        stdout().print(f"  {path}", soft_wrap=True, markup=False, highlight=False)
    if answers_untrained(surface):
        stdout().print(
            f"now:  it answers already, by reading the contract: `narrowgauge compile --specialist {folder}`",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    stdout().print(
        f"next: write 20 to 200 examples into {folder / 'examples.jsonl'}, then `narrowgauge train {folder}`",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def _only_service(descriptors: FileDescriptorSet, proto: Path, name: str) -> str:
    """Returns the service that is meant: the only one, or the only one with this specialist's name.

    Raises:
        InvalidRequest: There is none, or several may be meant; names them.
    """
    from narrowgauge.contracts.contract_check import services_in
    from narrowgauge.contracts.descriptors import pool_of
    from narrowgauge.errors import InvalidRequest
    from narrowgauge.v1 import options_pb2

    pool = pool_of(descriptors)
    own = {path.name for path in (proto.rglob("*.proto") if proto.is_dir() else [proto])}
    files = {file.name for file in descriptors.file if Path(file.name).name in own}
    found = services_in(descriptors, files)
    named = [
        service
        for service in found
        if pool.FindServiceByName(service).GetOptions().Extensions[options_pb2.specialist].name == name
    ]
    if len(named) == 1:
        return named[0]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidRequest(
            "NO_SERVICE", f"{proto} has no service: a contract is a service of unary methods"
        )
    raise InvalidRequest(
        "WHICH_SERVICE", f"{proto} has several services; name one with --service: {', '.join(found)}"
    )


def _print_findings(checked: Checked) -> None:
    from rich.table import Table
    from rich.text import Text

    from narrowgauge.cli.render.console import stdout

    if not checked.findings:
        return
    styles = {"warning": "yellow", "note": "dim"}
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("what, and what to do", overflow="fold")
    for found in checked.findings:
        level = found.severity.value
        what = Text(found.problem)
        if found.fix:
            what.append(f"\n→ {found.fix}", style="dim")
        table.add_row(Text(level, style=styles.get(level, "")), Text(found.place), what)
    stdout().print(table)
