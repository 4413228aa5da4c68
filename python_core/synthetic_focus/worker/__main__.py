"""`python -m synthetic_focus.worker --fd N [--log FILE]`: serves the plug-in at the other end."""

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from synthetic_focus.worker import log


def main(arguments: list[str]) -> int:
    """Serve until the stream ends, which is when the host does, however it ends."""
    parser = argparse.ArgumentParser(prog="synthetic_focus.worker", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the connected stream socket")
    parser.add_argument("--log", type=Path, default=None, help="default: in the state directory")
    options = parser.parse_args(arguments)
    # Whatever else the host had open is not ours to keep open.
    os.closerange(3, options.fd)
    os.closerange(options.fd + 1, os.sysconf("SC_OPEN_MAX"))
    log.start(options.log or log.default_path())
    logger = logging.getLogger("synthetic_focus.worker")
    try:
        stream = socket.socket(fileno=options.fd)
        stream.getpeername()
    except OSError as error:
        logger.error("file descriptor %d is no connection to a plug-in: %s", options.fd, error)
        return 1
    try:
        from synthetic_focus.worker.server import Server

        Server(stream).serve()
    except BaseException:
        logger.exception("the worker ends")
        return 1
    return 0


if __name__ == "__main__":
    # At once: frames that are still rendering have nobody to go to.
    os._exit(main(sys.argv[1:]))
