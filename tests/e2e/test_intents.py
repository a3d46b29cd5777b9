"""What requests mean: tests/intents/NAME.json says it for orders at each exchange, and docs/intents.md agrees with the profiles.

A case has a name, a call, its parameters, and what it means: a list of items. `facts` are those that are stated, `unknown` those
that can't be read; the others the request has not. `also` is what no fact carries.
"""

import json
import os
import subprocess
import unittest

from harness import BUILD, CLI, ROOT, require_programs

INTENTS = ROOT / "tests" / "intents"
CASES_MIN = 10
PROPERTY = BUILD / "tests" / "property" / "intents"


def words_of(params):
    return [f"{name}={value}" if isinstance(value, str) else f"{name}:={json.dumps(value)}" for name, value in params.items()]


def run(*words):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60, check=False)


def ask(profile, case, *options):
    method, path = case["call"].split(" ", 1)
    where = ["--host", case["host"]] if "host" in case else []
    return run(
        CLI, "intent", profile, method, path, *words_of(case["params"]), *where, *options, "--profiles", ROOT / "profiles"
    )


def spell_out(item):
    """An item as a file may write it, with all that it leaves out."""
    return {"amends": False, "facts": {}, "unknown": [], "also": {}, **item}


class Intents(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        require_programs()

    def test_requests_mean_what_they_should(self):
        files = sorted(INTENTS.glob("*.json"))
        self.assertGreater(len(files), 4)
        for file in files:
            cases = json.loads(file.read_text())
            self.assertGreaterEqual(len(cases), CASES_MIN, file.name)
            self.assertEqual(len({case["case"] for case in cases}), len(cases), f"{file.name}: a name that is there twice")
            for case in cases:
                with self.subTest(exchange=file.stem, case=case["case"]):
                    done = ask(file.stem, case, "--json")
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(json.loads(done.stdout)["items"], [spell_out(item) for item in case["means"]])

    def test_words_say_what_is_not_known(self):
        case = {"call": "POST /api/v3/order", "params": {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.10", "price": "5",
            "pegPriceType": "MARKET_PEG",
        }}
        done = ask("binance", case)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, (
            "buy 0.1 BTC at an unknown price; BTCUSDT, spot, limit, gtc\n"
            "  not known: price (because of pegPriceType)\n"
            "  also: price=5, pegPriceType=MARKET_PEG\n"
            "The signature can be used again while it is valid.\n"
        ))

    def test_a_signature_counts_as_good_again_if_it_is_for_some_kind_of_key(self):
        for profile, call, words in (
            ("gemini", "POST /v1/order/cancel/all", "again while it is valid"),
            ("kraken", "POST /0/private/CancelAll", "once"),
        ):
            with self.subTest(profile):
                done = ask(profile, {"call": call, "params": {}})
                self.assertIn(f"The signature can be used {words}.\n", done.stdout)

    def test_what_the_agent_would_refuse_means_nothing(self):
        for name, params, reason in (
            ("POST /api/v3/order", {"symbol": "BTCUSDT"}, "is missing"),
            ("POST /api/v3/order", {"moon": "1"}, "takes no parameter 'moon'"),
            ("POST /api/v3/moon", {}, "does not list this path"),
        ):
            with self.subTest(reason):
                done = ask("binance", {"call": name, "params": params})
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(reason, done.stderr)
        done = ask("no-such-profile", {"call": "GET /x", "params": {}}, "--socket", "/nonexistent/agent.sock")
        self.assertIn("there is no profile 'no-such-profile'", done.stderr)

    def test_every_parameter_changes_the_intent(self):
        done = run(PROPERTY, "--cases", "100", *sorted((ROOT / "profiles").glob("*.yaml")))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_document_says_what_the_profiles_say(self):
        done = subprocess.run(
            [ROOT / "scripts" / "intents", "--check"], env=dict(os.environ, CHANCERY_BUILD=str(BUILD)),
            capture_output=True, text=True, timeout=60, check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
