"""What a declared call becomes in the task definition, and what is refused and how."""

import msgspec
import pytest

from pavane import Call, Event, Service, TaskContext
from pavane.core.check import check_tasks
from pavane.core.model.call import Call as Template
from pavane.core.model.task_definition import TaskDefinition
from pavane.errors import DefinitionError


class Order(msgspec.Struct):
    id: str


class Told(Event, type="shop.order.told.v1"):
    id: str


def inventory() -> Service:
    return Service("inventory", url="https://inventory.example/v2/")


def template(call: str | Call, function) -> Template:
    found = inventory().task(call=call)(function).definition.call
    assert found is not None
    return found


def test_the_definition_carries_the_call_and_travels_as_json():
    async def reserve(order: Order, shop: str, many: int = 1) -> Order: ...

    service = inventory()
    task = service.task(call="PUT /orders/{order.id}/{shop}")(reserve)
    assert task.definition.call == Template(
        method="PUT",
        url="https://inventory.example/v2/orders/{order.id}/{shop}",
        body={"order": "{order}", "many": "{many}"},  # what stands nowhere else as a whole
        result="object",
    )
    assert task.definition.timeout_seconds == 30
    body = msgspec.json.encode(task.definition)
    assert msgspec.json.decode(body, type=TaskDefinition) == task.definition
    assert check_tasks({"reserve": task.definition}) == []
    again = task.with_options(retries=7)
    assert again.definition.call == task.definition.call


def test_without_inputs_left_there_is_no_body():
    async def touch(id: str) -> None: ...

    assert template("POST /orders/{id}", touch).body is None
    assert template(Call("POST /orders/{id}", body={}), touch).body == {}
    assert template("DELETE /orders/{id}", touch).result == "nothing"


def test_a_query_by_names():
    async def search(text: str, limit: int) -> list[str]: ...

    found = template(Call("GET /search", query=["text", "limit"]), search)
    assert found.query == {"text": "{text}", "limit": "{limit}"}
    assert found.result == "value"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("/orders/{id}", "no method and path"),
        ("POST orders", "no method and path"),
        ("POST https://elsewhere.example/{id}", "no method and path"),
        ("FETCH /orders/{id}", "'FETCH' is no method"),
        ("POST /orders/{order}", "{order} in its url is no input of the task; there is id"),
        ("POST /orders/{id", "brace that belongs to no placeholder"),
        ("POST /orders/{id}?x=1", "query or a fragment"),
        ("POST /or ders/{id}", "must be written as %XX"),
        ("DELETE /orders", "the input 'id' stands nowhere in it"),
        (Call("GET /orders/{id}", body={}), "a GET has no body"),
        (Call("POST /{id}", headers={"Host": "x"}), "the header 'Host' is set by Pavane"),
        (Call("POST /{id}", headers={"Idempotency-Key": "x"}), "is set by Pavane"),
        (Call("POST /{id}", headers={"a b": "x"}), "cannot name a header"),
        (Call("POST /{id}", headers={"a": "x\r\nb: c"}), "cannot be sent"),
        (Call("POST /{id}", headers={"a": "{secret}"}), "names no secret"),
        (Call("POST /{id}", body="{secret.token}"), "secrets may stand in headers only"),
        (Call("POST /{secret.token}", query=["id"]), "secrets may stand in headers only"),
        (Call("POST /{id}", done_on=[404], fail_on=[404]), "the status 404 is mapped twice"),
        (Call("POST /{id}", retry_on=[99]), "99 is no status"),
    ],
)
def test_a_call_that_cannot_be_is_refused(call: str | Call, why: str):
    async def task(id: str) -> None: ...

    with pytest.raises(DefinitionError) as refusal:
        template(call, task)
    assert why in str(refusal.value)
    assert "test_declared.py" in str(refusal.value)


def test_a_task_of_a_service_with_a_url_needs_a_call():
    with pytest.raises(DefinitionError, match="has no call, and service inventory is called at"):

        @inventory().task
        async def reserve(order: str) -> None: ...


def test_a_call_needs_a_url():
    with pytest.raises(DefinitionError, match="has a call, and service shop has no url"):

        @Service("shop").task(call="POST /x")
        async def reserve() -> None: ...


def test_its_own_code_would_never_run():
    with pytest.raises(DefinitionError, match="its own code would never run"):

        @inventory().task(call="POST /x")
        async def reserve() -> int:
            return 3

    with pytest.raises(DefinitionError, match="its own code would never run"):

        @inventory().task(call="POST /x")
        async def book(order: str) -> None:
            print(order)


@pytest.mark.parametrize("kind", ["dots", "docstring", "pass", "sync"])
def test_nothing_is_written_in_several_ways(kind: str):
    async def dots(order: str) -> None: ...

    async def docstring(order: str) -> None:
        """Reserve it."""

    async def pass_(order: str) -> None:
        pass

    def sync(order: str) -> None: ...

    function = {"dots": dots, "docstring": docstring, "pass": pass_, "sync": sync}[kind]
    assert template("POST /x", function).body == {"order": "{order}"}


def test_nobody_would_get_the_context():
    async def reserve(ctx: TaskContext, order: str) -> None: ...

    with pytest.raises(DefinitionError, match="nobody to give a TaskContext to"):
        template("POST /x", reserve)


def test_it_hears_no_events():
    with pytest.raises(DefinitionError, match="hears no events"):

        @inventory().on(Told)
        async def told(event: Told) -> None: ...


@pytest.mark.parametrize(
    "url",
    [
        "inventory",
        "ftp://inventory",
        "https://",
        "https://user:password@inventory",
        "https://inventory/?x=1",
        "https://inventory:port",
        "https://{host}/",
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str):
    with pytest.raises(DefinitionError, match="Service inventory"):
        Service("inventory", url=url)


def test_a_definition_from_elsewhere_is_checked_as_well():
    bad = TaskDefinition(
        name="a", input_keys=["x"], call=Template(url="http://h/{y}", method="TRACE")
    )
    found = " ".join(check_tasks({"a": bad}))
    assert "'TRACE' is no method" in found
    assert "{y} in its url is no input" in found
