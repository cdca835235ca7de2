"""A good receiver on Python's standard library: receiver.py PROTOCOL. It prints its port."""
import base64, hmac, json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen, lock = set(), threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    protocol_version = sys.argv[1]

    def log_message(self, *args):
        pass

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def authentic(self):
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        try:
            pair = base64.b64decode(text, validate=True)
        except ValueError:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(pair, b"relay:Correct-Horse-7-Battery")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.authentic():
            return self.answer(401, WWW_Authenticate='Basic realm="relay"')
        try:
            events = json.loads(body)
            ids = {str(e["event_id"]) for e in (events if isinstance(events, list) else [events])}
        except (ValueError, TypeError, KeyError, RecursionError):
            return self.answer(400)
        with lock:
            seen.update(ids)
        self.answer(200)


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
