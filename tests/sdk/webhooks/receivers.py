"""Merchants' servers on loopback: one that takes everything and keeps it as it came off the wire, and some that behave badly."""

import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ports import free_port


@dataclass
class Delivery:
    at: float
    headers: dict
    body: bytes

    def __getitem__(self, name):
        return self.headers[name]


class Receiver:
    """Takes everything with the status that it is told."""

    def __init__(self):
        self.came, self.status, self.lock = [], 200, threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.lock:
                    receiver.came.append(Delivery(time.time(), {name.lower(): value for name, value in self.headers.items()}, body))
                    status = receiver.status
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.came)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Socket:
    """A server of which only the behaviour on one connection is given. It counts those."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/hooks"
        self.connections, self.behave, self.open = 0, behave, True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while self.open:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            try:
                read_request(connection)
                self.behave(self, connection)
            except OSError:
                pass

    def close(self):
        self.open = False
        self.listener.close()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            raise OSError("gone")
        data += chunk
    head, rest = data.split(b"\r\n\r\n", 1)
    length = int(next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")))
    while len(rest) < length:
        rest += connection.recv(65536)


def silent(server, connection):
    """Takes the request and never answers."""
    while server.open and connection.recv(1):
        pass


def gigabyte(server, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    block = b"x" * (1 << 20)
    for _ in range(1024):
        connection.sendall(block)


def trickle(server, connection):
    """Sends the head of an answer, letter by letter."""
    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Long: " + b"x" * 10_000:
        connection.sendall(bytes([letter]))
        time.sleep(0.05)
        if not server.open:
            return


def redirecting(location):
    def behave(_, connection):
        connection.sendall(f"HTTP/1.1 307 Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())

    return behave


def closed_port():
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}/hooks"
