"""The faults of the hostile server: each a function that sends bytes in place of a right answer."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hostile import Answer, Fault, Hostile, Request, reset

__all__ = ["FAULTS", "STEP"]

STEP = 0.03
"""Seconds between two bytes of a slow answer."""

Play = Callable[[socket.socket, Answer, Request, Hostile], None]

FAULTS: dict[str, Fault] = {}


def fault(family: str, name: str, is_visible: bool = True) -> Callable[[Play], Play]:
    def keep(play: Play) -> Play:
        assert name not in FAULTS
        FAULTS[name] = Fault(name, play, is_visible, family)
        return play

    return keep


def raw(family: str, name: str, made: Callable[[Answer, Request, Hostile], bytes], is_visible: bool = True) -> None:
    """Add a fault that sends some bytes and closes the connection."""

    @fault(family, name, is_visible)
    def play(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
        connection.sendall(made(answer, request, state))


def said(family: str, name: str, made: Callable[[Answer, Request, Hostile], Answer], is_visible: bool = True) -> None:
    """Add a fault that sends another answer, well-formed."""
    raw(family, name, lambda answer, request, state: made(answer, request, state).raw(), is_visible)


# Connections that end


def ends_after(family: str, name: str, part: Callable[[Answer], bytes], is_reset: bool) -> None:
    @fault(family, name)
    def play(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
        sent = part(answer)
        if sent:
            connection.sendall(sent)
            time.sleep(STEP)
        if is_reset:
            reset(connection)


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


PARTS: dict[str, Callable[[Answer], bytes]] = {
    "before the answer": lambda answer: b"",
    "in the status line": lambda answer: b"HTTP/1.1 2",
    "after the status line": lambda answer: b"HTTP/1.1 200 OK\r\n",
    "in the headers": lambda answer: answer.head()[:-20],
    "after the headers": lambda answer: answer.head(Content_Length=str(len(answer.body) + 1)),
    "in the body": lambda answer: answer.head(Content_Length=str(len(answer.body) + 1)) + half(answer.body),
    "before the last byte": lambda answer: answer.head(Content_Length=str(len(answer.body) + 1)) + answer.body,
}  # fmt: skip
for where, part in PARTS.items():
    ends_after("end", f"reset {where}", part, is_reset=True)
    ends_after("end", f"closed {where}", part, is_reset=False)

# Lengths

LENGTHS = {
    "0": True, "-1": True, "+5": True, "five": True, "9999999999999999999999": True, "1e3": True, "0x10": True,
    "": True, "10 ": True, "5, 6": True, "٣": True,
}  # fmt: skip
for length in LENGTHS:
    raw(
        "length", f"Content-Length {length!r}",
        lambda answer, request, state, length=length: answer.head("Content-Length")[:-2]
        + f"Content-Length: {length}\r\n\r\n".encode() + answer.body,
    )  # fmt: skip
raw("length", "length too small", lambda a, r, s: a.head(Content_Length=str(max(len(a.body) - 7, 0))) + a.body)
raw("length", "length too large", lambda a, r, s: a.head(Content_Length=str(len(a.body) + 7)) + a.body)
raw("length", "no length, whole", lambda a, r, s: a.head("Content-Length") + a.body)
raw("length", "no length, cut", lambda a, r, s: a.head("Content-Length") + a.body[: 2 * len(a.body) // 3])
raw("length", "two lengths that differ", lambda a, r, s: a.head()[:-2] + b"Content-Length: 3\r\n\r\n" + a.body)
raw("length", "right length, cut body", lambda a, r, s: replace(a, body=a.body[: 2 * len(a.body) // 3]).raw())
raw("length", "right length, cut by one byte", lambda a, r, s: replace(a, body=a.body[:-1]).raw())
raw("length", "right length, body twice", lambda a, r, s: replace(a, body=2 * a.body).raw())
raw("length", "right length, 13 bytes appended", lambda a, r, s: replace(a, body=a.body + b"\0garbage\r\n<x>").raw())
raw("length", "right length, first bytes missing", lambda a, r, s: replace(a, body=a.body[5:]).raw())
raw(
    "length",
    "right length, zeros for the second half",
    lambda a, r, s: replace(a, body=a.body[: len(a.body) // 2] + bytes(len(a.body) - len(a.body) // 2)).raw(),
)
raw("length", "a second answer after the body", lambda a, r, s: a.raw() + Answer(b"evil", status="200 OK").raw())

# Chunks


def chunks(body: bytes, size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        part = body[start : start + size]
        yield f"{len(part):x}\r\n".encode() + part + b"\r\n"


def chunked(answer: Answer) -> bytes:
    return answer.head("Content-Length", Transfer_Encoding="chunked")


def chunk(name: str, made: Callable[[Answer], bytes]) -> None:
    raw("chunked", f"chunked: {name}", lambda answer, request, state: chunked(answer) + made(answer))


chunk("whole", lambda a: b"".join(chunks(a.body)) + b"0\r\n\r\n")
chunk("without the last chunk", lambda a: b"".join(chunks(a.body)))
chunk("cut in a chunk", lambda a: b"".join(chunks(a.body))[: len(a.body) // 2])
chunk("cut after a chunk", lambda a: next(chunks(a.body), b""))
chunk("garbage for a size", lambda a: next(chunks(a.body), b"") + b"xyz\r\nabc\r\n0\r\n\r\n")
chunk("negative size", lambda a: next(chunks(a.body), b"") + b"-5\r\nabcde\r\n0\r\n\r\n")
chunk("huge size", lambda a: b"ffffffffffffffffffff\r\n" + a.body)
chunk("empty size", lambda a: b"\r\n" + a.body + b"\r\n0\r\n\r\n")
chunk("size with an underscore", lambda a: f"{len(a.body):x}".encode() + b"_0\r\n" + a.body + b"\r\n0\r\n\r\n")
chunk("no line break after a chunk", lambda a: b"5\r\n" + a.body[:9] + b"5\r\n" + a.body[9:] + b"0\r\n\r\n")
chunk("long extension", lambda a: b"5;" + b"x" * 200_000 + b"\r\n" + a.body[:5] + b"\r\n0\r\n\r\n")
chunk("long trailer", lambda a: b"".join(chunks(a.body)) + b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n")
chunk("ended early", lambda a: b"".join(list(chunks(a.body))[:-1]) + b"0\r\n\r\n")
raw(
    "chunked",
    "chunked and a length",
    lambda a, r, s: a.head(Transfer_Encoding="chunked", Content_Length="3") + b"".join(chunks(a.body)) + b"0\r\n\r\n",
)
raw("chunked", "said to be chunked, but plain", lambda a, r, s: chunked(a) + a.body)
raw(
    "chunked",
    "unknown transfer encoding",
    lambda a, r, s: a.head("Content-Length", Transfer_Encoding="gzip, x") + a.body,
)

# Compression


def packed(name: str, encoding: str, pack: Callable[[bytes], bytes], is_visible: bool = True) -> None:
    def made(answer: Answer, request: Request, state: Hostile) -> Answer:
        headers = (*answer.headers, ("Content-Encoding", encoding))
        return replace(answer, body=pack(answer.body), headers=headers)

    said("packed", f"{encoding}: {name}", made, is_visible)


def flipped(data: bytes, at: int, bit: int = 0x10) -> bytes:
    made = bytearray(data)
    made[max(min(at, len(made) - 1), -len(made))] ^= bit
    return bytes(made)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


packed("whole", "gzip", gzip.compress)
packed("cut", "gzip", lambda body: gzip.compress(body)[: -len(body) // 3 - 9])
packed("without the last 4 bytes", "gzip", lambda body: gzip.compress(body)[:-4])
packed("without the trailer", "gzip", lambda body: gzip.compress(body)[:-8])
packed("cut, with a flush before", "gzip", lambda body: _flushed(body))
packed("flipped bit", "gzip", lambda body: flipped(gzip.compress(body), 10 + len(gzip.compress(body)) // 2))
packed("flipped bit in the CRC", "gzip", lambda body: flipped(gzip.compress(body), -6))
packed("flipped bit in the length", "gzip", lambda body: flipped(gzip.compress(body), -2))
packed("flipped bit of a stored block", "gzip", lambda body: flipped(gzip.compress(body, 0), 20 + len(body) // 2))
packed("bomb of 50 MB", "gzip", lambda body: gzip.compress(bytes(50_000_000)))
packed("a label only", "gzip", lambda body: body)
packed("empty", "gzip", lambda body: b"")
packed("garbage after the end", "gzip", lambda body: gzip.compress(body) + b"garbage")
packed(
    "a second member",
    "gzip",
    lambda body: gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :]),
)
packed(
    "second member cut",
    "gzip",
    lambda body: gzip.compress(body[: len(body) // 2]) + gzip.compress(body[len(body) // 2 :])[:-5],
)
packed("twice", "gzip", lambda body: gzip.compress(gzip.compress(body)))
packed("whole", "deflate", zlib.compress)
packed("whole, raw", "deflate", raw_deflate)
packed("cut", "deflate", lambda body: zlib.compress(body)[: -len(body) // 3 - 5])
packed("without the checksum", "deflate", lambda body: zlib.compress(body)[:-4])
packed("flipped bit in the checksum", "deflate", lambda body: flipped(zlib.compress(body), -2))
packed("bomb of 50 MB", "deflate", lambda body: zlib.compress(bytes(50_000_000)))
packed("unknown", "br", lambda body: body)
packed("unknown", "zstd", lambda body: b"\x28\xb5\x2f\xfd" + body)
packed("unknown", "snake-oil", lambda body: body)
packed("two", "gzip, gzip", lambda body: gzip.compress(gzip.compress(body)))
packed("label", "identity", lambda body: body)
said("packed", "gzip without a label", lambda a, r, s: replace(a, body=gzip.compress(a.body)))
said("packed", "gzip without a label, cut", lambda a, r, s: replace(a, body=gzip.compress(a.body)[:-20]))
said("packed", "gzip without a label, bomb", lambda a, r, s: replace(a, body=gzip.compress(bytes(50_000_000))))
raw(
    "packed",
    "gzip in chunks, cut",
    lambda a, r, s: (
        a.head("Content-Length", Transfer_Encoding="chunked", Content_Encoding="gzip")
        + b"".join(chunks(gzip.compress(a.body)[:-12]))
        + b"0\r\n\r\n"
    ),
)


def _flushed(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body[: len(body) // 2]) + packer.flush(zlib.Z_FULL_FLUSH)


# Bodies of another kind, with status 200

HTML = (
    b"<!DOCTYPE html><html><head><title>Down</title></head><body><h1>Service temporarily unavailable</h1></body></html>"
)
BODIES: dict[str, tuple[bytes, str]] = {
    "an error object": (b'{"error": "Internal server error", "message": "try later", "code": 42}', "application/json"),
    "a HAPI error": (b'{"HAPI": "3.1", "status": {"code": 1500, "message": "oops"}}', "application/json"),
    "a HAPI error 1406": (b'{"HAPI": "3.1", "status": {"code": 1406, "message": "no such id"}}', "application/json"),
    "a HAPI header only": (b'{"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}}', "application/json"),
    "a status of another type": (b'{"HAPI": "3.1", "status": [1200]}', "application/json"),
    "a page": (HTML, "text/html"),
    "a page called JSON": (HTML, "application/json"),
    "an XML error": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "application/xml"),
    "nothing": (b"", "application/json"),
    "blanks": (b" \r\n" * 40, "text/plain"),
    "null": (b"null", "application/json"),
    "true": (b"true", "application/json"),
    "a number": (b"17", "application/json"),
    "a text": (b'"ok"', "application/json"),
    "an empty list": (b"[]", "application/json"),
    "an empty object": (b"{}", "application/json"),
    "a list of lists": (b"[[[]], [1, 2], [null]]", "application/json"),
    "a list of nulls": (b"[null, null, null]", "application/json"),
    "a list of texts": (b'["a", "b"]', "application/json"),
    "an object of nulls": (b'{"result": null, "catalog": null, "parameters": null, "data": null}', "application/json"),
    "an object of numbers": (b'{"result": 7, "catalog": 7, "parameters": 7, "data": 7, "id": {}}', "application/json"),
    "lists of wrong items": (b'{"result": [7], "catalog": [7], "parameters": [7], "data": [7]}', "application/json"),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json"),
    "deep lists, not closed": (b"[" * 100_000, "application/json"),
    "a number of 10,000 digits": (b'{"result": [' + b"9" * 10_000 + b"]}", "application/json"),
    "many objects": (b"[" + b"{}," * 300_000 + b"{}]", "application/json"),
    "a key of a megabyte": (b'{"' + b"k" * 1_000_000 + b'": 1}', "application/json"),
    "equal keys": (b'{"result": [1], "result": [2], "HAPI": 1, "HAPI": 2}', "application/json"),
    "NaN": (b'{"result": [NaN], "x": Infinity}', "application/json"),
    "zeros": (bytes(5000), "application/octet-stream"),
    "random bytes": (bytes((index * 167 + 13) % 256 for index in range(5000)), "application/octet-stream"),
    "a long text": (b"x" * 100_000, "text/plain"),
    "terminal escapes": (b"\x1b[2J\x1b]0;owned\x07 error", "text/plain"),
    "a rate limit": (b"<html>Limit of 20 requests per minute exceeded</html>", "text/html"),
}  # fmt: skip
for name, (body, kind) in BODIES.items():
    said("body", f"200 with {name}", lambda a, r, s, body=body, kind=kind: Answer(body, kind))
    said("body", f"200 with {name}, type kept", lambda a, r, s, body=body: replace(a, body=body))

# Encodings of text

ENCODINGS = {"utf-16": True, "utf-32": True, "utf-8-sig": True, "utf-7": True, "cp037": True}
for encoding in ENCODINGS:
    said(
        "encoding",
        f"encoded as {encoding}",
        lambda a, r, s, e=encoding: replace(a, body=a.body.decode("latin-1").encode(e)),
    )
said("encoding", "invalid UTF-8 in front", lambda a, r, s: replace(a, body=b"\xff\xfe\xfd" + a.body))
said(
    "encoding",
    "a zero byte in the middle",
    lambda a, r, s: replace(a, body=a.body[: len(a.body) // 2] + b"\0" + a.body[len(a.body) // 2 :]),
)
said("encoding", "CRLF line ends", lambda a, r, s: replace(a, body=a.body.replace(b"\n", b"\r\n")))
said("encoding", "another content type", lambda a, r, s: replace(a, kind="image/gif; charset=\xfcber"))
said("encoding", "no content type", lambda a, r, s: replace(a, kind=""))

# Wrong types in a right JSON answer

LEAVES: dict[str, Any] = {
    "null": None, "list": [], "object": {}, "text": "x", "number": -1, "huge": 10**400, "float": 1e308, "true": True,
    "deep": [[[[]]]], "long": "9" * 5000, "escape": "\x1b[31m\u202e\0",
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value of a JSON document."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from places(one, (*path, key))


def with_leaf(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    if not path:
        return leaf
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = with_leaf(value[path[0]], path[1:], leaf)
    return made


def mutated(answer: Answer, leaf: Any, turn: int) -> Answer:
    """Replace one value of a JSON answer, or of a HAPI header, with one of another type."""
    text = answer.body.decode("utf-8", "replace")
    head, _, rest = text.partition("\n") if text.startswith("#") else (text, "", "")
    try:
        document = json.loads(head.removeprefix("#"))
    except ValueError:
        return answer
    found = list(places(document))
    if not found:
        return replace(answer, body=json.dumps(leaf).encode())
    made = json.dumps(with_leaf(document, found[(turn * 7919) % len(found)], leaf))
    return replace(answer, body=(f"#{made}\n{rest}" if text.startswith("#") else made).encode())


for kind, leaf in LEAVES.items():
    for turn in range(6):
        said(
            "types",
            f"{kind} in place of value {turn}",
            lambda a, r, s, leaf=leaf, turn=turn: mutated(a, leaf, turn),
            is_visible=False,
        )

# Statuses

STATUSES = (
    "201 Created", "204 No Content", "205 Reset", "206 Partial Content", "300 Choices", "304 Not Modified",
    "305 Use Proxy", "400 Bad", "401 Unauthorized", "402 Pay", "403 Forbidden", "404 Not Found", "405 Method",
    "406 Not Acceptable", "407 Proxy", "408 Timeout", "409 Conflict", "410 Gone", "411 Length", "412 Pre",
    "413 Large", "414 URI", "416 Range", "418 Teapot", "421 Misdirected", "425 Early", "429 Slow", "431 Headers",
    "451 Legal", "500 Oops", "501 Not", "502 Bad Gateway", "503 Busy", "504 Late", "507 Full", "511 Auth", "599 X",
    "600 X", "999 X", "099 X", "000 X",
)  # fmt: skip
for status in STATUSES:
    said("status", f"status {status}", lambda a, r, s, status=status: Answer(b"what went wrong", "text/plain", status))
for status in ("400 Bad", "404 Not Found", "500 Oops"):
    said("status", f"status {status} with the right body", lambda a, r, s, status=status: replace(a, status=status))
    said("status", f"status {status} without a body", lambda a, r, s, status=status: Answer(b"", "text/plain", status))
    said(
        "status",
        f"status {status} with a body of 3 MB",
        lambda a, r, s, status=status: Answer(b"<p>error</p>" * 250_000, "text/html", status),
    )
AFTER = ("0", "1", "-1", "1e9", "99999999999999999999", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "", "0.01", "\xb2",
         "Fri, 31 Dec 99999 23:59:59 GMT")  # fmt: skip
for seconds in AFTER:
    for status in ("429 Slow", "503 Busy"):
        said(
            "status",
            f"{status}, Retry-After {seconds!r}",
            lambda a, r, s, status=status, seconds=seconds: Answer(
                b"later", "text/plain", status, (("Retry-After", seconds),)
            ),
        )
LINES = {
    "HTTP/0.9": b"", "no code": b"HTTP/1.1 \r\n\r\n", "a word for a code": b"HTTP/1.1 abc OK\r\n\r\n",
    "a negative code": b"HTTP/1.1 -200 OK\r\n\r\n", "another protocol": b"ICY 200 OK\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/9.9": b"HTTP/9.9 200 OK\r\n\r\n",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n", "a TLS alert": bytes.fromhex("15030300020228"),
    "a long line": b"HTTP/1.1 200 " + b"x" * 200_000 + b"\r\n\r\n", "zeros": bytes(300),
    "line feeds only": b"\n" * 100, "no reason": b"HTTP/1.1 200\r\n\r\n",
}  # fmt: skip
for name, line in LINES.items():
    raw("line", f"status line: {name}", lambda a, r, s, line=line: line + a.body)

# Headers

HEADERS: dict[str, bytes] = {
    "20,000 headers": b"".join(f"X-{number}: y\r\n".encode() for number in range(20_000)),
    "a header of 1 MB": b"X-Long: " + b"y" * 1_000_000 + b"\r\n",
    "a line without a colon": b"this is no header\r\n",
    "a folded header": b"X-A: b\r\n  folded\r\n",
    "an empty name": b": value\r\n",
    "a zero byte": b"X-A: a\0b\r\n",
    "bytes above 127": b"X-\xe4: \xff\xfe\r\n",
    "a carriage return": b"X-A: b\rc\r\n",
    "two types": b"Content-Type: text/html\r\nContent-Type: image/png\r\n",
    "a cookie of 1 MB": b"Set-Cookie: a=" + b"b" * 60_000 + b"\r\n",
    "a hostile name": b'Content-Disposition: attachment; filename="../../../evil"\r\n',
    "a range nobody asked for": b"Content-Range: bytes 5-9/10\r\n",
    "an authentication": b'WWW-Authenticate: Basic realm="x"\r\n',
}  # fmt: skip
for name, header in HEADERS.items():
    raw("header", f"header: {name}", lambda a, r, s, header=header: a.head()[:-2] + header + b"\r\n" + a.body)
raw("header", "line feeds only", lambda a, r, s: a.head().replace(b"\r\n", b"\n") + a.body)
raw("header", "one 100 Continue", lambda a, r, s: b"HTTP/1.1 100 Continue\r\n\r\n" + a.raw())
raw("header", "300 early hints", lambda a, r, s: b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 300 + a.raw())
raw("header", "101 Switching Protocols", lambda a, r, s: b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + a.raw())


@fault("header", "1xx without an end")
def storm(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
    ends = time.monotonic() + 8
    while time.monotonic() < ends and not state.stop.is_set():
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        time.sleep(STEP)


# Redirects


def to(name: str, location: Callable[[Answer, Request, Hostile], str], status: str = "302 Found") -> None:
    raw("redirect", f"redirect: {name}", lambda a, r, s: (
        f"HTTP/1.1 {status}\r\nLocation: ".encode() + location(a, r, s).encode("utf-8", "surrogateescape")
        + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))  # fmt: skip


def at(address: str) -> Callable[[Answer, Request, Hostile], str]:
    return lambda answer, request, state: address


to("to itself", lambda a, r, s: r.target)
to("to itself, permanently", lambda a, r, s: r.target, "308 Permanent")
to("in a growing circle", lambda a, r, s: f"{r.target}{'&' if '?' in r.target else '?'}again=1")
to("to the right answer elsewhere", lambda a, r, s: f"{s.other}{r.target}")
to("with a password", lambda a, r, s: f"{s.other}{r.target}".replace("http://", "http://me:pass@"))
to("to the root", at("/"))
for name, address in {
    "to a file": "file:///etc/passwd", "to FTP": "ftp://127.0.0.1/x", "to data": "data:,x", "to JavaScript":
    "javascript:alert(1)", "to an empty address": "", "to a blank": " ", "to half an address": "http://",
    "to an open bracket": "http://[", "to a port out of range": "http://127.0.0.1:99999/", "to a text port":
    "http://127.0.0.1:abc/", "to the cloud's metadata": "http://169.254.169.254/latest/meta-data/", "to 0.0.0.0":
    "http://0.0.0.0:1/", "to a decimal address": "http://2130706433:1/", "to a mapped address":
    "http://[::ffff:127.0.0.1]:1/", "to a private network": "http://10.0.0.1:1/", "to http elsewhere":
    "http://outside.example/", "to a long address": "http://127.0.0.1:1/" + "x" * 100_000, "to bytes above 127":
    "/\udcff\udcfe", "to a tab": "/\tx", "without a scheme": "//127.0.0.1:1/x",
}.items():  # fmt: skip
    to(name, at(address))
raw(
    "redirect",
    "redirect: without a location",
    lambda a, r, s: b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
)
raw("redirect", "redirect: two locations", lambda a, r, s: (
    f"HTTP/1.1 302 Found\r\nLocation: {s.other}{r.target}\r\nLocation: file:///x\r\n".encode()
    + b"Content-Length: 0\r\nConnection: close\r\n\r\n"))  # fmt: skip

# Slow answers


def slow(name: str, made: Callable[[Answer], Iterator[bytes]]) -> None:
    @fault("slow", name)
    def play(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
        ends = time.monotonic() + 8
        for part in made(answer):
            connection.sendall(part)
            if time.monotonic() > ends or state.stop.wait(STEP):
                return


def endless(part: bytes) -> Iterator[bytes]:
    while True:
        yield part


def bytewise(data: bytes) -> Iterator[bytes]:
    for index in range(len(data)):
        yield data[index : index + 1]


def then(*parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield from part


slow("status line without an end", lambda a: then(iter([b"HTTP/1.1 200 "]), endless(b"x")))
slow("header without an end", lambda a: then(iter([b"HTTP/1.1 200 OK\r\nX: "]), endless(b"y")))
slow("headers without an end", lambda a: then(iter([b"HTTP/1.1 200 OK\r\n"]), endless(b"X: y\r\n")))
slow("body bytewise", lambda a: then(iter([a.head()]), bytewise(a.body)))
slow("body without an end", lambda a: then(iter([a.head("Content-Length")]), endless(b" ")))
slow("chunk size without an end", lambda a: then(iter([chunked(a)]), endless(b"0")))
slow("chunk extension without an end", lambda a: then(iter([chunked(a), b"5;"]), endless(b"x")))
slow("chunks of one byte", lambda a: then(iter([chunked(a)]), endless(b"1\r\n \r\n")))
slow(
    "trailer without an end", lambda a: then(iter([chunked(a), *chunks(a.body, 10**9), b"0\r\n"]), endless(b"X: y\r\n"))
)
slow(
    "empty gzip blocks without an end",
    lambda a: then(
        iter([a.head("Content-Length", Content_Encoding="gzip"), gzip.compress(b"")[:10]]), endless(b"\0\0\0\xff\xff")
    ),
)


def silent_after(name: str, part: Callable[[Answer], bytes]) -> None:
    @fault("slow", f"silent {name}")
    def play(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
        connection.sendall(part(answer))
        state.stop.wait(4)


for where in ("before the answer", "in the headers", "after the headers", "in the body"):
    silent_after(where, PARTS[where])
silent_after("after the body, connection kept", lambda a: a.head().replace(b"Connection: close\r\n", b"") + a.body)


@fault("slow", "50 MB at once")
def flood(connection: socket.socket, answer: Answer, request: Request, state: Hostile) -> None:
    connection.sendall(answer.head("Content-Length"))
    for _ in range(50):
        connection.sendall(bytes(1_000_000))


# Answers to other questions


def elsewhere(answer: Answer, request: Request, state: Hostile) -> Answer:
    """Return the right answer of another stage."""
    others = [route for route in state.routes if route.stage != state.stage and route.method == request.method]
    return (
        others[len(request.target) % len(others)].answer(request, state.url) if others else Answer(b"?", "text/plain")
    )


said("other", "the answer to another question", elsewhere)
