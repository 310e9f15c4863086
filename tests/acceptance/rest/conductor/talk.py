"""What the tests say to Conductor's API again and again."""

from typing import Any

import httpx2

BOOKING: dict[str, Any] = {
    "name": "booking",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "byrd@example.org",
    "tasks": [
        {
            "name": "book",
            "taskReferenceName": "seat",
            "type": "SIMPLE",
            "inputParameters": {"id": "${workflow.input.id}", "note": None},
            "undo": {"name": "unbook", "inputParameters": {"id": "${seat.input.id}"}},
        },
        {"name": "pay", "taskReferenceName": "pay", "type": "SIMPLE", "optional": None},
    ],
    "outputParameters": {"seat": "${seat.output.seat}"},
}
TASKS: list[dict[str, Any]] = [
    {"name": "book", "retryCount": 1, "retryDelaySeconds": 0, "responseTimeoutSeconds": 30},
    {"name": "unbook", "retryCount": 0},
    {"name": "pay", "retryCount": 0},
]


class Talk:
    """A client with the sentences of the tests."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of a path that must be there."""
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def start(self, **body: Any) -> str:
        """Start `booking`; its id."""
        response = await self.client.post("/workflow", json={"name": "booking", **body})
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        return response.text

    async def poll(self, name: str, worker: str = "w1", **query: Any) -> list[Any]:
        """Up to ten tasks; waits for nothing unless told to."""
        query = {"workerid": worker, "count": 10, "timeout": 0, **query}
        return await self.get(f"/tasks/poll/batch/{name}", **query)

    async def report(self, task: Any, status: str = "COMPLETED", **more: Any) -> httpx2.Response:
        """Report on a task as the worker that has it."""
        body = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "workerId": task.get("workerId"),
            "status": status,
            **more,
        }
        return await self.client.post("/tasks", json=body)

    async def work(self, name: str, status: str = "COMPLETED", **output: Any) -> None:
        """Do the one task that waits."""
        (task,) = await self.poll(name)
        response = await self.report(task, status, outputData=output)
        assert (response.status_code, response.text) == (200, task["taskId"])
        assert "pavane-ignored" not in response.headers


def check_error(response: httpx2.Response, status: int, message: str) -> dict[str, Any]:
    """An `ErrorResponse` with this status and exactly this message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (body["status"], body["message"]) == (status, message)
    assert isinstance(body["instance"], str) and body["retryable"] in (True, False)
    return body
