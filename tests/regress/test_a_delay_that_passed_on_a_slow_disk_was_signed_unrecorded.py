"""A request through a relay needed a delay alone, and the disk took longer than the delay to keep that it was asked for. It then passed
as what was asked for and waited, and the row of the asking was taken for that of the decision: it was signed without a
record, and its delay was good for another one."""

import json
import os
import subprocess
import time
import unittest

import harness
import relaying
from test_a_hung_disk_held_core import move_state
from waiting import Waiting

KEY = "binance-relay"
TRANSFER = {"method": "POST", "path": "/sapi/v1/asset/transfer", "params": {"type": "MAIN_UMFUTURE", "asset": "BTC", "amount": "1"}}
DELAY_S = 1
HUNG_S = 1.8  # core waits three seconds for a disk


class SlowDisk(harness.AgentTest):
    @classmethod
    def prepare(cls):
        text = relaying.POLICY.format(uid=os.getuid(), binance_key_id=harness.BINANCE_KEY_ID)
        cls.agent.policy.write_text(text.replace("approvals: 1, of: [ops], within: 1h", f"delay: {DELAY_S}s"))
        move_state(cls)

    def ask(self):
        relaying.written.clear()  # each has a time of its own
        with relaying.Relay(self.agent) as relay:
            return relay.sign(KEY, TRANSFER)[0]

    def decisions(self):
        rows = json.loads(self.agent.must("decisions", "--json"))["decisions"]
        return [row["record"] for row in rows if row["record"].get("outcome") == "allowed"]

    def test_it_is_recorded_and_uses_up_its_delay(self):
        subprocess.run(["fsfreeze", "-f", self.disk], check=True)
        try:
            asking = Waiting(self.ask)
            time.sleep(HUNG_S)
        finally:
            subprocess.run(["fsfreeze", "-u", self.disk], check=True)
        asking.join(20)
        self.assertEqual(asking.result.status, 200, asking.result)
        self.assertEqual([record["approval"]["id"] for record in self.decisions()], [1])
        self.assertEqual(self.ask().status, 202)  # which begins a delay of its own


if __name__ == "__main__":
    unittest.main()
