"""What chancery setup had written could be gone when it was to be put in its place, as by whatever cleans up below /tmp.
It took that for a part that it had not made, and said that all was done."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from dialogue import answer, come_to, type_text
import setting_up


class Done(setting_up.SetupAtTerminalTest):
    def set_up_without(self, name):
        """All of it, but the file is removed before the last answer. Returns what was shown."""
        dialogue = self.dialogue(is_new_token=self.tokens() == [])
        terminal = self.terminal(*dialogue.words)
        for prompt in dialogue.prompts[:-1]:
            answer(terminal, prompt)
        come_to(terminal, dialogue.prompts[-1])
        next(self.target.glob(f".setup-*/{name}")).unlink()
        type_text(terminal, self.new_code() + "\n")
        self.assertNotEqual(terminal.finish(), setting_up.OK, terminal.shown)
        return terminal.shown

    def test_what_is_not_in_its_place_is_not_done(self):
        before = self.files()
        for name in ("policy.yaml", "agent.yaml"):
            with self.subTest(name):
                shown = self.set_up_without(name)
                self.assertIn(f"putting {self.target / name} in its place", shown)
                self.assertNotIn("Done: ", shown)
                self.assertEqual((self.files(), self.keys()), (before, []))


if __name__ == "__main__":
    unittest.main()
