"""Names on the broker: as they are while they fit, told apart when they do not."""

from pavane.adapters.rabbitmq import names
from pavane.ports.bus import (
    JOURNAL,
    REPORTS,
    SERVERS,
    group_of,
    orders_topic,
    role_topic,
    task_group,
    task_topic,
)


def test_names_are_what_people_would_look_for():
    assert names.exchange_of("shop.order.v1", "") == "shop.order.v1"
    assert names.queue_of("billing", "shop.order.v1", "p-") == "p-billing/shop.order.v1"
    assert names.stream_of(JOURNAL, "") == "_pavane.journal/kept"
    assert names.delay_of(0) == "_pavane.delay.64ms"
    assert names.delay_of(4) == "_pavane.delay.1024ms"


def test_long_names_fit_and_differ():
    one, other = names.queue_of("g" * 300, "a", ""), names.queue_of("g" * 300, "b", "")
    assert one != other
    assert max(len(one), len(other)) <= 255
    odd = names.fitting_key("é\ud800" * 200)
    assert len(odd.encode()) <= 255


def test_roles_and_what_is_kept():
    assert group_of(role_topic("billing")) == "billing"
    assert group_of(task_topic("billing")) == task_group("billing")
    assert group_of(REPORTS) == SERVERS
    assert group_of("shop.order.v1") == ""
    assert [names.is_kept(each, ()) for each in (REPORTS, task_topic("billing"))] == [False] * 2
    assert names.is_kept(orders_topic("billing"), ())
    assert names.is_kept(JOURNAL, ())
    assert not names.is_kept(role_topic("billing"), ("_pavane",))
    assert not names.is_kept("shop.order.v1", ())
    assert names.is_kept("shop.order.v1", ("mail.", "shop."))
