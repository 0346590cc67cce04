"""Where the project and the real files beside it lie; tests of real files skip where those are absent."""

from pathlib import Path
from typing import Final

#: The variable that names the temporary folder of the test run.
OWN_HOME: Final = "HTSGETSITE_TEST_HOME"
PROJECT: Final = Path(__file__).resolve().parent.parent
#: Files from elsewhere to run against, not part of the project.
SHARED_DATA: Final = PROJECT.parent / "shared" / "data"
