"""Where the project and the real files beside it lie; tests of real files skip where those are absent."""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
#: Files from elsewhere to run against, not part of the project.
SHARED_DATA: Final = PROJECT.parent / "shared" / "data"
