"""Ids from a name are those that anybody else makes of it."""

import uuid

import pytest

from pavane.core.model.ids import named_id


@pytest.mark.parametrize("space", [uuid.NAMESPACE_URL, uuid.UUID(int=7)])
def test_an_id_from_a_name_is_a_uuid_of_version_5(space: uuid.UUID):
    for number in range(200):
        name = f"m-{number}\0pay\0é"
        assert named_id(space.bytes, name) == str(uuid.uuid5(space, name))
