"""A shop's webhook endpoint on loopback, which keeps every delivery and answers as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe


class Receiver:
    def __init__(self):
        self.deliveries, self.answers, self.lock = [], [], threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with receiver.lock:
                    receiver.deliveries.append((dict(self.headers.items()), body))
                    status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer_next(self, *statuses):
        self.answers.extend(statuses)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def events(self, kind=None, about=None):
        with self.lock:
            seen = [(headers, body, json.loads(body)) for headers, body in self.deliveries]
        return [
            delivery for delivery in seen
            if (kind is None or delivery[2]["type"] == kind) and (about is None or delivery[2]["data"]["object"]["id"] == about)
        ]

    @staticmethod
    def verify(delivery, secret):
        headers, body, _ = delivery
        signature = {name.lower(): value for name, value in headers.items()}["stripe-signature"]
        return stripe.Webhook.construct_event(body, signature, secret)
