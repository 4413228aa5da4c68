"""One large file from a public address, whole and unchanged or not at all.

What has arrived stays beside the file as `NAME.partial`, so that a broken download, or one that was
stopped, goes on where it was. The file gets its name when its SHA-256 is the one that was expected.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import ipaddress
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from synthetic_focus.scene.providers import ModelError

_PIECE: Final = 1 << 16  # bytes; so many must arrive within the stall limit
_REDIRECTS: Final = 5
# A busy server or a fault on the way; everything else stays as it is when asked again.
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

Progress = Callable[[int, int], None]
"""Is told how many bytes have arrived, and of how many."""


@dataclass(frozen=True)
class Patience:
    """How long a download waits.

    Attributes:
        stall_s: seconds in which at least 64 KiB must arrive.
        pauses_s: seconds before each further attempt; there are no more attempts than these.
    """

    stall_s: float = 30.0
    pauses_s: tuple[float, ...] = (1.0, 4.0, 16.0)


class _PassingError(Exception):
    """What may go well at the next attempt."""


class _ForeignPartError(_PassingError):
    """What arrived earlier is of no use, so that the next attempt begins at the beginning."""


def download(
    address: str,
    path: Path,
    *,
    size: int,
    sha256: str,
    progress: Progress | None = None,
    patience: Patience = Patience(),
) -> None:
    """Fetches a file, or the rest of it, and gives it its name when it is what was expected.

    Proxies are taken from the environment (https_proxy, no_proxy).

    Args:
        address: https; http for this machine's own servers only. So are redirections.
        path: the file. Its folder exists.
        size: in bytes. No more are written.
        sha256: in hexadecimal digits.
        progress: called about every 64 KiB.
        patience: how long to wait, and how often to try.

    Raises:
        ModelError: the address cannot be reached or has another file, or the file cannot be
            written. What has arrived of it is kept, unless it is of another file.
    """
    partial = path.with_name(f"{path.name}.partial")
    pauses = iter(patience.pauses_s)
    while True:
        try:
            resumed = _fetch(address, partial, size, progress, patience.stall_s)
            _check(address, partial, sha256, resumed)
            partial.replace(path)
        except _PassingError as error:
            if isinstance(error, _ForeignPartError):
                partial.unlink(missing_ok=True)
            pause = next(pauses, None)
            if pause is None:
                raise ModelError(
                    f"{address}: {error}. {_kept(partial, size)}Try again later"
                ) from error
            time.sleep(pause)
        except OSError as error:
            full = error.errno in _FULL
            advice = f"{_kept(partial, size)}Make room and try again" if full else "Is it yours?"
            raise ModelError(f"{path} cannot be written: {error.strerror}. {advice}") from error
        else:
            return


def _kept(partial: Path, size: int) -> str:
    with contextlib.suppress(OSError):
        return f"{partial.stat().st_size} of {size} bytes have arrived and are kept. "
    return ""


def _fetch(
    address: str, partial: Path, size: int, progress: Progress | None, stall_s: float
) -> bool:
    """Appends what is missing; returns whether there was something already."""
    had = partial.stat().st_size if partial.exists() else 0
    if had > size:
        partial.unlink()
        had = 0
    if had == size:
        return True
    free = shutil.disk_usage(partial.parent).free
    if free < size - had:
        raise ModelError(
            f"{partial.parent} has room for {free} bytes, and {size - had} are to come. Make room,"
            " or keep models in another folder (SYNTHETIC_FOCUS_MODELS)"
        )
    response = _open(address, had, stall_s)
    try:
        begin = _begin(address, response, had, size)
        with partial.open("ab" if begin else "wb") as file:
            _receive(response, file.write, begin, size, progress, stall_s)
    finally:
        response.release_conn()
        response.close()
    return begin > 0


def _check(address: str, partial: Path, sha256: str, resumed: bool) -> None:
    from synthetic_focus.scene.onnx_network import sha256 as digest_of

    digest = digest_of(partial)
    if digest == sha256:
        return
    if resumed:  # the earlier part may be of another file, or spoilt on this disk
        raise _ForeignPartError("what had arrived earlier did not belong to the rest")
    partial.unlink()
    raise ModelError(
        f"{address} is another file than the one expected: its SHA-256 is {digest} instead of"
        f" {sha256}. Nothing was installed"
    )


def _open(address: str, begin: int, stall_s: float) -> urllib3.BaseHTTPResponse:
    """The answer to a request for a file from a byte on, after redirections."""
    version = importlib.metadata.version("synthetic-focus")
    headers = {"User-Agent": f"synthetic-focus/{version}", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    timeout = urllib3.Timeout(connect=stall_s, read=stall_s)
    for _ in range(_REDIRECTS + 1):
        _require_safe(address)
        try:
            response = _pool(address).request(
                "GET",
                address,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.LocationParseError as error:
            raise ModelError(f"{address} is no address: {error}") from error
        except urllib3.exceptions.SSLError as error:
            raise ModelError(f"{address}: the server is not who it says it is: {error}") from error
        except urllib3.exceptions.HTTPError as error:
            raise _PassingError(_reason(error)) from error
        target = response.get_redirect_location()
        if not target:
            return response
        response.close()
        address = urllib.parse.urljoin(address, target)
    raise ModelError(f"{address}: more than {_REDIRECTS} redirections")


def _require_safe(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return
    raise ModelError(f"{address} is not https; models are fetched over https only")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _pool(address: str) -> urllib3.PoolManager:
    parts = urllib.parse.urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return urllib3.PoolManager()
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    login = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers)


def _begin(address: str, response: urllib3.BaseHTTPResponse, had: int, size: int) -> int:
    """At which byte of the file the answer begins."""
    status = response.status
    if status in _PASSING:
        raise _PassingError(f"the server answered {status} {response.reason}")
    if status == 416 and had:
        # It has no such range, so it is a shorter file, or the server counts otherwise.
        raise _ForeignPartError("the server would not go on where the download had stopped")
    if status not in (200, 206):
        raise ModelError(
            f"{address}: the server answered {status} {response.reason}. The file may have moved:"
            " fetch it by hand, and install it from the file"
        )
    begin, total = 0, response.headers.get("Content-Length", "")
    if status == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != had:
            raise _ForeignPartError("the server sent another part than the one asked for")
        begin, total = had, span[2]
    if total.isdecimal() and int(total) != size:
        raise ModelError(
            f"{address} has {total} bytes instead of {size}: it is another file than the one"
            " expected. Nothing was installed"
        )
    return begin


def _receive(
    response: urllib3.BaseHTTPResponse,
    write: Callable[[bytes], object],
    begin: int,
    size: int,
    progress: Progress | None,
    stall_s: float,
) -> None:
    arrived = mark = begin
    since = time.monotonic()
    while arrived < size:
        try:
            piece = response.read1(min(_PIECE, size - arrived), decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise _PassingError(_reason(error)) from error
        if not piece:
            raise _PassingError("the server broke off")
        write(piece)
        arrived += len(piece)
        if progress is not None:
            progress(arrived, size)
        now = time.monotonic()
        if arrived - mark >= _PIECE:
            mark, since = arrived, now
        elif now - since > stall_s and arrived < size:
            raise _PassingError(f"stalled: {arrived - mark} bytes in {now - since:.0f} s")


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "the server's name is not known here; is there a network?"
        case urllib3.exceptions.NewConnectionError():
            return f"no connection: {str(error).rpartition('] ')[2]}"
        case urllib3.exceptions.ConnectTimeoutError():
            return "the server does not answer"
        case urllib3.exceptions.ReadTimeoutError():
            return "stalled: nothing came for too long"
        case urllib3.exceptions.IncompleteRead():
            return "the server broke off"
        case _:
            return str(error).rpartition(": ")[2]
