"""A small receiver of Relay's events, to try relayctl with. It has one mistake.

    python3 app.py      listens on http://127.0.0.1:3000/relay; PORT names another port
"""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

events = {}  # by event_id, so that a copy changes nothing


def take(event):
    if event["event_name"] == "notification.attempted": raise LookupError("no such notification")  # the mistake
    events.setdefault(event["event_id"], event)


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.split("?")[0] != "/relay":
            return self.answer(404, {"error": "events go to /relay"})
        try:
            data = json.loads(body)
            batch = data if isinstance(data, list) else data.get("batch", [data])
        except (ValueError, AttributeError):
            return self.answer(400, {"error": "not an event"})
        try:
            for event in batch:
                take(event)
        except Exception as e:  # Relay tries again after a 500
            return self.answer(500, {"error": str(e)})
        self.answer(200, {"ok": True})

    def do_GET(self):
        if self.path.split("?")[0] == "/relay":
            return self.answer(405, {"error": "POST an event"}, Allow="POST")
        self.answer(200, {"events": len(events)})

    def answer(self, status, body, **headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):  # relayctl shows the requests
        pass


if __name__ == "__main__":
    port = int(os.environ.get("PORT", 3000))
    server = ThreadingHTTPServer(("127.0.0.1", port), Relay)
    print(f"app on http://127.0.0.1:{port}/relay", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
