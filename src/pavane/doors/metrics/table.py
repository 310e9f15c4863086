"""Every metric there is: its name, kind, labels and what it means. The page is drawn from it.

Labels are bounded: statuses and kinds are few, and of tasks, workflows, services, groups and topics
those of definitions; beyond `SERIES_MAX` of one metric the smallest are summed up as `(others)`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

SERIES_MAX: Final = 200


class Metric(NamedTuple):
    """One metric. `where`: a conductor has it, or a process on a bus, or a service that dances."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    where: Literal["conductor", "bus", "service"]
    about: str


METRICS: Final = (
    Metric(
        "pavane_executions_total",
        "counter",
        ("status",),
        "conductor",
        "Executions that came into this status here, RUNNING among them, since the process began.",
    ),
    Metric(
        "pavane_attempts_total",
        "counter",
        ("status",),
        "conductor",
        "Attempts at steps, and at undoing them, by how they ended.",
    ),
    Metric(
        "pavane_attempts_scheduled_total",
        "counter",
        (),
        "conductor",
        "Attempts at steps, and at undoing them, that were scheduled.",
    ),
    Metric(
        "pavane_tasks_taken_total",
        "counter",
        (),
        "conductor",
        "Tasks that workers took, or that were sent to a bus.",
    ),
    Metric("pavane_commits_total", "counter", (), "conductor", "Batches that are durable."),
    Metric(
        "pavane_changes_total",
        "counter",
        (),
        "conductor",
        "Executions written, all commits together.",
    ),
    Metric(
        "pavane_requests_lost_total",
        "counter",
        (),
        "conductor",
        "Requests decided anew, because another node had written their execution before.",
    ),
    Metric(
        "pavane_requests_waiting",
        "gauge",
        (),
        "conductor",
        "Requests that wait for a commit: above some thousand the store does not keep up.",
    ),
    Metric(
        "pavane_tasks_waiting",
        "gauge",
        ("task",),
        "conductor",
        "Tasks in the store that wait for a worker; all nodes on it say the same.",
    ),
    Metric(
        "pavane_executions_waiting",
        "gauge",
        ("workflow",),
        "conductor",
        "Executions in the store that wait for a place in their workflow's limit.",
    ),
    Metric(
        "pavane_workers",
        "gauge",
        (),
        "conductor",
        "Processes of services that this node hears over HTTP.",
    ),
    Metric("pavane_leases", "gauge", (), "conductor", "Tasks that these have."),
    Metric(
        "pavane_duty",
        "gauge",
        ("duty",),
        "conductor",
        "1 where this node has the duty, of which one node has each; 0 where another has.",
    ),
    Metric(
        "pavane_bus_processes",
        "gauge",
        ("service",),
        "conductor",
        "Processes of a service that takes its tasks from the bus, as this node hears.",
    ),
    Metric("pavane_bus_places", "gauge", ("service",), "conductor", "Places that these have."),
    Metric(
        "pavane_bus_tasks",
        "gauge",
        ("service",),
        "conductor",
        "Tasks that this node has sent them, and of which it has no report.",
    ),
    Metric(
        "pavane_bus_up",
        "gauge",
        (),
        "bus",
        "1 where the bus said how far groups are behind, 0 where it could not be asked.",
    ),
    Metric(
        "pavane_bus_lag",
        "gauge",
        ("group", "topic"),
        "bus",
        "Messages that wait for a group, on all of its processes together.",
    ),
    Metric(
        "pavane_relay_backlog",
        "gauge",
        ("service",),
        "service",
        "Records of the ledger's log that are not on the bus yet; counted up to 1000.",
    ),
    Metric(
        "pavane_set_aside",
        "gauge",
        ("service", "kind"),
        "service",
        "Messages that stand in the ledger: dead, quarantined or parked; counted up to 1000 each.",
    ),
)
