"""The real worker with a provider that is quick and known, for the tests of the plug-in.

It writes a line into the file SYNTHETIC_FOCUS_ASKED for each picture that it estimates.
"""

import os
import runpy
import sys
import time
from pathlib import Path

from synthetic_focus.scene import providers
from synthetic_focus.worker import __main__ as worker

FAKE = runpy.run_path(str(Path(__file__).parents[1] / "fake_provider.py"))
SECONDS = float(os.environ.get("SYNTHETIC_FOCUS_SLOW", "0"))


def asked() -> None:
    with Path(os.environ["SYNTHETIC_FOCUS_ASKED"]).open("a") as file:
        file.write("asked\n")
    time.sleep(SECONDS)


if __name__ == "__main__":
    provider = FAKE["FakeProvider"](wait=asked)
    providers.provider = lambda model="built-in": provider
    os._exit(worker.main(sys.argv[sys.argv.index("--fd") :]))
