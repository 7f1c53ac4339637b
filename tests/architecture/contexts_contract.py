"""An import contract: bounded contexts know nothing of each other but events."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class ContextsContract(Contract):
    """No module of one context imports another context, and none of the common packages imports any; in every layer.

    The contexts are the packages in `home`, without the `common` ones that belong to everybody: a new context is
    checked from its first file on. A module belongs to the context that its path names (`infrastructure.sql.scheduling`
    is of scheduling); a module whose path names none, such as a composition of all, may import any.

    They meet through events: a module named `subscribers` may import another context's `events` in `home`.
    """

    type_name = "contexts"

    home = fields.StringField()
    common = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        home, common = str(self.home), set(map(str, self.common))  # type: ignore[call-overload]
        rooms = {module.rpartition(".")[2] for module in graph.find_children(home)} | common
        broken = [
            f"{importer} -> {imported}"
            for importer in sorted(graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if (room := _room(importer, rooms))
            and (other := _room(imported, rooms - common))
            and room != other
            and not (importer.endswith(".subscribers") and imported == f"{home}.{other}.events")
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["broken"]:
            output.print_error(f"- {line}", bold=False)
        output.new_line()


def _room(module: str, rooms: set[str]) -> str | None:
    return next((part for part in module.split(".") if part in rooms), None)
