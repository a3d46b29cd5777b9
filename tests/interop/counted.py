"""Shared by the Python programs here: how they count, and an independent writing of Binance's rule."""

import hmac
import sys
import unittest
import unittest.mock

import harness

# The secret in exchanges.mjs.
SECRET = b"interop test of binance, opens nothing"[:32].hex().encode()


def assert_good_by_binances_rule(test, headers, payload):
    signed, signature = harness.split_signature(payload)
    test.assertEqual(headers["X-MBX-APIKEY"], "key-of-binance")
    test.assertEqual(signature, hmac.digest(SECRET, signed, "sha256").hex())


def main():
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=0).run(tests)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(0 if failed == 0 else 1)
