"""The recipes of docs/hacking.md work: done in a copy of the tree, they need the files that they name and no other."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import harness
import tree
from harness import BINANCE_ORDER, BUILD, ROOT

HACKING = ROOT / "docs" / "hacking.md"


in_a_plain_build_only = unittest.skipIf(harness.AGENT.exists() and harness.is_sanitized(),
                                        "what a new row does is the same in every build")


def recipes():
    """The files of each recipe: {title: [path, ...]}."""
    found = {}
    for title, text in re.findall(r"(?ms)^### (Add .*?)\n(.*?)(?=^### |^## |\Z)", HACKING.read_text()):
        lines = re.findall(r"(?m)^Files: (.*)$", text)
        found[title] = re.findall(r"`([^`]+)`", lines[0]) if len(lines) == 1 else []
    return found


def with_row_like(text, row, *changes):
    """`text` with a copy of the one line in which `row` matches after it, changed by each (old, new)."""
    lines = [line for line in text.splitlines(keepends=True) if re.search(row, line)]
    assert len(lines) == 1, f"{row}: {lines}"
    copy = lines[0]
    for old, new in changes:
        assert old in copy, f"{old}: {copy}"
        copy = copy.replace(old, new)
    return text.replace(lines[0], lines[0] + copy)


def before(text, line, more):
    """`text` with `more` before the one line that starts with `line`."""
    assert text.count("\n" + line) == 1, line
    return text.replace("\n" + line, "\n" + more + line)


class Recipes(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="chancery-recipe."))
        self.addCleanup(shutil.rmtree, self.root)
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy(path, self.root)
            elif not path.name.startswith((".git", "build")):
                shutil.copytree(path, self.root / path.name,
                                ignore=shutil.ignore_patterns("node_modules", "__pycache__"))

    def change(self, title, changes):
        """Changes the copy by {path: function of the text}; they must be the files of the recipe."""
        self.assertEqual(sorted(changes), sorted(recipes()[title]))
        for path, change in changes.items():
            text = (self.root / path).read_text()
            self.assertNotEqual(change(text), text, path)
            (self.root / path).write_text(change(text))

    def run_in_copy(self, *command, **variables):
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=200, check=False,
                              env={**os.environ, **variables})

    def test_every_recipe_names_files_that_exist(self):
        self.assertGreater(len(recipes()), 3)
        for title, files in recipes().items():
            with self.subTest(recipe=title):
                self.assertGreater(len(files), 0)
                self.assertEqual([path for path in files if not (ROOT / path).is_file()], [])

    @in_a_plain_build_only
    def test_a_mechanism(self):
        self.change("Add a mechanism", {
            "pkcs11/mechanism.c": lambda text: with_row_like(text, '"hmac-sha256"', ("SHA256", "SHA224"),
                                                             ("sha256", "sha224"), ("32", "28")),
            "tests/unit/pkcs11/test_key.c": lambda text: with_row_like(text, '"hmac-sha256", +"sha256"',
                                                                          ("sha256", "sha224")),
        })
        program = self.build("tests/unit/pkcs11/test_key")[0]
        rows = (ROOT / "tests/unit/pkcs11/test_key.c").read_text().count('{"hmac-')
        done = self.run_in_copy(program, CK_RUN_CASE="test_every_secret_length_gives_the_hmac_of_the_secret_itself")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"100%: Checks: {rows + 1},", done.stdout)

    def take_objects(self):
        """Gives the copy what was built of the tree, so that only what a recipe touches is built anew."""
        for folder in ("", *tree.folders(), "tests/support", "tests/unit/pkcs11"):
            copies = self.root / "built" / folder
            copies.mkdir(parents=True, exist_ok=True)
            for path in (BUILD / folder).glob("*.*"):
                if path.suffix in (".a", ".d", ".h", ".o"):
                    shutil.copy2(path, copies)
                if path.suffix == ".d":  # it names objects by their whole paths
                    (copies / path.name).write_text(path.read_text().replace(f"{BUILD}/", f"{self.root}/built/"))

    def build(self, *programs):
        """Builds programs in the copy, and returns their paths."""
        if b"__llvm_profile" not in harness.AGENT.read_bytes():  # objects that count do not link with others
            self.take_objects()
        paths = [f"{self.root}/built/{program}" for program in programs]
        done = self.run_in_copy("make", f"-j{os.cpu_count()}", f"BUILD={self.root}/built", "CFLAGS=-O0", *paths,
                                MAKEFLAGS="")
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return paths

    def add_a_frame(self):
        """GREETING, which core sends after a login, and which the token process logs."""
        put = """\
    ch_greeting_frame greeting = {.number = 7};
    CH_TRY(ch_greeting_frame_put(ch_channel_out(&link->child.channel), 0, &greeting, err));
"""
        handler = """\
static ch_status ch_worker_take_greeting(void *context, ch_frame *frame, int *fd, ch_error *err)
{
    (void)context;
    (void)fd;
    ch_greeting_frame greeting;
    CH_TRY(ch_greeting_frame_get(frame, &greeting, err));
    ch_log("core sent the number %u", greeting.number);
    return CH_OK;
}

"""
        self.change("Add a frame", {
            "wire/frames.def": lambda text: with_row_like(
                text, r"^FRAME\(LOGOUT,", ("LOGOUT", "GREETING"), ("logout", "greeting"), ("67", "90"),
                ("NO_FIELDS", "FIELD(u32, number)")),
            "wire/frames.h": lambda text: re.sub(r"(?<=CH_FRAMES_VERSION )\d+", lambda old: str(int(old[0]) + 1), text),
            "agent/core/token_link_logins.c": lambda text: before(text, "    ch_link_set_state(link, CH_LINK_LOGGING_IN);", put),
            "agent/token/worker.c": lambda text: with_row_like(
                before(text, "static unsigned state_of(", handler), "{ CH_FRAME_LOGIN, ", ("LOGIN", "GREETING"),
                ("login", "greeting")),
            "docs/protocol.md": lambda text: before(text, "| 68 | JOB |", self.printed_row("GREETING")),
        })

    def printed_row(self, frame):
        """The row of a frame that the copy's frames.py prints."""
        out = self.run_in_copy("python3", "tests/e2e/frames.py").stdout
        return re.search(rf"(?m)^\| \d+ \| {frame} \|.*\n", out)[0]

    def add_a_step(self):
        """`host`, which refuses a request that names its host."""
        run = """\
static ch_status refuse_host(ch_requests *requests, ch_job *job, ch_error *err)
{
    (void)requests;
    job->names_host = job->request.host.size > 0;
    return job->names_host ? ch_fail(err, CH_REFUSED, "the request names its host") : CH_OK;
}

"""
        self.change("Add a step", {
            "agent/core/request.c": lambda text: with_row_like(
                before(text, "static ch_status wait_for_turn(", run), '^ +{ "parameters",', ('"parameters"', '"host"'),
                ("check_parameters", "refuse_host")),
            "agent/core/jobs.h": lambda text: before(text, "    ch_peer caller;", "    bool names_host;\n"),
            "docs/architecture.md": lambda text: before(text, "| `enter` | ", "| `host` | refuses a host | |\n"),
            "docs/openapi.yaml": lambda text: text.replace("parameters, enter,", "parameters, host, enter,"),
        })

    @in_a_plain_build_only
    def test_a_frame_and_a_step(self):
        self.add_a_frame()
        self.add_a_step()
        agent_program, cli = self.build("chancery-agent", "chancery", "chancery-front", "chancery-token")[:2]
        with unittest.mock.patch.multiple(harness, AGENT=agent_program, CLI=cli):
            agent = harness.Agent()
            self.addCleanup(agent.close)
            agent.make_token()
            agent.make_keys()
            agent.start()
            self.assertEqual(agent.unlock().returncode, 0, agent.log())
        harness.wait_until(lambda: "core sent the number 7" in agent.log(), "the token process logs the frame")
        with agent.client() as client:
            self.assertEqual(client.sign("binance-main", BINANCE_ORDER).status, 200, agent.log())
            refused = client.sign("binance-main", {**BINANCE_ORDER, "host": "api.binance.com"})
        self.assertEqual((refused.status, refused.json["step"]), (403, "host"))
        documents = self.run_in_copy("python3", "-m", "unittest", "discover", "-s", "tests/e2e", "-p", "test_documents.py",
                                     "-k", "test_documents.Documents.")
        self.assertEqual(documents.returncode, 0, documents.stderr)
        self.assertEqual(self.run_in_copy("scripts/arrows").returncode, 0)

    def test_an_endpoint(self):
        call = "POST /0/private/NewlyInvented"
        new = f"  - {{ call: {call}, class: trade, intent: {{ order: {{ market: spot, side: buy }} }}, required: [pair] }}\n"
        old_table = (ROOT / "docs" / "exchanges.md").read_text()
        case = {"case": "one that is newly invented", "call": call, "params": {"pair": "XBTUSD"}, "means": []}

        def add_entry(text):
            return text.replace("\nendpoints:\n", "\nendpoints:\n" + new)

        def add_case(text):
            return json.dumps([*json.loads(text), case])

        def written_by(script):
            def write_again(_):
                done = self.run_in_copy(str(self.root / "scripts" / script), CHANCERY_BUILD=str(BUILD))
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stdout
            return write_again

        self.change("Add an endpoint", {
            "profiles/kraken.yaml": add_entry, "tests/intents/kraken.json": add_case,
            "docs/exchanges.md": written_by("exchanges"), "docs/intents.md": written_by("intents"),
        })
        checked = self.run_in_copy(str(harness.CLI), "profile", "check", "profiles/kraken.yaml")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        changed = set((self.root / "docs" / "exchanges.md").read_text().splitlines()) - set(old_table.splitlines())
        self.assertEqual([line.split("]")[0] for line in changed], ["| [kraken"])
        self.assertIn("NewlyInvented", (self.root / "docs" / "intents.md").read_text())
        for script in ("exchanges", "intents"):
            self.assertEqual(self.run_in_copy(str(self.root / "scripts" / script), "--check", CHANCERY_BUILD=str(BUILD)).returncode, 0)


if __name__ == "__main__":
    unittest.main()
