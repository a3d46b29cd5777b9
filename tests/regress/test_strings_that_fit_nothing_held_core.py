"""A string to sign that fits no endpoint costs core no more than a good one does, give or take; and a string that no SDK
sends is too large."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import harness
from forms import now_ms, order

REQUESTS = 50
RATIO_MAX = 20  # it was several hundred
STRING_BYTES_MAX = 8192


def fill(write, size):
    text = ""
    index = 0
    while len(text) < size:
        text += write(index)
        index += 1
    return text


STRINGS = {
    "unknown names": fill(lambda i: f"a{i:04d}=AAAAAAAA&", 8000),
    "percent-encoded": fill(lambda i: f"b{i:04d}=%41%42%43&", 8000),
    "a name twice": fill(lambda i: f"symbol=A{i:04d}&", 8000),
    "a bad value of a usual name": f"symbol={'%20' * 2600}&",
}


class Strings(harness.AgentTest):
    def cpu_s(self, document, status):
        """What core spends on some such requests."""
        core = harness.Process(self.agent.process.pid)
        with self.agent.client(60) as client:
            before = core.read("schedstat").split()[0]
            for _ in range(REQUESTS):
                answer = client.sign("binance-main", document)
                self.assertEqual(answer.status, status, answer)
            return (int(core.read("schedstat").split()[0]) - int(before)) / 1e9

    def test_what_fits_nothing_costs_little_more_than_what_fits(self):
        self.cpu_s({"string": order()}, 200)
        good_s = self.cpu_s({"string": order()}, 200)
        for name, text in STRINGS.items():
            with self.subTest(name):
                bad_s = self.cpu_s({"string": f"{text}timestamp={now_ms()}"}, 400)
                print(f"{name}: {bad_s / REQUESTS * 1e3:.3f} ms, a good string {good_s / REQUESTS * 1e3:.3f} ms")
                self.assertLess(bad_s, RATIO_MAX * good_s)

    def test_a_string_is_8_kib_at_most(self):
        end = f"&timestamp={now_ms()}"
        longest = "symbol=" + "A" * (STRING_BYTES_MAX - len("symbol=" + end)) + end
        with self.agent.client() as client:
            self.assert_problem(client.sign("binance-main", {"string": longest}), 400, "bad-input")
            answer = client.sign("binance-main", {"string": "A" + longest})
            self.assert_problem(answer, 413, "too-large")
            self.assertIn("8192", answer.json["detail"])


if __name__ == "__main__":
    unittest.main()
