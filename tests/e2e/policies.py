"""Policies of tests: the usual one, and how to add to it. tests/e2e/harness.py hands all this on."""

import os

# The entries of the map `keys` come last, so that a test can add more.
POLICY = """\
version: 1
callers:
  tester: {{ uid: {uid} }}
  other: {{ uid: {other_uid} }}
people:
  tester: {{ uid: {uid}, roles: [operator, admin] }}
allow:
  - {{ name: main, caller: tester, key: binance-main, classes: [read, trade, cancel], markets: any, unlimited: true }}
  - {{ name: looks, caller: tester, key: binance-read, classes: [read] }}
  - {{ name: others, caller: other, key: binance-other, classes: [read, trade, cancel], markets: any, unlimited: true }}
  - {{ name: pairs, caller: tester, key: [binance-ed25519, binance-rsa], classes: [read, trade, cancel], markets: any, unlimited: true }}
  - {{ name: kraken, caller: tester, key: kraken-main, classes: [read, trade, cancel], markets: any, unlimited: true }}
keys:
  binance-main:
    token: main
    object: "pkcs11:object=binance-main"
    profile: binance
    scheme: hmac
    key_id: "{binance_key_id}"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
  binance-read:
    token: main
    object: "pkcs11:object=binance-main"
    profile: binance
    scheme: hmac
    key_id: "{binance_key_id}"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, bare-trades, margin-orders, portfolio-orders]
  binance-other:
    token: main
    object: "pkcs11:object=binance-main"
    profile: binance
    scheme: hmac
    key_id: "{binance_key_id}"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
  binance-ed25519:
    token: main
    object: "pkcs11:object=binance-ed25519"
    profile: binance
    scheme: ed25519
    key_id: "ed25519-key-id"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
  binance-rsa:
    token: main
    object: "pkcs11:object=binance-rsa"
    profile: binance
    scheme: rsa
    key_id: "rsa-key-id"
    accepts: [fast-withdraw-switch, bare-settings, bare-transfers, margin-orders, portfolio-orders]
  kraken-main:
    token: main
    object: "pkcs11:object=kraken-main"
    profile: kraken
    scheme: hmac
    key_id: "kraken-key-id"
"""


def allow(name, caller, key, classes):
    """An entry of `allow` that lets `caller` do with `key` all that the classes ("read, trade") cover."""
    more = [text for word, text in (("trade", ", markets: any"), ("withdraw", ", to: any"), ("transfer", ", to: any"))
            if word in classes.split(", ")]
    money = ", unlimited: true" if more else ""
    every = ", items: [order, cancel, transfer, withdrawal, borrow, setting, read]" if more else ""
    return (f"  - {{ name: {name}, caller: {caller}, key: {key}, classes: [{classes}]{''.join(dict.fromkeys(more))}{money}"
            f"{every} }}\n")


def policy(keys, entries, callers=None, operators=None):
    """A policy with the text of its `keys`, and the lines of its `allow`. The callers are uids by name."""
    names = {"tester": os.getuid()} if callers is None else callers
    people = [os.getuid()] if operators is None else operators
    lines = [f"  {name}: {{ uid: {uid} }}\n" for name, uid in names.items()]
    rights = [f"  person-{uid}: {{ uid: {uid}, roles: [operator, admin] }}\n" for uid in people]
    return (f"version: 1\ncallers:\n{''.join(lines)}people:\n{''.join(rights)}allow:\n{''.join(entries)}"
            f"keys:\n{keys}")


def with_key(text, key, entry):
    """The policy `text` with one more key, and an entry of `allow` for it."""
    return text.replace("keys:\n", "keys:\n" + key, 1).replace("allow:\n", "allow:\n" + entry, 1)


def with_unlock(text, **unlock):
    """The policy `text` with what it says of unlocks of token 'main'; a field `for` is written `for_`."""
    rules = ", ".join(f"{name.rstrip('_')}: {str(value).lower() if isinstance(value, bool) else value}"
                      for name, value in unlock.items())
    return text.replace("people:\n", f"tokens: {{ main: {{ unlock: {{ {rules} }} }} }}\npeople:\n", 1)
