"""One hash for a specification, computed alike by whoever trains, produces or serves."""

import hashlib
import json
from collections.abc import Mapping


def specification_hash(specification: Mapping[str, object]) -> str:
    """Hash of a specification that does not depend on the order of its keys.

    Args:
        specification: Plain values as in JSON: strings, numbers, booleans, lists, mappings.

    Returns:
        sha256 of the canonical JSON (sorted keys, no spaces), hex.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value has no JSON form.
    """
    canonical = json.dumps(dict(specification), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
