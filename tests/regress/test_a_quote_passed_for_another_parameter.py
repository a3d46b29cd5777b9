"""What flattens a key was shown and compared as text in which a value could end its own quotes: a cancel by one odd client id read
like a cancel by two ids, so `policy diff` said nothing of a change from one to the other."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cli_sandbox import PolicySandbox  # noqa: E402

POLICY = """\
version: 1
people: {{ ops: {{ uid: 1, roles: [operator] }} }}
keys:
  k: {{ token: t, object: "pkcs11:object=x", profile: okx, scheme: hmac, key_id: k, passphrase: p,
       flatten: [{{ method: POST, path: /api/v5/trade/cancel-order, params: {{ instId: BTC-USDT, {ids} }} }}] }}
"""
TWO = "clOrdId: a, ordId: b"
ONE = """clOrdId: "a' ordId='b" """
AS_TWO = "POST /api/v5/trade/cancel-order instId='BTC-USDT' clOrdId='a' ordId='b'"
AS_ONE = """POST /api/v5/trade/cancel-order instId='BTC-USDT' clOrdId="a' ordId='b\""""


class Diff(PolicySandbox):
    def test_the_change_is_said(self):
        old, new = (self.write(name, POLICY.format(ids=ids)) for name, ids in (("old.yaml", TWO), ("new.yaml", ONE)))
        self.assertEqual(self.policy("diff", old, new).out.splitlines(),
                         [f"wider     key 'k': flatten also has signed now: {AS_ONE}",
                          f"narrower  key 'k': flatten no longer has signed: {AS_TWO}"])


if __name__ == "__main__":
    unittest.main()
