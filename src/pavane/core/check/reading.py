"""From the JSON of a definition to the model, with a clear word for what cannot be read."""

from __future__ import annotations

import msgspec

from pavane.core.model.workflow import Workflow
from pavane.errors import DefinitionError

_decode = msgspec.json.Decoder(Workflow).decode


def read_workflow(body: bytes) -> Workflow:
    """The workflow that the JSON describes. DefinitionError when it describes none."""
    try:
        return _decode(body)
    except RecursionError:
        finding = "The definition is nested too deeply to be read."
        remedy = "Move inner parts into workflows of their own and start them by name."
    except msgspec.ValidationError as error:
        finding, remedy = f"The definition does not fit: {error}.", "Correct the field it names."
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        finding, remedy = f"The definition is not JSON: {error}.", "Send one JSON object as UTF-8."
    raise DefinitionError(finding, remedy, findings=[f"{finding} {remedy}"])
