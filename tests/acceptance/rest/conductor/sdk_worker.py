"""A program as a user of Conductor's SDK writes it: workers that poll a server until stopped."""

import sys

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import TaskInProgress, get_task_context
from conductor.client.http.models.task_def import TaskDef
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_task import worker_task


@worker_task("sdk_book", poll_interval_millis=50, thread_count=4)
def book(number: int) -> dict[str, object]:
    return {"seat": f"{number}A"}


@worker_task("sdk_count", poll_interval_millis=50)
def count(upto: int) -> dict[str, int] | TaskInProgress:
    """Asks to be called again until it has been called often enough."""
    polls = get_task_context().get_poll_count()
    if polls < upto:
        return TaskInProgress(callback_after_seconds=0, output={"calls": polls})
    return {"calls": polls}


@worker_task(
    "sdk_pay",
    poll_interval_millis=50,
    register_task_def=True,
    task_def=TaskDef(name="sdk_pay", retry_count=2, retry_delay_seconds=0, timeout_seconds=0),
)
def pay(card: str) -> dict[str, str]:
    if card == "stolen":
        raise NonRetryableException("the card is stolen")
    if card == "flaky" and get_task_context().get_retry_count() == 0:
        raise ConnectionError("the bank closed the connection")
    return {"paid": card}


def main() -> None:
    """Work for the server whose address is given, until the standard input ends."""
    configuration = Configuration(server_api_url=sys.argv[1])
    with TaskHandler(configuration=configuration, scan_for_annotated_workers=True) as handler:
        handler.start_processes()
        print("working", flush=True)
        sys.stdin.read()
        handler.stop_processes()


if __name__ == "__main__":
    main()
