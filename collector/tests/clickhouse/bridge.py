"""Today's ClickHouse behind its HTTP interface, as far as a store needs it.

`chdb` embeds the engine in a Python process; this serves it on a free port of the loopback interface. It says the port in its first
line, and ends when its standard input does.
"""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

CONTROL = {"query", "database", "default_format"}
FORMAT = "FORMAT RowBinary"

lock = threading.Lock()
engine = session.Session(sys.argv[1])
current = {}


def apply(parameters):
    """Makes database and settings those of this request; what they were before is remembered, so that little is repeated."""
    database = parameters.get("database", "default")
    if current.get("database") != database:
        engine.query(f"USE {database}")
        current["database"] = database
    for name, value in parameters.items():
        if name not in CONTROL and current.get(name) != value:
            engine.query(f"SET {name} = {value if value.isdigit() else repr(value)}")
            current[name] = value


def answer(parameters, body):
    with lock:
        return answer_alone(parameters, body)


def answer_alone(parameters, body):
    apply(parameters)
    statement = parameters.get("query")
    if statement is None:
        result = engine.query(body.decode(), parameters.get("default_format", "TSV"))
        return bytes(result.bytes() or b"") if result else b""
    if not statement.endswith(FORMAT):
        raise ValueError("only inserts have their statement in the address")
    insert = engine.send_insert(statement[: -len(FORMAT)].strip(), "RowBinary")
    try:
        insert.append(body)
    except BaseException:
        insert.cancel()
        raise
    insert.finish()
    return b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self):
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.body()
        try:
            status, content = 200, answer(parameters, body)
        except Exception as error:  # whatever it is, the client hears it
            status, content = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(HTTPServer):
    """One connection after the other would block on the first that stays open, so each has a thread."""

    def process_request(self, request, address):
        threading.Thread(target=self.serve, args=(request, address), daemon=True).start()

    def serve(self, request, address):
        try:
            self.finish_request(request, address)
        finally:
            self.shutdown_request(request)


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(server.server_address[1], flush=True)
    server.serve_forever()
