"""An operator tried a wrong PIN, and locked the token before it had answered. The token counted the try, and so did the agent for the
token, but not against that operator, who could do so again at once: two such tries, and nobody could unlock the token any more
without --last-try."""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import codes
import harness

LOCKED, LATER = 6, 7


@unittest.skipUnless(os.getuid() == 0, "only root can be another user")
class CutTries(codes.CodesTest):
    people = ("  tester: {{ uid: {uid}, roles: [operator, admin], totp: \"pkcs11:object=tester-totp\" }}\n"
              "  second: {{ uid: {other_uid}, roles: [operator], totp: \"pkcs11:object=second-totp\" }}\n")

    def as_second(self, *words):
        uid = os.getuid() + 4242
        return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", str(harness.CLI), *words]

    def begin_unlock(self, code):
        """A wrong PIN of the second operator, who is about to change their mind."""
        unlock = subprocess.Popen(self.as_second("unlock", "main"), env=self.agent.environment(), stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        unlock.stdin.write(f"wrong\n{code}\n".encode())
        unlock.stdin.close()
        return unlock

    def logins(self):
        with self.agent.client() as client:
            return client.get("/v1/status").json["tokens"][0]["logins"]

    def test_a_try_that_the_token_may_have_seen_counts_against_who_made_it(self):
        os.chmod(self.agent.home, 0o711)
        admin = self.enroll()
        self.assertEqual(self.unlock(self.fresh_code(admin)).returncode, 0)
        second = self.enroll("second", admin)
        self.agent.must("lock", "main")
        harness.wait_until(lambda: self.state() == "locked", "the next process is there")
        token = self.agent.child("token").pid
        before = self.logins()
        os.kill(token, signal.SIGSTOP)
        unlock = self.begin_unlock(self.fresh_code(second))
        harness.wait_until(lambda: self.logins() == before + 1, "the PIN is at the token")
        subprocess.run(self.as_second("lock", "main"), env=self.agent.environment(), check=True, capture_output=True)
        os.kill(token, signal.SIGCONT)
        self.assertEqual(unlock.wait(30), LOCKED, unlock.stderr.read())
        unlock.stderr.close()
        harness.wait_until(lambda: self.state() == "locked", "the next process is there")

        again = self.begin_unlock(self.fresh_code(second))
        self.assertIn(b"1 of your unlocks of token 'main' have failed", again.stderr.read())
        again.stderr.close()
        again.wait(30)
        done = self.unlock(self.fresh_code(admin))
        self.assertEqual(done.returncode, 0, f"{done.stderr.decode()}\n{self.agent.log()}")


if __name__ == "__main__":
    unittest.main()
