import os

from flask import Flask, abort, jsonify, request

app = Flask(__name__)
customers = {}


@app.post("/relay")
def relay():
    auth = request.authorization
    if not auth or auth.password != os.environ["RELAY_PASSWORD"]:
        abort(403)
    event = request.get_json()
    customer = customers.setdefault(event["payload"]["ccid"], {"clicks": 0, "events": 0})
    customer["events"] += 1
    match event["event_name"]:
        case "notification.attempted" | "notification.delivered" | "notification.undelivered":
            customer["sms"] = event["event_name"]
        case "notification.auth_link_clicked":
            customer["clicks"] += 1
        case "channel_consent.update":
            customer["consent"] = event["payload"]["current_consent"]
        case _:
            abort(400)
    return "", 204


@app.get("/customers/<ccid>")
def customer(ccid):
    return jsonify(customers[ccid]) if ccid in customers else abort(404)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", 3000)), threaded=True)
