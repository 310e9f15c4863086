"""One process of a service: ledger, participant and workers, with a clock of its own."""

from __future__ import annotations

from collections.abc import Sequence

from pavane.adapters.memory.ledger import MemoryLedger
from pavane.core.projection.choreography import Choreography
from pavane.core.projection.dancing.dancer import Dancer
from pavane.participant.participant import Participant
from pavane.participant.retention import Retention
from pavane.participant.roles.turns import DancerMaker
from pavane.ports.clock import Clock
from pavane.testing.simulation.case import CrashAt
from pavane.testing.simulation.dance.network import Connection
from pavane.testing.simulation.dance.slow_ledger import slow_ledger
from pavane.testing.simulation.outside import Outside
from pavane.testing.simulation.process import Process
from pavane.testing.simulation.workers import Workers


class ServiceProcess(Process):
    """Plays one role until it dies."""

    def __init__(
        self,
        role: str,
        ledger: MemoryLedger,
        connection: Connection,
        clock: Clock,
        workers: Workers,
        known: Sequence[Choreography],
        outside: Outside,
        crash: CrashAt | None,
        commit_s: float = 0,
        dancer: DancerMaker = Dancer,
        keep_s: float = 0,
        forgetting: type[Retention] = Retention,
    ) -> None:
        super().__init__(outside, crash, role)
        self._durable = ledger
        self._connection = connection
        self.workers = workers
        self.next_ledger: MemoryLedger | None = None
        slow = slow_ledger(ledger, commit_s, self.at)
        self.participant = Participant(
            role,
            slow,
            connection,
            clock,
            choreographies=known,
            dispatcher=workers,
            probe=self,
            dancer=dancer,
        )
        self.retention = forgetting(
            role,
            slow,
            connection,
            clock,
            int(keep_s * 1000),
            tell=self.participant.tell,
            forgetting=self.participant.forgetting,
        )

    def fall(self) -> None:
        """Keep what the ledger has committed; what was not acknowledged comes again."""
        self.workers.close()
        self._connection.cut()
        self.next_ledger = self._durable.crash()

    async def start(self) -> None:
        """Open, take up what the last process left, listen."""
        await self._durable.open()
        await self._connection.open()
        self.workers.start(self.participant.attempts)
        await self.participant.start()
        self.up = True
        self.workers.look()

    async def failed(self) -> None:
        """Raise what broke, if ever something does."""
        await self.participant.failed()
