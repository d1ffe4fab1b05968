"""openapi.yaml, which takes a while to parse, for all tests that read it."""

from pathlib import Path
from typing import Any

import yaml

DOCUMENT_PATH = Path(__file__).parents[2] / "openapi.yaml"
# In C where PyYAML has it.
DOCUMENT: dict[str, Any] = yaml.load(DOCUMENT_PATH.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
