"""Every page that has drawn parts, as the module that draws them."""

from tests.docs.drawn import errors, metrics, settings, statuses, step_types, wire

ALL = (errors, metrics, settings, statuses, step_types, wire)
