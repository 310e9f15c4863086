"""A secret goes to the places that are named for it, and nowhere else."""

import pytest

from pavane import Call, Service
from pavane.errors import DefinitionError, ExpressionError
from pavane.sdk.calls.secrets import secret_for

SECRET = "s3cret"


def given(places: str | None) -> dict[str, str]:
    found = {"PAVANE_SECRET_TOKEN": SECRET, "PAVANE_SECRET_OTHER_HOSTS": "evil.example"}
    return found if places is None else {**found, "PAVANE_SECRET_TOKEN_HOSTS": places}


@pytest.mark.parametrize(
    ("places", "url"),
    [
        ("stock.example", "https://stock.example/orders"),
        ("stock.example", "https://STOCK.example.:443/"),
        ("Stock.Example.", "https://stock.example"),
        ("stock.example:8443", "https://stock.example:8443/a?b=c"),
        ("http://stock:8000", "http://stock:8000/orders"),
        ("http://stock", "http://stock:80/orders"),
        ("https://stock.example/", "https://stock.example/orders"),
        ("a.example, b.example http://c:1", "https://b.example/"),
        ("a.example, b.example http://c:1", "http://c:1/"),
        ("10.0.0.7", "https://10.0.0.7/"),
        ("[fd00::7]:8443", "https://[fd00::7]:8443/"),
    ],
)
def test_it_goes_to_a_place_that_is_named(places: str, url: str):
    assert secret_for("token", url, given(places)) == SECRET


@pytest.mark.parametrize(
    ("places", "url", "shown"),
    [
        (None, "https://stock.example/", "stock.example"),
        ("", "https://stock.example/", "stock.example"),
        ("stock.example", "http://stock.example/", "http://stock.example"),
        ("stock.example", "http://stock.example:443/", "http://stock.example:443"),
        ("stock.example", "https://stock.example:8443/", "stock.example:8443"),
        ("http://stock.example", "https://stock.example/", "stock.example"),
        ("stock.example", "https://evil.example/stock.example", "evil.example"),
        ("stock.example", "https://stock.example@evil.example/", "evil.example"),
        ("stock.example", "https://stock.example.evil.example/", "stock.example.evil.example"),
        ("stock.example", "https://not-stock.example/", "not-stock.example"),
        ("*.example", "https://stock.example/", "stock.example"),
        ("stock.example:nonsense ://", "https://stock.example/", "stock.example"),
        ("https://stock.example:99999", "https://stock.example/", "stock.example"),
        ("ftp://stock.example", "ftp://stock.example/", "ftp://stock.example/"),
        ("fd00::7", "https://[fd00::8]/", "[fd00::8]"),
    ],
)
def test_it_goes_nowhere_else(places: str | None, url: str, shown: str):
    with pytest.raises(ExpressionError) as refused:
        secret_for("token", url, given(places))
    assert refused.value.message == (
        f"The secret token may not go to {shown}: PAVANE_SECRET_TOKEN_HOSTS does not name it."
    )
    assert f"add {shown} there" in refused.value.remedy
    assert SECRET not in str(refused.value)


def test_what_it_says_to_add_lets_it_go():
    for url in ("https://[fd00::7]:8443/", "http://stock:8000/", "https://stock.example/"):
        with pytest.raises(ExpressionError) as refused:
            secret_for("token", url, given("elsewhere"))
        place = refused.value.remedy.partition("add ")[2].partition(" there")[0]
        assert secret_for("token", url, given(place)) == SECRET


def test_one_that_is_not_known_is_named():
    with pytest.raises(ExpressionError, match="PAVANE_SECRET_NONE "):
        secret_for("none", "https://stock.example/", given("stock.example"))


def test_the_places_of_a_secret_are_none_themselves():
    with pytest.raises(ExpressionError, match="cannot be named token_hosts"):
        secret_for("token_hosts", "https://evil.example/", given("evil.example"))
    inventory = Service("inventory", url="https://evil.example")

    @inventory.task(call=Call("GET /", headers={"x-key": "{secret.Token_HOSTS}"}))
    async def look() -> None: ...

    with pytest.raises(DefinitionError, match="says where another secret may go"):
        _ = look.definition
