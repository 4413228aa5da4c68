"""A worker that speaks the protocol and hands the Source back, for the tests of the plug-in.

SYNTHETIC_FOCUS_FAKE says how it behaves, as a JSON object; what it is sent goes to the file
SYNTHETIC_FOCUS_FAKE_LOG, a line a request. Plain Python without imports that take time: the tests
start it often.
"""

import array
import json
import mmap
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

BYTES = {"byte": 1, "short": 2, "half": 2, "float": 4}
CHANNELS = {"RGBA": 4, "RGB": 3, "Alpha": 1}
OK, FAILED, ABORTED, NEED, PROGRESS = range(5)

behaviour = json.loads(os.environ.get("SYNTHETIC_FOCUS_FAKE", "{}"))
log = Path(os.environ.get("SYNTHETIC_FOCUS_FAKE_LOG", os.devnull))
stream = socket.socket(fileno=3) if __name__ == "__main__" else socket.socket()
sending = threading.Lock()
memories = {}
aborted = set()


def reply(request, status, message="", values=()):
    text = message.encode()
    header = struct.pack(
        "<IIQiIIId", 0x52504653, 1, request["id"], status, len(text), len(values), 0, 0.0
    )
    with sending:
        stream.sendall(header + text + array.array("d", values).tobytes())


def once(name):
    """Whether this is the first worker that gets here, of all that share the log."""
    try:
        os.close(os.open(f"{log}.{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def rows(picture):
    x1, y1, x2, y2 = picture["bounds"]
    return (x2 - x1) * BYTES[picture["type"]] * CHANNELS[picture["components"]], y2 - y1


def copy_picture(request):
    """The window of one picture, into the output: both have their top row first.

    A single channel, as depth comes, is shown as all of the output's.
    """
    source, output = request["images"][behaviour.get("show", 0)], request["output"]
    memory = memories[output["memory"]]
    (step, _), (width, height) = rows(source), rows(output)
    pixel = BYTES[source["type"]] * CHANNELS[source["components"]]
    left = (output["bounds"][0] - source["bounds"][0]) * pixel
    top = source["bounds"][3] - output["bounds"][3]
    repeat = CHANNELS[output["components"]] if source["components"] == "Alpha" else 1
    for row in range(height):
        start = source["offset"] + (top + row) * step + left
        to = output["offset"] + row * width
        part = memory[start : start + width // repeat]
        if repeat > 1:
            pixels = [part[i : i + pixel] * repeat for i in range(0, len(part), pixel)]
            part = b"".join(pixels)
        memory[to : to + width] = part


def render(request):
    if behaviour.get("die") == "once" and once("died"):
        os.kill(os.getpid(), signal.SIGKILL)
    if behaviour.get("die") == "always":
        os._exit(7)
    if behaviour.get("hang") == "once" and once("hung"):
        time.sleep(3600)
    if behaviour.get("hang") == "always":
        time.sleep(3600)
    if "fail" in behaviour:
        return reply(request, FAILED, behaviour["fail"])
    given = {(image["clip"], image["time"]) for image in request["images"]}
    missing = [at for at in behaviour.get("need", ()) if ("Depth", at) not in given]
    if missing:
        return reply(request, NEED, "Depth", missing)
    if behaviour.get("asks again"):
        return reply(request, NEED, "Source", [request["time"]])
    steps = 0 if request["time"] < behaviour.get("slow_from", -1e9) else behaviour.get("steps", 0)
    for _ in range(steps):
        time.sleep(behaviour["step"])
        if request["id"] in aborted:
            return reply(request, ABORTED)
        reply(request, PROGRESS)
    if request["op"] == "render":
        copy_picture(request)
    return reply(request, OK)


def answer(request):
    match request["op"]:
        case "hello" if "refuse" in behaviour:
            reply(request, FAILED, behaviour["refuse"])
        case "hello":
            reply(request, OK, "0.0.0")
        case "abort":
            aborted.add(request["target"])
        case "preset":
            reply(request, OK, "f_stop\nblades\nfocus_mode", [1.4, 7, 1])
        case "render" | "bake":
            threading.Thread(target=render, args=(request,), daemon=True).start()


def receive(size):
    data, files = b"", []
    while len(data) < size:
        part, control, _, _ = stream.recvmsg(size - len(data), socket.CMSG_SPACE(4))
        if not part:
            os._exit(0)
        data += part
        files += [struct.unpack("i", content[:4])[0] for _, _, content in control]
    return data, files


def serve():
    while True:
        head, files = receive(4)
        body, more = receive(struct.unpack("<I", head)[0])
        request = json.loads(body)
        told = {"pid": os.getpid()}
        if request["op"] == "hello":
            told |= {"environment": dict(os.environ), "arguments": sys.argv[1:]}
        with log.open("a") as file:
            file.write(json.dumps(request | told) + "\n")
        if new := request.get("memory_new"):
            (handle,) = files + more
            memories[new["id"]] = mmap.mmap(handle, new["size"])
            os.close(handle)
        if request["op"] == "memory_drop":
            memories.pop(request["memory"]).close()
        answer(request)


if __name__ == "__main__":
    if "silent start" in behaviour:
        time.sleep(3600)
    if "bad start" in behaviour:
        sys.exit(behaviour["bad start"])
    serve()
