import base64
import binascii
import hmac
import json
import os
import re
import threading
from datetime import datetime

from flask import Flask, Response, abort, jsonify, request

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 5 * 1024 * 1024
expected = ("relay:" + os.environ["RELAY_PASSWORD"]).encode()
customers = {}  # ccid -> {event_id: event}
lock = threading.Lock()


def from_relay():
    match = re.fullmatch(r"(?i:basic) ([A-Za-z0-9+/]+={0,2})", request.headers.get("Authorization", ""))
    try:
        given = base64.b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        given = b""
    return hmac.compare_digest(given, expected)


def keep(event):
    """What came, by id: a second copy changes nothing. Unknown events and events
    without a customer are logged and accepted; Relay must not send them again."""
    if not isinstance(event, dict) or not isinstance(event.get("event_id"), str) or not isinstance(event.get("event_name"), str):
        return False
    payload = event.get("payload")
    ccid = payload.get("ccid") if isinstance(payload, dict) else None
    if not isinstance(ccid, str) or not ccid:
        app.logger.warning("no customer in %s", json.dumps(event))
        return True
    with lock:
        customers.setdefault(ccid, {}).setdefault(event["event_id"], event)
    return True


def when(event):
    """The time as a time: the same moment can be written in more than one way."""
    try:
        return datetime.fromisoformat(event["event_ts"].replace("Z", "+00:00")).timestamp()
    except (KeyError, AttributeError, ValueError):
        return 0


def state(events):
    """What is true now, worked out in the order in which things happened."""
    now = {"consent": {}, "sms": {}, "messages": {}, "clicks": 0, "actions": 0, "active": True}
    for event in sorted(events, key=lambda e: (when(e), e["event_id"])):
        name, p = event["event_name"], event["payload"]
        if name == "channel_consent.update":
            now["consent"][p.get("channel_addr")] = p.get("current_consent")
        elif name in ("notification.auth_link_clicked", "notification.auth_link_used"):
            now["clicks"] += 1
        elif name == "message.action_taken":
            now["actions"] += 1
        elif name == "notification_channel.add":
            now["consent"].setdefault(p.get("channel_addr"), "written")
        elif name == "notification_channel.remove":
            now["consent"].pop(p.get("channel_addr"), None)
        elif name == "account.deactivate":
            now["active"] = False
        elif re.fullmatch(r"notification\.((not_)?attempted|(un)?delivered)", name):
            now["sms"][p.get("notification_id")] = name
        elif re.fullmatch(r"message\.(un)?delivered", name):
            now["messages"][p.get("message_id")] = name
    return now


@app.post("/relay")
def relay():
    # Before the body is read: who is not Relay gets 401, whatever was sent.
    if not from_relay():
        return Response(status=401, headers={"WWW-Authenticate": 'Basic realm="relay"'})
    try:
        body = request.get_json()
    except RecursionError:  # thousands of brackets are no event, and no fault of ours
        return Response(status=400)
    events = body if isinstance(body, list) else [body]
    if isinstance(body, dict) and isinstance(body.get("batch"), list):
        events = body["batch"]
    return Response(status=200 if all([keep(e) for e in events]) else 400)


@app.get("/customers/<ccid>")
def customer(ccid):
    with lock:
        events = list(customers.get(ccid, {}).values())
    return jsonify(state(events)) if events else abort(404)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", 3000)), threaded=True)
