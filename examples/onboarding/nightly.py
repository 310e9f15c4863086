"""What the clock tells the dancers: a workflow that starts by itself every night."""

from datetime import datetime

from dancers import NightFell

from pavane import publish, workflow


@workflow(every="0 0 2 * * *", zone="Europe/Zurich", missed="last")
async def nightly(at: datetime) -> None:
    """Tell that night fell. Who has to look for something hears it, papers that are late say."""
    await publish(NightFell(at=at))
