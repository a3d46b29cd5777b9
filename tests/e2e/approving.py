"""Requests that wait for people, and people who approve them: users of their own, as whom `chancery` is run."""

import copy
import json
import os
import shutil
import unittest

import harness

ALICE, BOB, CAROL, OWEN = 4501, 4502, 4503, 4504  # uids of three approvers and an operator
CONFLICT, NOT_FOUND, REFUSED = 5, 4, 3  # exit statuses

REQUIRE = """\
require:
  - {{ name: two-for-orders, key: kraken-main, classes: [trade], approvals: 2, of: [alice, bob, {me}], within: 1h{more} }}
"""


def people(with_codes=False):
    """Three approvers; the test's own user is operator, admin and approver, and asks for the requests as well."""
    rows = {"tester": (os.getuid(), "operator, admin, approver"), "alice": (ALICE, "approver"), "bob": (BOB, "approver"),
            "carol": (CAROL, "approver"), "owen": (OWEN, "operator")}
    text = ""
    for name, (uid, roles) in rows.items():
        code = f', totp: "pkcs11:object={name}-totp"' if with_codes and name != "owen" else ""
        text += f"  {name}: {{ uid: {uid}, roles: [{roles}]{code} }}\n"
    return text


def policy(text, with_codes=False, more="", tokens="", require=REQUIRE):
    """The usual policy, with these people, and with what they must agree to."""
    begin, end = text.index("people:\n"), text.index("allow:\n")
    return (text[:begin] + "people:\n" + people(with_codes) + tokens + require.format(me="tester", more=more)
            + text[end:])


def order(volume="1.25"):
    document = copy.deepcopy(harness.KRAKEN_ORDER)
    document["params"]["volume"] = volume
    return document


def as_user(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def require_users():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise unittest.SkipTest("only root can act as other users")


class Bot:
    """The test's user as a bot: asks, looks, fetches."""

    def __init__(self, agent):
        self.agent = agent

    def send(self, method, path, body=None, headers=None):
        with self.agent.client(30) as client:
            data = json.dumps(body).encode() if body is not None else None
            return client.request(method, path, data, {**({"Content-Type": "application/json"} if data else {}), **(headers or {})})

    def ask(self, document, key="kraken-main", **headers):
        return self.send("POST", f"/v1/keys/{key}/sign", document, headers)

    def look(self, id_, wait_s=None):
        return self.send("GET", f"/v1/requests/{id_}" + ("" if wait_s is None else f"?wait_s={wait_s}"))

    def fetch(self, id_):
        return self.send("POST", f"/v1/requests/{id_}/sign", {})

    def withdraw(self, id_):
        return self.send("DELETE", f"/v1/requests/{id_}")


class People:
    """What people do, each as their own user."""

    def __init__(self, agent):
        self.agent = agent

    def run(self, uid, *words, **options):
        return harness.run_cli(self.agent.environment(), *words, wrapper=as_user(uid), **options)

    def approve(self, uid, id_, code=None):
        if code is None:
            return self.run(uid, "approvals", "approve", id_, "--yes")
        return self.run(uid, "approvals", "approve", id_, secrets_by_option={"--code-fd": code})

    def deny(self, uid, id_, reason="nobody ordered that"):
        return self.run(uid, "approvals", "deny", id_, "--reason", reason)

    def show(self, id_, uid=ALICE):
        return json.loads(self.run(uid, "approvals", "show", id_, "--json").stdout)

    def list(self, *words, uid=ALICE):
        return json.loads(self.run(uid, "approvals", "list", "--json", *words).stdout)["approvals"]
