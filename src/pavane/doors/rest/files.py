"""How many files the process may have open: each connection is one."""

from __future__ import annotations


def raise_limit() -> int:
    """Raise the soft limit to the hard one; what it is then, 0 where nobody knows."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS says unlimited and allows less
            return soft
    return hard if hard != resource.RLIM_INFINITY else 0
