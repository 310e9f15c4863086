"""A server that does not answer, in words: the error for whatever a connection failed of."""

from __future__ import annotations

from collections.abc import Iterator

from pavane.errors import ConnectionFailedError, UntrustedError


def unreachable(server: str, error: BaseException) -> ConnectionFailedError:
    """The error for a request to a server that failed; UntrustedError where its TLS is refused."""
    import ssl  # here, since commands start fast

    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            why = each.verify_message.rstrip(".")
            return UntrustedError(
                f"The server at {server} shows a certificate that is not trusted here: {why}.",
                "Check the URL; for a certificate of your own, set SSL_CERT_FILE to the file (PEM) "
                "with that of its authority.",
            )
        if isinstance(each, ssl.SSLError) and each.reason in _NO_TLS:
            return ConnectionFailedError(
                f"What answers at {server} does not speak TLS.",
                "If it is a server of yours, ask it with http://.",
            )
    why = str(error) or type(error).__name__
    plain = " One with --tls-cert is asked with https://." if server.startswith("http:") else ""
    return ConnectionFailedError(
        f"The server at {server} does not answer ({why}).",
        f"Is it running? `pavane server` starts one.{plain}",
    )


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and what it came from: libraries wrap errors of TLS in their own."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
