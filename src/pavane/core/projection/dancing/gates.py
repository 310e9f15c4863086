"""Joins: where branches meet, or the items of a for-each."""

from __future__ import annotations

from msgspec import structs

from pavane.core.decide.draft import encode
from pavane.core.decide.races import WINNERS, shown, too_few
from pavane.core.model import status as st
from pavane.core.projection import message as m
from pavane.core.projection import rows as r
from pavane.core.projection.choreography import Node, joined_by, named
from pavane.core.projection.dancing.fans import Fans
from pavane.core.projection.message import At, Message
from pavane.core.projection.rows import Arrival, GateRow, StepRow


class Gates(Fans):
    """Each join has one owner, and one row for each coordinate."""

    # --- joins ----------------------------------------------------------------------------------

    def arrive_at_join(self, node: Node, message: Message) -> None:
        """Arrivals are a set, keyed by where they come from: the same one again is none."""
        at, row = message.at, self.gate_row(node, message.at)
        arrival = Arrival(message.source, message.source_at, message.outcome, message.reason)
        if arrival in row.arrivals:
            return
        if not row.arrivals:
            self.note(node, at, 0, st.IN_PROGRESS)
        row = structs.replace(row, arrivals=(*row.arrivals, arrival))
        if message.outcome == m.COUNT:
            row = structs.replace(row, count=message.count)
        self.put_gate(node, at, row)
        if not row.fired and not row.failed:
            self._try_to_fire(node, at, row)

    def _try_to_fire(self, node: Node, at: At, row: GateRow) -> None:
        if node.mode == "all":
            if self.all_here(node, row):
                self._fire(node, at, row)
        elif node.mode == "each":
            if self.each_here(row):
                self._fire(node, at, row)
        else:
            self._some(node, at, row)

    def all_here(self, node: Node, row: GateRow) -> bool:
        """One arrival from each branch."""
        return len(row.arrivals) >= len(node.sources)

    def each_here(self, row: GateRow) -> bool:
        """The count was announced, and that many have arrived (rule 15)."""
        items = sum(arrival.outcome != m.COUNT for arrival in row.arrivals)
        return row.count >= 0 and items >= row.count

    def _some(self, node: Node, at: At, row: GateRow) -> None:
        done = [each for each in row.arrivals if each.outcome == m.DONE]
        failed = [each for each in row.arrivals if each.outcome == m.FAILED]
        of = len(node.sources)
        if len(done) >= node.need:
            winners = {each.source for each in done[: node.need]}
            losers = self.losers(node, winners, {each.source for each in failed})
            row = structs.replace(row, losers=tuple((each, at) for each in losers))
            self._fire(node, at, row)
            for loser in losers:
                branch = self.node(loser)
                generation = self.generation(branch, at)
                self.send(m.CANCEL, branch.role, node.scope, generation, node=loser, at=at)
        elif reason := too_few(node.need, of, len(failed), failed[0].reason if failed else ""):
            self.put_gate(node, at, structs.replace(row, failed=True))
            self.note(node, at, 0, st.FAILED, reason=reason)
            self.fail(node, at, st.FAILED, reason)

    def losers(self, node: Node, winners: set[str], failed: set[str]) -> list[str]:
        """Every other branch, also one that is done already (rule 11)."""
        return [each for each in node.sources if each not in winners and each not in failed]

    def _fire(self, node: Node, at: At, row: GateRow) -> None:
        """The join is done, once: the flow goes on behind it."""
        self.put_gate(node, at, structs.replace(row, fired=True))
        each = node.mode == "each"
        if node.mode == "some":
            self._won(node, at, row)
            return
        view = self.gathered(node, at, row.count) if each else self.joined(node, at)
        self.put_step(node, at, StepRow(r.DONE, output=view, begun=self.now))
        reason = next((each.reason for each in row.arrivals if each.reason), "")
        status = st.COMPLETED_WITH_ERRORS if reason else st.COMPLETED
        joins = list(node.plan.join_on) if node.plan is not None else []
        if each and node.plan is not None:
            item = self.node(node.sources[0])
            joins = [named(item, (index,)) for index in range(1, row.count + 1)]
        self.note(node, at, 0, status, reason=reason, joins=joins)
        self.go_on(node, at)

    def _won(self, node: Node, at: At, row: GateRow) -> None:
        """Enough are done: whoever reads what they gave must know who they are."""
        done = [each for each in row.arrivals if each.outcome == m.DONE][: node.need]
        winners = [self.node(each.source) for each in done]
        output = encode(shown([each.ref for each in winners]))
        self.put_step(node, at, StepRow(r.DONE, output=output, begun=self.now))
        names = [each.ref for each in winners]
        made = encode({WINNERS: [self.shown(each, at) for each in winners]})
        self.note(node, at, 0, st.COMPLETED, joins=names, output=made)
        self.go_on(node, at)

    def joined(self, node: Node, at: At) -> bytes:
        """What is known here of the outputs that meet; nobody computes with it."""
        if node.plan is None:
            return b"{}"
        found: dict[str, object] = {}
        scope = self.scope_of(node)
        for ref in joined_by(node, self.choreography.nodes):
            name = f"{scope.path}/{ref}" if scope.path else ref
            body = self.value(f"{name}:out", at)
            if body not in (None, b"", b"{}", b"null"):
                found[ref] = body
        parts = [
            encode(ref) + b":" + body for ref, body in found.items() if isinstance(body, bytes)
        ]
        return b"{" + b",".join(parts) + b"}"

    # --- losers ---------------------------------------------------------------------------------

    def on_cancelled(self, message: Message) -> None:
        """A losing branch is undone, or never was."""
        branch = self.node(message.node)
        node, at = self.node(branch.gate), message.at
        row = self.gate_row(node, at)
        if not any(loser[0] == branch.id for loser in row.losers):
            return
        left = tuple(loser for loser in row.losers if loser[0] != branch.id)
        row = self.put_gate(node, at, structs.replace(row, losers=left))
        if row.asked:
            self._settle_if_quiet(node, self.generation(node, at))

    def on_settle(self, message: Message) -> None:
        """The home wants to close: answer when all losers have answered, in every instance."""
        node = self.node(message.node)
        for key, row in self._gates(node, message.generation):
            if row.losers and not row.asked:
                self.put_gate(node, key, structs.replace(row, asked=True))
        self._settle_if_quiet(node, message.generation)

    def _gates(self, node: Node, generation: At) -> list[tuple[At, GateRow]]:
        return [
            (key.at, row)
            for key, row in self.rows_of(node.scope, generation).items()
            if key.name == node.id and isinstance(row, GateRow)
        ]

    def _settle_if_quiet(self, node: Node, generation: At) -> None:
        if not any(row.losers for _, row in self._gates(node, generation)):
            home = self.home_of(node.scope)
            self.send(m.SETTLED, home, node.scope, generation, node=node.id, at=generation)
